"""BMP: its header, from that of OS/2 to version 5 of Windows.

It knows where pixels, palette and profile stand and which bits of a pixel are which channel; not
what the pixels are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from embeddings.files.formats.contents import MAX_PROFILE_BYTES, FileContents, damaged

RAW, RLE8, RLE4, FIELDS, ALPHA_FIELDS = 0, 1, 2, 3, 6
_BITS: Final = {
    RAW: {1, 2, 4, 8, 16, 24, 32},
    RLE8: {8},
    RLE4: {4},
    FIELDS: {16, 32},
    ALPHA_FIELDS: {16, 32},
}
_MASKS: Final = {
    16: (0x7C00, 0x3E0, 0x1F),
    24: (0xFF0000, 0xFF00, 0xFF),
    32: (0xFF0000, 0xFF00, 0xFF),
}
_EMBEDDED: Final = b"DEBM"

MAX_RUN_LENGTH_PIXELS: Final = 2**22
MAX_RUN_LENGTH_BYTES: Final = 2**20
"""Of a file with run lengths: their decoder is Python and goes through them one by one."""


@dataclass(frozen=True)
class Header:
    """What stands before the pixels."""

    width: int
    height: int
    top_down: bool
    bits: int
    """Of a pixel."""
    compression: int
    masks: tuple[int, int, int, int]
    """Which bits of a pixel are red, green, blue and opacity; where it has no palette."""
    palette: bytes
    """Blue, green, red of each colour, and a fourth byte where ``entry`` is 4."""
    entry: int
    start: int
    """Where in the file the pixels begin."""
    profile: bytes


def read(data: bytes) -> FileContents:
    """The header of a BMP file."""
    head = header(data)
    large = head.width * head.height > MAX_RUN_LENGTH_PIXELS or len(data) > MAX_RUN_LENGTH_BYTES
    if head.compression in {RLE8, RLE4} and large:
        raise damaged("bmp", "with run lengths, only small files are read")
    return FileContents("bmp", head.width, head.height, data, profile=head.profile)


def header(data: bytes) -> Header:
    """All of it. Raises ``UnreadableImageError`` for what is damaged or not read here."""
    try:
        return _header(data)
    except struct.error:
        raise damaged("bmp", "it ends within its header") from None


def _header(data: bytes) -> Header:
    start, size = struct.unpack_from("<LL", data, 10)
    compression = colours = 0
    fields: tuple[int, ...] = ()
    profile = b""
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    elif size >= 16:
        whole = data[18 : 14 + size].ljust(36, b"\0")
        width, height, _, bits, compression, _, _, _, colours, _ = struct.unpack_from(
            "<llHHLLllLL", whole
        )
        fields = _fields(data, size, compression)
        profile = _profile(data, size)
    else:
        raise damaged("bmp", f"a header of {size} bytes is not read here")
    if bits not in _BITS.get(compression, ()):
        raise damaged("bmp", f"compression {compression} of {bits} bits is not read here")
    at = 14 + size + (4 * len(fields) if size == 40 else 0)
    entry = 3 if size == 12 else 4
    palette = b""
    if bits <= 8:
        count = min(colours or 1 << bits, 1 << bits)
        palette = data[at : at + entry * count]
        if start > at:
            palette = palette[: start - at]
    usual = _MASKS.get(bits, (0, 0, 0))
    red, green, blue = fields[:3] if compression in {FIELDS, ALPHA_FIELDS} else usual
    alpha = fields[3] if len(fields) > 3 else 0
    masks = (red, green, blue, alpha)
    if bits > 8 and not (red and green and blue and all(_is_run(mask) for mask in masks)):
        raise damaged("bmp", "its bit masks are not read here")
    # A negative height means that rows run from the top.
    return Header(
        width=abs(width),
        height=abs(height),
        top_down=height < 0,
        bits=bits,
        compression=compression,
        masks=masks,
        palette=palette,
        entry=entry,
        start=start,
        profile=profile,
    )


def _fields(data: bytes, size: int, compression: int) -> tuple[int, ...]:
    """The masks of red, green, blue and perhaps opacity, where the file has any."""
    if size >= 108:
        return struct.unpack_from("<4L", data, 54)
    if compression not in {FIELDS, ALPHA_FIELDS}:
        return ()  # so do browsers: from version 4 on opacity counts without fields as well
    return struct.unpack_from(
        "<4L" if size >= 56 or compression == ALPHA_FIELDS else "<3L", data, 54
    )


def _is_run(mask: int) -> bool:
    """Whether its bits stand side by side, if it has any."""
    return (mask | (mask - 1)) + 1 & mask == 0 if mask else True


def _profile(data: bytes, size: int) -> bytes:
    """The ICC profile of a header of version 5, or nothing."""
    if size < 124 or data[70:74] != _EMBEDDED:
        return b""
    where, length = struct.unpack_from("<LL", data, 126)
    return data[14 + where : 14 + where + length] if length <= MAX_PROFILE_BYTES else b""
