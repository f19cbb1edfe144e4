"""PNG: its chunks, of which the decoder gets the image data and the palette alone.

It knows the chunk structure, not the compressed data.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from embeddings.files.colour_spaces import ColourSpace, Primaries, from_gamma, from_numbers
from embeddings.files.formats.contents import (
    MAX_PROFILE_BYTES,
    FileContents,
    damaged,
    exif_orientation,
)

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = struct.pack(">L4sL", 0, b"IEND", zlib.crc32(b"IEND"))

_PALETTE_BYTES: Final = 768
_GREY, _RGB = 0, 2
_WANTED: Final = frozenset({b"PLTE", b"tRNS", b"cICP", b"sRGB", b"gAMA", b"cHRM"})

MAX_CHUNKS: Final = 65_536


def read(data: bytes) -> FileContents:
    """The header of a PNG file.

    Of an animation the decoder gets the default image, which need not be a frame of it: then it
    counts as one more. What is said of colours counts where browsers let it: before the data.
    """
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise damaged("png", "it does not begin with its header")
    width, height, depth, kind = struct.unpack_from(">LLBB", data, 16)
    kept = [_SIGNATURE]
    pieces: list[bytes] = []
    said: dict[bytes, bytes] = {}
    late_exif = b""
    frames = 1
    animated = shown = ended = False
    position = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        length, chunk = struct.unpack_from(">L4s", data, position)
        body = slice(position + 8, position + 8 + length)
        if chunk == b"IDAT":
            # One chunk instead of many: the decoder then asks for data once, not once a chunk.
            pieces.append(data[body])
            if animated and not shown:
                shown, frames = True, frames + 1
        elif chunk == b"iCCP" or (chunk in _WANTED and length <= _PALETTE_BYTES):
            if not pieces:
                said.setdefault(chunk, data[body])
        elif chunk == b"eXIf":
            if pieces:
                late_exif = late_exif or data[body]
            else:
                said.setdefault(chunk, data[body])
        elif chunk == b"acTL" and length == 8:
            (frames,) = struct.unpack_from(">L", data, position + 8)
            animated = True
        elif chunk == b"fcTL":
            shown = True  # the default image is the first frame
        elif chunk == b"IEND":
            ended = True
            break
        position += 12 + length
    else:
        raise damaged("png", f"it has more than {MAX_CHUNKS} chunks")
    key, trns = _key(said.pop(b"tRNS", b""), depth, kind)
    kept += [_chunk(b"IHDR", data[16:29])]
    kept += [_chunk(b"PLTE", said[b"PLTE"])] if b"PLTE" in said else []
    kept += [_chunk(b"tRNS", trns)] if trns else []
    image = b"".join(pieces)
    orientation = exif_orientation(said.get(b"eXIf", b""))
    profile, space = _colours(said)
    return FileContents(
        "png",
        width,
        height,
        b"".join([*kept, struct.pack(">L4s", len(image), b"IDAT"), image, bytes(4), _END]),
        frames=max(frames, 1),
        orientation=orientation,
        profile=profile,
        space=space,
        key=key,
        fine=depth == 16,
        turned=exif_orientation(late_exif) if b"eXIf" not in said else 1,
        cut_off=not ended,
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def _key(body: bytes, depth: int, kind: int) -> tuple[tuple[int, ...], bytes]:
    """The transparent colour where the decoder must not see it, and the ``tRNS`` it may see.

    The decoder gives grey of 2 and 4 bits stretched to 8, and of three channels of 16 bits the
    upper halves; it compares them with the key as the file has it.
    """
    if kind == _GREY and depth in {2, 4} and len(body) >= 2:
        (value,) = struct.unpack_from(">H", body)
        return (), struct.pack(">H", (value & (1 << depth) - 1) * 255 // ((1 << depth) - 1))
    if kind == _RGB and depth == 16 and len(body) >= 6:
        return struct.unpack_from(">HHH", body), b""
    return (), body


def _colours(said: dict[bytes, bytes]) -> tuple[bytes, ColourSpace | None]:
    """The profile, and the colour space where there is none or it is of no use.

    As browsers have it: ``cICP``, then ``iCCP``, ``sRGB``, ``gAMA`` with or without ``cHRM``.
    """
    cicp = said.get(b"cICP", b"")
    # The matrix must be that of RGB; files of narrow range are shown as if they had said nothing.
    if len(cicp) == 4 and cicp[2:] == b"\0\1" and (space := from_numbers(cicp[0], cicp[1])):
        return b"", None if space.is_srgb else space
    profile = _profile(said.get(b"iCCP", b""))
    gamma, chrm = said.get(b"gAMA", b""), said.get(b"cHRM", b"")
    if b"sRGB" in said or len(gamma) != 4 or not any(gamma):
        return profile, None
    primaries: Primaries | None = None
    if len(chrm) == 32:
        x = [value / 100_000 for value in struct.unpack(">8L", chrm)]
        primaries = ((x[0], x[1]), (x[2], x[3]), (x[4], x[5]), (x[6], x[7]))
    space = from_gamma(int.from_bytes(gamma, "big") / 100_000, primaries)
    return profile, None if space.is_srgb else space


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
