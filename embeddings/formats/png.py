"""PNG: its chunks, of which the decoder gets the image data and the palette alone.

It knows the chunk structure, not the compressed data.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from embeddings.formats.contents import MAX_PROFILE_BYTES, Contents, damaged, exif_orientation

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = struct.pack(">L4sL", 0, b"IEND", zlib.crc32(b"IEND"))

_PALETTE_BYTES: Final = 768

MAX_CHUNKS: Final = 65_536


def read(data: bytes) -> Contents:
    """The header of a PNG file.

    Of an animation the decoder gets the default image, which need not be a frame of it: then it
    counts as one more.
    """
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise damaged("png", "it does not begin with its header")
    width, height = struct.unpack_from(">LL", data, 16)
    kept = [_SIGNATURE]
    pieces: list[bytes] = []
    exif = profile = b""
    frames = 1
    animated = shown = False
    wanted = {b"IHDR", b"PLTE", b"tRNS", b"iCCP"}
    position = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        length, kind = struct.unpack_from(">L4s", data, position)
        body = slice(position + 8, position + 8 + length)
        if kind == b"IDAT":
            # One chunk instead of many: the decoder then asks for data once, not once a chunk.
            pieces.append(data[body])
            if animated and not shown:
                shown, frames = True, frames + 1
        elif kind == b"iCCP" and kind in wanted:
            wanted.remove(kind)
            profile = _profile(data[body])
        elif kind in wanted and length <= _PALETTE_BYTES:
            wanted.remove(kind)
            kept.append(data[position : position + 12 + length])
        elif kind == b"eXIf":
            exif = exif or data[body]
        elif kind == b"acTL" and length == 8:
            (frames,) = struct.unpack_from(">L", data, position + 8)
            animated = True
        elif kind == b"fcTL":
            shown = True  # the default image is the first frame
        elif kind == b"IEND":
            break
        position += 12 + length
    else:
        raise damaged("png", f"it has more than {MAX_CHUNKS} chunks")
    image = b"".join(pieces)
    return Contents(
        "png",
        width,
        height,
        b"".join([*kept, struct.pack(">L4s", len(image), b"IDAT"), image, bytes(4), _END]),
        frames=max(frames, 1),
        orientation=exif_orientation(exif),
        profile=profile,
    )


def _profile(body: bytes) -> bytes:
    """The colour profile in an iCCP chunk, or nothing if it is damaged or too large."""
    name_end = body.find(b"\0", 0, 80)
    inflater = zlib.decompressobj()
    try:
        # After the name and its zero stands the method, of which there is one.
        profile = inflater.decompress(body[name_end + 2 :], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if inflater.eof else b""
