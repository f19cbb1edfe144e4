"""Further signals of an item beside the first of each type, such as those of a video's frames.

In JSON they are a list, each with one signal, and where somebody said so its quality and its time::

    "frames": [{"ms": 0, "pdq": "f8f8…", "quality": 97}, {"ms": 1000, "codes": {"SPACE": "5f37…"}}]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from service.domain.errors import BadSignalError
from service.domain.signals.gauges import read_grade, read_spaces
from service.domain.signals.kinds import SignalType
from service.domain.signals.registry import Types, types_by_name
from service.domain.signals.signal import Signal

ORDINAL_BITS: Final = 12

MAX_ALIKE: Final = 1 << ORDINAL_BITS
"""Signals of one type and space that one item may have, so that a place among them is a number of
``ORDINAL_BITS``."""

MAX_FRAMES: Final = 2000
"""Beside the firsts: half an hour at one a second, and no more than a line of a list takes."""

_MAX_MS: Final = 2**53
"""As far as JSON's numbers are exact."""


def frames_json(frames: Sequence[Signal]) -> list[dict[str, object]]:
    """As ``parse_frames`` reads them."""
    out = []
    types = types_by_name()
    for one in frames:
        known = types[one.type]
        text = known.write(one.value)
        said: dict[str, object] = {} if one.ms is None else {"ms": one.ms}
        said[known.field] = {one.space: text} if known.spaced else text
        if one.quality is not None:
            said["quality"] = one.quality
        out.append(said)
    return out


def parse_frames(value: object, types: Types, roles: Mapping[str, str | None]) -> list[Signal]:
    """The signals of ``frames``; ``roles``: of each type's signals, where its item states one.

    Raises ``BadSignalError`` naming the frame, from 0, and the key.
    """
    if not isinstance(value, list):
        raise BadSignalError("frames must be a list")
    if len(value) > MAX_FRAMES:
        raise BadSignalError(f"frames: at most {MAX_FRAMES}, not {len(value)}")
    by_field = {one.field: one for one in types}
    return [_frame(f"frames.{n}", said, by_field, roles) for n, said in enumerate(value)]


def _frame(
    name: str,
    said: object,
    types: Mapping[str, SignalType],
    roles: Mapping[str, str | None],
) -> Signal:
    if not isinstance(said, Mapping):
        raise BadSignalError(f"{name} must be an object")
    fields = [field for field in said if field not in ("ms", "quality")]
    if len(fields) != 1 or fields[0] not in types:
        raise BadSignalError(f"{name} must have one signal, of {', '.join(sorted(types))}")
    known, value, space = types[fields[0]], said[fields[0]], ""
    named = f"{name}.{known.field}"
    if known.spaced:
        by_space = read_spaces(named, value)
        if len(by_space) != 1:
            raise BadSignalError(f"{named} must have one code space")
        ((space, value),) = by_space.items()
        named = f"{named}.{space}"
    ms = said.get("ms")
    if isinstance(ms, bool) or not isinstance(ms, int | None) or not 0 <= (ms or 0) < _MAX_MS:
        raise BadSignalError(f"{name}.ms must be an integer from 0, in milliseconds")
    grade = said.get("quality")
    if grade is not None and known.grade is None:
        raise BadSignalError(f"{name}.quality: {known.name} has none")
    quality = None if known.grade is None else read_grade(f"{name}.quality", grade, known.grade)
    return Signal(known.name, known.read(named, value), space, quality, ms, roles.get(known.name))
