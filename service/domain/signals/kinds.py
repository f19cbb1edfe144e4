"""What a type of signal is: its form, its quality rule, how it is matched, what a match means.

Everything that the rest of the service does with a type is derived from such a description, so that
a new type is a description and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from embeddings.figures import MIN_STRUCTURE
from service.domain.errors import BadSignalError
from service.domain.signals.hiding import KEY_BYTES
from service.domain.signals.signal import Signal


class Matching(StrEnum):
    """How two signals of a type are compared."""

    EXACT = "exact"
    """They are the same, or not."""
    RADIUS = "radius"
    """They differ in no more bits than a radius."""


class Weight(StrEnum):
    """What a match means, before the bank is asked."""

    PLACE = "place"
    """Where an item was found is listed: blocks, whatever the item is, known-good items too."""
    DIGEST = "digest"
    """The very file is listed: blocks by itself; a known-good file of that kind is a conflict."""
    BANK = "bank"
    """A picture like it is listed: the bank says what to do."""
    REVIEW = "review"
    """A picture like it is listed, by a code that can be forced: asks for review."""


@dataclass(frozen=True)
class Grade:
    """How good one signal of a type is, as numbers say it."""

    most: int
    """The numbers go from 0 to this, higher = better."""
    least: float
    """A signal below this is kept, and never matched."""
    whole: bool = False
    """Whether they are integers."""
    field: str = ""
    """What states it in JSON and in lists beside the signal; empty: only a frame states it."""


@dataclass(frozen=True, eq=False)
class KeyRules:
    """How signals of a type are found that match more than what is equal to them, as a rule for a
    whole domain does: what is listed has one key, and whoever asks asks for several."""

    layout: Callable[[], str]
    """The name of the rules by which keys are made: an index made by others is built anew."""
    listed: Callable[[bytes], str]
    """The key of a value that is listed; ``UNREAD`` of one that only another release can read."""
    asked: Callable[[bytes], Sequence[str]]
    """The keys of every value that could be listed and match a value that is asked for."""
    read: Callable[[str, object], bytes]
    """As ``SignalType.read``, of a value that is asked for."""
    doubts: Callable[[bytes], Sequence[str]]
    """Why a value that is asked for may stand for more than was looked up."""


@dataclass(frozen=True, eq=False)
class SignalType:
    """A type of signal. Two are the same only if they are one object."""

    name: str
    """Lower-case letters, digits and ``_``: in JSON, in lists, in matches."""
    sentence: str
    """What it is, for whoever reads the API's description."""
    example: str
    """One, as text; made up."""
    weight: Weight
    read: Callable[[str, object], bytes]
    """The canonical bytes of what a request or a list says; raises ``BadSignalError`` with the name
    that is given first, and never the value."""
    write: Callable[[bytes], str]
    """The same as text: what ``read`` takes."""
    schema: dict[str, Any]
    """JSON Schema of the text."""
    width: int | None
    """Of the canonical bytes; ``None`` where they vary."""
    matching: Matching = Matching.EXACT
    keys: KeyRules | None = None
    """Where what is listed matches more than what is equal to it."""
    key_width: int = 0
    """Bytes that an index holds of one: ``width``, or those of a key; 8 at least, and
    ``CODE_BYTES`` of what is matched by radius."""
    radius: int = 0
    """How far it is looked for where the bank does not say, bits, inclusive; -1: the model of its
    space says."""
    algorithm: str = ""
    """Types of one algorithm are the same function of a file's bytes, whatever the file holds: a
    query's is looked up among all of them. By default ``name``."""
    structural: bool = False
    """Whether it says nothing of an image with too little structure, and is not matched there."""
    grade: Grade | None = None
    """``None``: there are no good ones and bad ones."""
    spaced: bool = False
    """Whether those of different code spaces are never compared; then ``field`` maps space to
    text."""
    field: str = ""
    """In JSON and lists; by default ``name``."""
    roles: tuple[str, ...] = ()
    """What one can be made for, said by ``role_field``."""
    role_field: str = ""
    aliases: tuple[str, ...] = ()
    """Other names in lists, in lower case with ``_`` between words."""
    allows: bool = False
    """Whether an ``allow`` bank acts on it."""
    exact: bool = dataclasses.field(init=False)
    """Whether it is matched by equality."""

    def __post_init__(self) -> None:
        """Fill in what follows from the rest."""
        object.__setattr__(self, "field", self.field or self.name)
        object.__setattr__(self, "exact", self.matching is Matching.EXACT)
        object.__setattr__(self, "algorithm", self.algorithm or self.name)
        width = self.width if self.keys is None else KEY_BYTES
        object.__setattr__(self, "key_width", width or 0)
        assert self.key_width >= 8, f"{self.name}: an index bisects its first eight bytes"

    @property
    def fields(self) -> tuple[str, ...]:
        """What says it in JSON and in lists: its value, its quality, what it was made for."""
        beside = (self.grade.field if self.grade else "", self.role_field)
        return (self.field, *filter(None, beside))

    def reads(self, asked: bool) -> Callable[[str, object], bytes]:
        """What reads a value that is listed, or one that is ``asked`` for."""
        return self.keys.read if asked and self.keys is not None else self.read

    def usable(self, signal: Signal, structure: float | None) -> bool:
        """Whether ``signal`` may be matched, of an image of that structure; who gives no quality is
        believed."""
        if self.structural and not is_structured(structure):
            return False
        return self.grade is None or signal.quality is None or signal.quality >= self.grade.least


def is_structured(value: float | None) -> bool:
    """Whether an image of this structure, 0..1, may be matched by perceptual signals."""
    return value is None or value >= MIN_STRUCTURE


def octets(width: int) -> dict[str, Any]:
    """What ``SignalType`` needs of a type that is ``width`` bytes, written as hex or base64."""
    digits, letters = 2 * width, 4 * ((width + 2) // 3)

    def read(name: str, value: object) -> bytes:
        if not isinstance(value, str):
            raise BadSignalError(f"{name} must be text, {digits} hex digits")
        if len(value) == digits:
            try:
                raw = bytes.fromhex(value)
            except ValueError:
                raw = b""
            if len(raw) == width:  # spaces count for nothing there
                return raw
        elif len(value) == letters:
            try:
                raw = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raw = b""
            if len(raw) == width and base64.b64encode(raw).decode() == value:
                return raw
        raise BadSignalError(
            f"{name} must be {digits} hex digits, not {len(value)} characters like this"
        )

    return {"width": width, "read": read, "write": bytes.hex, "schema": _schema(width)}


_LAST: Final = {0: "", 1: "[A-Za-z0-9+/][AQgw]==", 2: "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]="}


def _schema(width: int) -> dict[str, Any]:
    base = f"[A-Za-z0-9+/]{{{width // 3 * 4}}}{_LAST[width % 3]}"
    return {"type": "string", "pattern": f"^([0-9a-fA-F]{{{2 * width}}}|{base})$"}
