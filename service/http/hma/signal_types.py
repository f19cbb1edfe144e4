"""Signal types by the names that clients of HMA use, and from there to our signals and back.

Most names are theirs and ours. The MD5 of a file is ``video_md5`` to them, whatever the file is;
what is listed as either is found by either. Each code space is a signal type of its own name: a
client that looks up every key of a hashing answer gets learnt matching unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.domain import signals as ours
from service.domain.search import Found
from service.domain.signals import MADE, Signals, parse_signals
from service.domain.signals.video_digests import VIDEO_MD5
from service.http.door.services import Services
from service.http.hma.refusals import HmaError

PHOTO: Final = "photo"
VIDEO: Final = "video"
CONTENT_TYPES: Final = (PHOTO, VIDEO)

_HEX: Final = re.compile(r"[0-9a-f]*", re.ASCII)


@dataclass(frozen=True)
class HmaType:
    """One of their signal types."""

    name: str
    known: ours.SignalType
    space: str = ""
    """Of a code."""

    @property
    def key(self) -> tuple[str, str]:
        """Which index it is: our type's name, and the code space."""
        return self.known.name, self.space

    @property
    def digits(self) -> int:
        """Hex digits of a value."""
        return 2 * (self.known.width or 0)

    def fields(self, text: object) -> dict[str, Any] | None:
        """The signal that ``text`` is, in lower-case hex or as it is where it has no width, as
        fields of ours; ``None`` if it is none."""
        if self.known.width is None:
            return {self.known.field: text} if isinstance(text, str) else None
        if not isinstance(text, str) or len(text) != self.digits or not _HEX.fullmatch(text):
            return None
        return {self.known.field: {self.space: text} if self.space else text}

    def of(self, signals: Signals) -> bytes | None:
        """The value that ``signals`` have of this type and that may be matched."""
        first = signals.first(*self.key)
        usable = first is not None and self.known.usable(first, signals.structure)
        return first.value if first is not None and usable else None

    def found(self, hit: Found) -> bool:
        """Whether a hit is by this type, or by one that is the same function of a file."""
        by = ours.signal_type(hit.signal)
        return (by.algorithm, hit.space) == (self.known.algorithm, self.space)


def signal_types(parts: Services) -> dict[str, HmaType]:
    """Every signal type by name: ours, and the code spaces of models and lists."""
    known = ours.types_by_name()
    plain = [one for one in ours.signal_types() if not one.spaced]
    spaces = sorted({*parts.matcher.models, *parts.replica.spaces()})
    every = (
        *(HmaType(one.name, one) for one in plain),
        *(HmaType(space, known["code"], space) for space in spaces),
    )
    return {one.name: one for one in every}


def known_type(parts: Services, name: str, refusal: str) -> HmaType:
    """The type of this name. Raises ``HmaError`` with ``refusal``."""
    found = signal_types(parts).get(name)
    if found is None:
        raise HmaError(400, refusal)
    return found


def types_of_content(parts: Services, content_type: str) -> dict[str, HmaType]:
    """The types that content of a kind is hashed to. Raises ``HmaError``."""
    known = signal_types(parts)
    if content_type == VIDEO:
        # What a file of any kind is hashed to is ``md5`` here; to them it is of a video.
        return {VIDEO_MD5.name: HmaType(VIDEO_MD5.name, ours.signal_type("md5"))}
    if content_type == PHOTO:
        made = {*MADE, *parts.matcher.models}
        return {name: one for name, one in known.items() if name in made}
    raise HmaError(400, f"no such content_type: '{content_type[:64]}'")


def shown(signals: Signals, types: Iterable[HmaType]) -> dict[str, str]:
    """The values of those ``types`` that ``signals`` have: never an empty one."""
    values = {one.name: (one.known, one.of(signals)) for one in types}
    return {name: known.write(one) for name, (known, one) in values.items() if one is not None}


def merged(each: Iterable[Mapping[str, Any]]) -> Signals:
    """One item's signals, of the fields of several."""
    fields: dict[str, Any] = {}
    codes: dict[str, str] = {}
    for one in each:
        codes |= one.get("codes", {})
        fields |= one
    return parse_signals({**fields, **({"codes": codes} if codes else {})})


def listed_types(signals: Signals, types: Mapping[str, HmaType]) -> list[HmaType]:
    """Under which types an entry with ``signals`` is shown: each signal once."""
    return [one for one in types.values() if one.of(signals)]
