"""WebP: the size of its canvas and the chunks around the image.

It knows the RIFF structure, not the compressed data.
"""

from __future__ import annotations

import struct
from typing import Final

from embeddings.files.formats.contents import (
    MAX_PROFILE_BYTES,
    FileContents,
    damaged,
    exif_orientation,
)

MAX_CHUNKS: Final = 65_536


def read(data: bytes) -> FileContents:
    """The header of a WebP file. An animation goes to the decoder whole, which draws one frame."""
    try:
        width, height = _size(data)
    except struct.error:
        raise damaged("webp", "it ends within its header") from None
    exif = profile = b""
    frames = 0
    position = 12
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sL", data, position)
        body = slice(position + 8, position + 8 + length)
        if kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            exif = exif or data[body]
        elif kind == b"ICCP" and length <= MAX_PROFILE_BYTES:
            profile = profile or data[body]
        position += 8 + length + (length & 1)
    else:
        raise damaged("webp", f"it has more than {MAX_CHUNKS} chunks")
    return FileContents(
        "webp",
        width,
        height,
        data,
        frames=max(frames, 1),
        # Browsers show a WebP as it is stored; other programs turn it.
        turned=exif_orientation(exif),
        profile=profile,
    )


def _size(data: bytes) -> tuple[int, int]:
    """Width and height, pixels, of the canvas."""
    kind = data[12:16]
    if kind == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return low_width + (high_width << 16) + 1, low_height + (high_height << 16) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<L", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise damaged("webp", "its first chunk is not an image")
