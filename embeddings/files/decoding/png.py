"""PNG: samples of 16 bits in full where that matters, and files that were cut off.

Pillow keeps the upper halves of samples of 16 bits. A transparent colour, and a colour space that
spreads a few stored numbers over all of the light there is, need the lower ones as well: read a
second time, they come as if their bytes stood the other way round.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from PIL import ImageFile

from embeddings.errors import UnreadableImageError
from embeddings.files.decoding.decoded import Decoded, enough
from embeddings.files.formats import FileContents
from embeddings.files.srgb import Colours

_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SWAPPED: Final = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
_PIECE: Final = 1024


def load(
    contents: FileContents, opened: Callable[[bytes], ImageFile.ImageFile], factor: int
) -> Decoded:
    """The image; ``opened``: gives the reader of a file. Raises ``UnreadableImageError``."""
    colours = Colours(contents.profile, contents.space, contents.sample_range, contents.key)
    data, rows = contents.data, None
    try:
        image = opened(data)
        image.load()
    except (OSError, SyntaxError, EOFError, ValueError):
        data, rows = _completed(contents)
        image = opened(data)
        image.load()
    lower = None
    if colours.key or colours.space is not None:
        twin = opened(data)
        tile = twin.tile[0]
        if tile.args in _SWAPPED:
            twin.tile = [tile._replace(args=_SWAPPED[str(tile.args)])]
            twin.load()
            lower = twin
    return Decoded(image, colours, factor, lower, rows)


def _completed(contents: FileContents) -> tuple[bytes, int]:
    """A file whose data was cut off, with rows of zeros for those that are missing; how many are
    there. Raises ``UnreadableImageError``."""
    data = contents.data
    start = data.index(b"IDAT") + 4
    width, height, depth, kind, _, _, interlaced = struct.unpack_from(">LLBBBBB", data, 16)
    if interlaced or kind not in _CHANNELS:
        raise UnreadableImageError("the image is truncated or damaged")
    row = 1 + -(-width * depth * _CHANNELS[kind] // 8)
    whole = _inflated(data[start:-16], row * height)
    rows = enough(len(whole) // row, height)
    squeezed = zlib.compress(whole[: rows * row] + bytes((height - rows) * row), 1)
    chunk = struct.pack(">L4s", len(squeezed), b"IDAT") + squeezed + bytes(4)
    return data[: start - 8] + chunk + data[-12:], rows


def _inflated(data: bytes, most: int) -> bytes:
    """What ``data`` holds up to its end or its first fault, at most ``most`` bytes."""
    inflater = zlib.decompressobj()
    out = bytearray()
    try:
        for at in range(0, len(data), _PIECE):
            out += inflater.decompress(data[at : at + _PIECE], most - len(out))
            if len(out) >= most or inflater.eof:
                break
    except zlib.error:
        pass
    return bytes(out)
