"""Any number of signals of any types as one short text and one run of bytes, and back.

The text, the *layout*, says what the bytes are::

    code@lite0-256-7~reference:32,pdq:32i,sha256:32,structure

is a code of 32 bytes, of a space and made for a role; a PDQ hash of 32 bytes and its quality, an
integer; a SHA-256; and the structure of the picture. In full: signals in the order of their
types and spaces, each ``type[@space][~role]:width[i|f][t][*count]``, and ``structure`` last where
it is known. The bytes of a signal are its value, then its quality (``i``: int32, ``f``: float64),
then its time in a video in milliseconds (``t``: int64), numbers little-endian. ``*count`` stands
only where an item has several signals of one type and space, for each run of them that is laid out
alike: a video's frames are one run. Structure is a float64.

So a new type of signal needs no other layout of the store, and rows of one layout, which most rows
of a list are, are one table of bytes of which NumPy takes columns. It knows no signal type.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from service.domain.signals import Signal

ORDINAL_BITS: Final = 12
"""The id of a signal in an index is its entry's number times 4096 plus its ordinal: which of the
signals of its type and space it is in its entry, from 0. 51 bits are left for entries, one more
than a public id holds."""

MAX_ALIKE: Final = 1 << ORDINAL_BITS
"""Signals of one type and space that one entry may carry."""

STRUCTURE: Final = "structure"

_ITEM: Final = re.compile(
    r"(?P<type>[a-z][a-z0-9_]*)(@(?P<space>[a-z0-9._-]+))?(~(?P<role>[a-z]+))?"
    r":(?P<width>[0-9]{1,6})(?P<quality>[if]?)(?P<ms>t?)(\*(?P<count>[0-9]{1,4}))?",
    re.ASCII,
)
_NUMBERS: Final = {"": 0, "i": 4, "f": 8}


class PackedSignal(NamedTuple):
    """Where one signal stands in the bytes of its layout."""

    type: str
    space: str
    role: str | None
    ordinal: int
    at: int
    """First byte of the value."""
    width: int
    quality: str
    """``i``, ``f``, or empty where there is none."""
    ms: bool


@dataclass(frozen=True, eq=False)
class SignalLayout:
    """What a layout's text says."""

    items: tuple[PackedSignal, ...]
    structure: int
    """Where it stands in the bytes; -1 where there is none."""
    size: int
    """Of all, in bytes."""

    @property
    def most(self) -> int:
        """Signals of one type and space, of that of which there are most."""
        return 1 + max((one.ordinal for one in self.items), default=-1)

    @property
    def kinds(self) -> frozenset[str]:
        """Which types there are, with their spaces: ``sha256``, ``code@lite0-256-7``."""
        return frozenset(kind_of(one.type, one.space) for one in self.items)


def kind_of(type_: str, space: str = "") -> str:
    """A type and its space as one text."""
    return f"{type_}@{space}" if space else type_


def packed(items: Sequence[Signal], structure: float | None) -> tuple[str, bytes]:
    """The layout of signals, and their bytes.

    Raises ``ValueError`` for more of one type and space than ``MAX_ALIKE``.
    """
    layout, order, plain = _laid_out(
        tuple(
            [
                (
                    one.type,
                    one.space,
                    one.role,
                    len(one.value),
                    _number_of(one.quality),
                    one.ms is not None,
                )
                for one in items
            ]
        ),
        structure is not None,
    )
    if plain:
        raw = b"".join([items[at].value for at in order])
    else:
        raw = b"".join([_bytes(items[at]) for at in order])
    return layout, raw if structure is None else raw + struct.pack("<d", structure)


def unpacked(layout: str, raw: bytes) -> tuple[tuple[Signal, ...], float | None]:
    """The signals of a layout and its bytes, and the structure. Raises ``ValueError``."""
    laid = parsed(layout)
    if len(raw) != laid.size:
        raise ValueError("the bytes of an entry are not as long as its layout")
    found = []
    for one in laid.items:
        end = one.at + one.width
        quality: float | int | None = None
        if one.quality:
            (quality,) = struct.unpack_from(f"<{one.quality.replace('f', 'd')}", raw, end)
            end += _NUMBERS[one.quality]
        ms = struct.unpack_from("<q", raw, end)[0] if one.ms else None
        value = raw[one.at : one.at + one.width]
        found.append(Signal(one.type, value, one.space, quality, ms, one.role))
    structure = None if laid.structure < 0 else struct.unpack_from("<d", raw, laid.structure)[0]
    return tuple(found), structure


@lru_cache(8192)
def parsed(layout: str) -> SignalLayout:
    """What a layout says. Raises ``ValueError`` for a text that is none."""
    parts = layout.split(",") if layout else []
    structured = bool(parts) and parts[-1] == STRUCTURE
    items: list[PackedSignal] = []
    at = 0
    seen: dict[tuple[str, str], int] = {}
    for part in parts[: len(parts) - structured]:
        said = _ITEM.fullmatch(part)
        if said is None:
            raise ValueError("the layout of an entry cannot be read")
        width, size = int(said["width"]), int(said["width"]) + _NUMBERS[said["quality"]]
        size += 8 * bool(said["ms"])
        kind = said["type"], said["space"] or ""
        for _ in range(int(said["count"] or 1)):
            ordinal = seen.get(kind, 0)
            seen[kind] = ordinal + 1
            items.append(
                PackedSignal(
                    *kind, said["role"], ordinal, at, width, said["quality"], bool(said["ms"])
                )
            )
            at += size
    return SignalLayout(tuple(items), at if structured else -1, at + 8 * structured)


@lru_cache(8192)
def _laid_out(
    shape: tuple[tuple[str, str, str | None, int, str, bool], ...], structured: bool
) -> tuple[str, tuple[int, ...], bool]:
    """The layout of signals of such shapes; where each of its items comes from; and whether none
    of them has numbers."""
    order = tuple(sorted(range(len(shape)), key=lambda at: shape[at][:2]))
    kinds = [shape[at][:2] for at in order]
    parts = [
        _part(shape[order[first]], count, kinds.count(shape[order[first]][:2]))
        for first, count in _runs([shape[at] for at in order])
    ]
    return (
        ",".join([*parts, STRUCTURE] if structured else parts),
        order,
        not any(one[4] or one[5] for one in shape),
    )


def _runs(shapes: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Where each run of equals begins, and how long it is."""
    first = 0
    for at in range(1, len(shapes) + 1):
        if at == len(shapes) or shapes[at] != shapes[first]:
            yield first, at - first
            first = at


def _part(shape: tuple[str, str, str | None, int, str, bool], count: int, alike: int) -> str:
    type_, space, role, width, quality, ms = shape
    if alike > MAX_ALIKE:
        raise ValueError(f"an entry carries at most {MAX_ALIKE} signals of one type")
    text = f"{kind_of(type_, space)}{f'~{role}' if role else ''}:{width}{quality}{'t' * ms}"
    return text if alike == 1 else f"{text}*{count}"


def _number_of(quality: float | None) -> str:
    return "" if quality is None else "f" if isinstance(quality, float) else "i"


def _bytes(one: Signal) -> bytes:
    out = one.value
    if one.quality is not None:
        kind = "<d" if isinstance(one.quality, float) else "<i"
        out += struct.pack(kind, one.quality)
    if one.ms is not None:
        out += struct.pack("<q", one.ms)
    return out
