"""The signals of items: one module a type, the registry of them, and how they are read and written.

========= =====================================================================================
module    says
========= =====================================================================================
kinds     what there is to say of a type: form, quality, how it is matched, what a match means
registry  which types there are
signal    one signal: a value of one type
items     all signals of one item
frames    the further ones of a type, such as those of a video's frames
gauges    what is said beside a signal: its quality, its code space
hiding    keys of what is listed, as hashes under a secret
fields    how they are read from JSON and from lists
========= =====================================================================================

The other modules are types, and what fingerprints have of them. It knows no list, no store and no
index, and loads neither NumPy nor a database.
"""

from __future__ import annotations

from service.domain.signals.fields import parse_signals, unit_interval
from service.domain.signals.fingerprints import (
    DOUBTS,
    MADE,
    QuerySignals,
    doubts_of,
    fingerprint_json,
    from_fingerprint,
    from_view,
    query_signals,
)
from service.domain.signals.frames import MAX_ALIKE, MAX_FRAMES, ORDINAL_BITS
from service.domain.signals.gauges import MAX_SPACES
from service.domain.signals.hiding import SECRET_BYTES, UNREAD, Keyed
from service.domain.signals.items import Signals
from service.domain.signals.kinds import Matching, SignalType, Weight, is_structured
from service.domain.signals.pdq import is_trusted
from service.domain.signals.registry import (
    Types,
    registered,
    signal_type,
    signal_types,
    types_by_name,
)
from service.domain.signals.signal import Signal
from service.domain.signals.url import MAX_URL

__all__ = [
    "DOUBTS",
    "MADE",
    "MAX_ALIKE",
    "MAX_FRAMES",
    "MAX_SPACES",
    "MAX_URL",
    "ORDINAL_BITS",
    "SECRET_BYTES",
    "UNREAD",
    "Keyed",
    "Matching",
    "QuerySignals",
    "Signal",
    "SignalType",
    "Signals",
    "Types",
    "Weight",
    "doubts_of",
    "fingerprint_json",
    "from_fingerprint",
    "from_view",
    "is_structured",
    "is_trusted",
    "parse_signals",
    "query_signals",
    "registered",
    "signal_type",
    "signal_types",
    "types_by_name",
    "unit_interval",
]
