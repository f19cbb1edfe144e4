"""Between an entry's values and its columns: the one place where signals become a row and back.

It knows the layout of a row; not when rows may be written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
import xxhash
from sqlalchemy import Row, func

from service.domain.errors import BadSignalError, InvalidValueError
from service.domain.signals import Signals
from service.domain.values import Entry
from service.store.core.faults import readable
from service.store.core.models import BankRow, EntryRow, ListRow
from service.store.entries.packing import kind_of, packed, unpacked

IN_FORCE: Final = "in_force"
DISABLED: Final = "disabled"
REMOVED: Final = "removed"

CONTENT: Final = ("layout", "signals", "labels", "content")
"""The columns of an entry that an import brings, and that an earlier state keeps."""

EMPTY: Final[dict[str, Any]] = {"layout": "", "signals": None, "labels": "[]", "content": None}
"""What they are once an entry is removed: a state that is altered brings nothing back, and none
that is in force turns into this by a few bits."""

CHECKED: Final = (
    EntryRow.state,
    EntryRow.layout,
    EntryRow.provider_id,
    EntryRow.labels,
    EntryRow.signals,
    EntryRow.content,
)
"""What an entry is, and the hash over all of it; ``is_whole`` takes their values."""

ENTRY_COLUMNS: Final = (
    EntryRow.id,
    BankRow.name.label("bank"),
    ListRow.provider,
    ListRow.name.label("list"),
    EntryRow.provider_id,
    EntryRow.layout,
    EntryRow.signals,
    EntryRow.labels,
    EntryRow.content,
    EntryRow.state,
    func.coalesce(ListRow.version, EntryRow.version).label("list_version"),
    EntryRow.created_at,
    EntryRow.updated_at,
)
"""What ``entry`` reads; select them from entries joined with lists and banks."""

_OLDEST: Final = ("md5", "sha1", "sha256", "pdq", "url")
"""Types by whose names and values ids were derived first."""


class Packed(NamedTuple):
    """What an entry is, as columns."""

    layout: str
    signals: bytes
    labels: str
    content: bytes
    """Of an entry in force."""
    disabled: bytes
    """``content`` where it is disabled."""


def packed_content(provider_id: str, signals: Signals, labels: tuple[str, ...]) -> Packed:
    """The columns that hold what an entry is. Raises ``BadSignalError``."""
    try:
        layout, raw = packed(signals.items, signals.structure)
    except ValueError as error:
        raise BadSignalError(str(error)) from None
    said = orjson.dumps(labels).decode()
    tail = f"\n{layout}\n{provider_id}\n{said}\n".encode() + raw
    return Packed(layout, raw, said, _hash(b"in_force" + tail), _hash(b"disabled" + tail))


def content_hash(state: str, layout: str, provider_id: str, labels: str, raw: bytes) -> bytes:
    """The hash of an entry, 16 bytes."""
    return _hash(f"{state}\n{layout}\n{provider_id}\n{labels}\n".encode() + raw)


def content_columns(packed: Packed, enabled: bool) -> dict[str, Any]:
    """``packed`` as the values of ``CONTENT``, and the state."""
    return {
        "layout": packed.layout,
        "signals": packed.signals,
        "labels": packed.labels,
        "content": packed.content if enabled else packed.disabled,
        "state": IN_FORCE if enabled else DISABLED,
    }


def is_whole(
    state: object, layout: object, provider_id: object, labels: object, raw: object, content: object
) -> bool:
    """Whether the values of ``CHECKED`` in a row are what was written: the hash says so, and that
    of what is removed nothing is left."""
    if state == REMOVED:
        return layout == "" and raw is None and content is None
    # A text that became bytes, or the other way round, reads as another one here.
    return (
        isinstance(raw, bytes)
        and content == _hash(f"{state}\n{layout}\n{provider_id}\n{labels}\n".encode() + raw)
        and state in (IN_FORCE, DISABLED)
    )


def whole_rows(rows: Iterable[tuple[Any, ...]]) -> list[bool]:
    """``is_whole`` of many rows whose last columns are ``CHECKED``, as quick as may be."""
    digest = xxhash.xxh3_128_digest
    try:
        return [
            content == digest(f"{state}\n{layout}\n{provider_id}\n{labels}\n".encode() + raw)
            and (state == "in_force" or state == "disabled")
            for *_, state, layout, provider_id, labels, raw, content in rows
        ]
    except (TypeError, UnicodeEncodeError):  # of a removed or a damaged one
        return [is_whole(*row[-len(CHECKED) :]) for row in rows]


def derived_provider_id(signals: Signals) -> str:
    """An id for an item whose provider gave none: the same signals always get the same.

    It does not reveal the signals, since ids are shown where hashes are not.
    """
    first = {name: signals.first(name) for name in _OLDEST}
    named = {name: one.value if one else None for name, one in first.items()}
    codes = signals.codes
    said = orjson.dumps({space: code.hex() for space, code in sorted(codes.items())})
    named |= {"codes": said if codes else None, "labels": b"[]"}
    stood = {*first.values(), *(signals.first("code", space) for space in codes)}
    more: dict[str, list[str]] = {}
    for one in signals.items:
        if one not in stood:
            more.setdefault(kind_of(one.type, one.space), []).append(one.value.hex())
    named |= {f"{kind}*": ",".join(values).encode() for kind, values in more.items()}
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(named.items()):
        raw = value or b""
        # Lengths keep two different sets of values from running into the same bytes.
        digest.update(f"{name}:{value is None:d}:{len(raw)}:".encode() + raw)
    return f"h_{digest.hexdigest()}"


def entry(row: Row[*tuple[Any, ...]]) -> Entry:
    """The entry of a row that holds ``ENTRY_COLUMNS``. Raises ``StoreDamagedError``."""
    with readable(InvalidValueError):
        return _entry(row)


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(
        id=row.id,
        bank=row.bank,
        provider=row.provider,
        list=row.list,
        provider_id=row.provider_id,
        signals=Signals(*unpacked(row.layout, row.signals or b"")),
        labels=tuple(orjson.loads(row.labels)),
        list_version=row.list_version,
        enabled=row.state == IN_FORCE,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def version_of_moment(moment: datetime) -> str:
    """The name of a version that nobody named: RFC 3339 UTC, to the microsecond."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _hash(data: bytes) -> bytes:
    return xxhash.xxh3_128_digest(data)
