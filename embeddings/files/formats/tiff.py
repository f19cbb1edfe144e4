"""TIFF: its first directory, and how many follow.

It knows directories and how samples are laid out, not strips or what is compressed in them. Only
the kinds of compression in common use are let through: the rare ones have old decoders, or may ask
for gigabytes.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from embeddings.files.formats.contents import FileContents, damaged

_UNIT: Final = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), start=1)) | {
    16: 8,
    17: 8,
    18: 8,
}
_OPAQUE: Final = frozenset({1, 2, 6, 7})
_INTEGERS: Final = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 13: "L", 16: "Q", 17: "q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION = 256, 257, 258, 259, 274
_CHANNELS, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT, _PROFILE = 277, 278, 322, 323, 34675
_COMPRESSIONS: Final = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50000, 50001})

MAX_CHANNELS: Final = 16
"""Samples of a pixel: four inks, opacity, and more than anybody adds to a picture for people."""
MAX_ENTRIES: Final = 1000
MAX_VALUES: Final = 65_536
"""Numbers in one entry: enough for a strip for every row of the tallest image."""
MAX_BLOCK_PIXELS: Final = 2**24
"""Pixels in one strip or tile beyond those of the image: the decoder makes room for whole ones."""
MAX_DIRECTORIES: Final = 65_536


@dataclass(frozen=True)
class TiffLayout:
    """How directories are written: classic TIFF, or BigTIFF with 64-bit offsets."""

    order: str
    big: bool

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, count."""
        return struct.Struct(self.order + ("HHQ" if self.big else "HHL"))

    @property
    def count(self) -> struct.Struct:
        """How many entries a directory has."""
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def offset(self) -> struct.Struct:
        """Where in the file; 0 = nowhere. As long as a value that stands within its entry."""
        return struct.Struct(self.order + ("Q" if self.big else "L"))


def read(data: bytes) -> FileContents:
    """The header of a TIFF file: its first page."""
    try:
        layout, start = _begin(data)
        return _first_page(data, layout, start)
    except (struct.error, OverflowError):
        raise damaged("tiff", "it ends within its directory") from None


def numbers(data: bytes, wanted: Collection[int]) -> tuple[TiffLayout, dict[int, tuple[int, ...]]]:
    """How directories are written, and the whole numbers that the first has for ``wanted`` tags.

    Of a file that ``read`` has let through. Raises ``UnreadableImageError``.
    """
    try:
        layout, start = _begin(data)
        found: dict[int, tuple[int, ...]] = {}
        for tag, kind, count, where in _entries(data, layout, start):
            if tag in wanted and kind in _INTEGERS and count and tag not in found:
                found[tag] = struct.unpack_from(
                    f"{layout.order}{count}{_INTEGERS[kind]}", data, where
                )
    except (struct.error, OverflowError):
        raise damaged("tiff", "it ends within its directory") from None
    return layout, found


def _begin(data: bytes) -> tuple[TiffLayout, int]:
    """How its directories are written, and where the first one is."""
    order = "<" if data[:2] == b"II" else ">"
    layout = TiffLayout(order, big=data[2:4] in {b"+\0", b"\0+"})
    (start,) = layout.offset.unpack_from(data, 8 if layout.big else 4)
    return layout, start


def _entries(data: bytes, layout: TiffLayout, start: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, count and place of the values of each entry of a directory."""
    size = layout.entry.size + layout.offset.size
    (entries,) = layout.count.unpack_from(data, start)
    if entries > MAX_ENTRIES:
        raise damaged("tiff", f"its directory has more than {MAX_ENTRIES} entries")
    for index in range(entries):
        at = start + layout.count.size + index * size
        tag, kind, count = layout.entry.unpack_from(data, at)
        at += layout.entry.size
        if kind not in _OPAQUE and count > MAX_VALUES:
            raise damaged("tiff", f"entry {tag} has more than {MAX_VALUES} values")
        where = at
        if count * _UNIT.get(kind, 1) > layout.offset.size:
            (where,) = layout.offset.unpack_from(data, at)
        yield tag, kind, count, where


def _first_page(data: bytes, layout: TiffLayout, start: int) -> FileContents:
    values: dict[int, int] = {}
    profile = b""
    orientation_at, orientation_kind = 0, "H"
    for tag, kind, count, where in _entries(data, layout, start):
        if tag == _PROFILE and kind in _OPAQUE:
            profile = data[where : where + count]
        elif kind in _INTEGERS and count and tag not in values:
            (values[tag],) = struct.unpack_from(layout.order + _INTEGERS[kind], data, where)
            if tag == _ORIENTATION:
                orientation_at, orientation_kind = where, _INTEGERS[kind]
    width, height = values.get(_WIDTH, 0), values.get(_HEIGHT, 0)
    _check_blocks(values, width, height)
    channels = values.get(_CHANNELS, 1)
    if channels > MAX_CHANNELS:
        raise damaged("tiff", f"more than {MAX_CHANNELS} samples a pixel are not read here")
    orientation = values.get(_ORIENTATION, 1)
    if orientation != 1:
        # It is turned with the other formats, so the decoder must not turn it as well.
        upright = bytearray(data)
        struct.pack_into(layout.order + orientation_kind, upright, orientation_at, 1)
        data = bytes(upright)
    return FileContents(
        "tiff",
        width,
        height,
        data,
        frames=_pages(data, layout, start),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        profile=profile,
        pixel_bytes=-(-channels * min(values.get(_BITS, 1), 64) // 8),
        fine=values.get(_BITS, 1) > 8,
        sample_range=2 ** min(values.get(_BITS, 16), 16) - 1,
    )


def _check_blocks(values: dict[int, int], width: int, height: int) -> None:
    """Refuse compression or strips and tiles that cost far more than the image they make up."""
    if values.get(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise damaged("tiff", f"compression {values[_COMPRESSION]} is not read here")
    rows = values.get(_ROWS_PER_STRIP, height)
    strip = 0 if rows == 2**32 - 1 else width * rows
    tile = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    if max(strip, tile) > width * height + MAX_BLOCK_PIXELS:
        raise damaged("tiff", "a strip or tile is larger than the image")


def _pages(data: bytes, layout: TiffLayout, start: int) -> int:
    """How many directories follow one another; a chain that bites its tail or breaks ends there."""
    seen: set[int] = set()
    size = layout.entry.size + layout.offset.size
    while start and start not in seen and len(seen) <= MAX_DIRECTORIES:
        seen.add(start)
        try:
            (entries,) = layout.count.unpack_from(data, start)
            (start,) = layout.offset.unpack_from(data, start + layout.count.size + entries * size)
        except (struct.error, OverflowError):
            break
    return len(seen)
