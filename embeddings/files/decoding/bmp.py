"""BMP: pixels of every depth, with whatever bit masks, palettes and run lengths.

Pillow reads a few masks only, and takes palettes of 4 bits with nothing but greys for 8 bits. An
opacity that is zero in every pixel means that the writer knew of none: such a file is opaque. Where
it means something, many programs ignore it still.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.errors import UnreadableImageError
from embeddings.files.decoding.decoded import Decoded, enough
from embeddings.files.formats import FileContents
from embeddings.files.formats.bmp import RLE4, RLE8, Header, header
from embeddings.files.srgb import Colours

_BAND_PIXELS: Final = 2**20


def load(contents: FileContents, factor: int) -> Decoded:
    """The image. Raises ``UnreadableImageError``."""
    head = header(contents.data)
    rows: int | None = None
    if head.compression in {RLE8, RLE4}:
        pixels = _from_runs(contents.data, head)
    else:
        stride = -(-head.width * head.bits // 32) * 4
        # Rows are padded to four bytes, but the last need not be.
        last = -(-head.width * head.bits // 8)
        there = contents.data[head.start :]
        count = min(head.height, (len(there) + stride - last) // stride)
        if count < head.height:
            rows = enough(count, head.height)
        there = there[: head.height * stride].ljust(head.height * stride, b"\0")
        pixels = _from_rows(np.frombuffer(there, np.uint8).reshape(head.height, stride), head)
    if not head.top_down:
        pixels = pixels[::-1]
    if pixels.shape[2] == 4 and not pixels[..., 3].any():
        pixels = pixels[..., :3]
    return Decoded(
        Image.fromarray(np.ascontiguousarray(pixels)),
        Colours(contents.profile),
        factor,
        rows=rows,
        from_bottom=not head.top_down,
        opaque=pixels.shape[2] == 4,
    )


def _from_rows(lines: NDArray[np.uint8], head: Header) -> NDArray[np.uint8]:
    """Rows of bytes as pixels: uint8 (h, w, 3), or (h, w, 4) with opacity."""
    channels = 4 if head.bits > 8 and head.masks[3] else 3
    pixels = np.empty((head.height, head.width, channels), np.uint8)
    step = max(1, _BAND_PIXELS // max(head.width, 1))
    colours = _colours(head)
    for top in range(0, head.height, step):
        band = lines[top : top + step]
        if head.bits <= 8:
            pixels[top : top + step] = colours[_places(band, head.bits)[:, : head.width]]
        elif head.bits == 24:
            packed = band[:, : 3 * head.width].reshape(len(band), head.width, 3)
            pixels[top : top + step] = packed[..., ::-1]
        else:
            words = np.ascontiguousarray(band).view("<u2" if head.bits == 16 else "<u4")
            for channel in range(channels):
                shares = _shares(words[:, : head.width], head.masks[channel])
                pixels[top : top + step, :, channel] = shares
    return pixels


def _shares(words: NDArray[np.integer], mask: int) -> NDArray[np.uint8]:
    """The bits of ``mask`` stretched to 8."""
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    values = (words.astype(np.int64) & mask) >> shift
    return (values * 255 // most).astype(np.uint8)


def _places(lines: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Rows of bytes as places in a palette of ``bits`` a pixel."""
    if bits == 8:
        return lines
    each = np.unpackbits(lines, axis=1).reshape(len(lines), -1, bits)
    return np.asarray(each @ (1 << np.arange(bits - 1, -1, -1)), np.uint8)


def _colours(head: Header) -> NDArray[np.uint8]:
    """Red, green and blue of every place: uint8 (256, 3); black where the palette has none."""
    colours = np.zeros((256, 3), np.uint8)
    count = len(head.palette) // head.entry
    entries = np.frombuffer(head.palette[: count * head.entry], np.uint8).reshape(count, head.entry)
    colours[:count] = entries[:, 2::-1]
    return colours


def _from_runs(data: bytes, head: Header) -> NDArray[np.uint8]:
    """Run lengths as pixels, uint8 (h, w, 3), in the order of the file; what they pass over is
    black. Raises ``UnreadableImageError`` if they end before they say so."""
    places = np.zeros((head.height, head.width), np.uint8)
    covered = np.zeros((head.height, head.width), np.uint8)
    at, across, down = head.start, 0, 0
    while down < head.height:
        if at + 2 > len(data):
            raise UnreadableImageError("the image is truncated or damaged")
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            run = bytes([value]) * count if head.compression == RLE8 else _halves(value, count)
        elif value == 0:
            across, down = 0, down + 1
            continue
        elif value == 1:
            break
        elif value == 2:
            step = data[at : at + 2].ljust(2, b"\0")
            across, down, at = across + step[0], down + step[1], at + 2
            continue
        else:
            length = value if head.compression == RLE8 else (value + 1) // 2
            piece = data[at : at + length]
            run = piece if head.compression == RLE8 else _unpacked(piece)[:value]
            at += length + (length & 1)
        run = run[: max(0, head.width - across)]
        places[down, across : across + len(run)] = np.frombuffer(run, np.uint8)
        covered[down, across : across + len(run)] = 1
        across += len(run)
    return _colours(head)[places] * covered[..., None]


def _halves(value: int, count: int) -> bytes:
    return (bytes([value >> 4, value & 15]) * ((count + 1) // 2))[:count]


def _unpacked(piece: bytes) -> bytes:
    return bytes(half for byte in piece for half in (byte >> 4, byte & 15))
