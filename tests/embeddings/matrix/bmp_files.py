"""BMP files written field by field: versions, depths, bit masks, palettes and run lengths."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

RAW, RLE8, RLE4, FIELDS, ALPHA_FIELDS = 0, 1, 2, 3, 6


def bmp(
    rows: NDArray[np.uint8],
    width: int,
    bits: int,
    *,
    header: int = 40,
    compression: int = RAW,
    masks: tuple[int, ...] = (),
    palette: bytes = b"",
    top_down: bool = False,
    height: int = 0,
    colour: bytes = b"",
) -> bytes:
    """A file of ``rows``, uint8 (h, bytes a row) from the top, or (bytes,) of run lengths.

    ``colour``: what stands from the field of the colour space on.
    """
    height = height or len(rows)
    if rows.ndim == 2:
        padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
        data = (padded if top_down else padded[::-1]).tobytes()
    else:
        data = rows.tobytes()
    if header == 12:
        info = struct.pack("<LHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack(
            "<LllHHLLllLL",
            header,
            width,
            -height if top_down else height,
            1,
            bits,
            compression,
            len(data),
            2835,
            2835,
            len(palette) // 4,
            0,
        )
        fields = struct.pack(f"<{len(masks)}L", *masks)
        if header >= 52:
            fields = fields.ljust(12 if header == 52 else 16, b"\0")
        info += fields
        if header > 56:
            info += (colour or b"sRGB"[::-1]).ljust(header - 56, b"\0")
    start = 14 + len(info) + len(palette)
    return struct.pack("<2sLHHL", b"BM", start + len(data), 0, 0, start) + info + palette + data


def packed(samples: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """Palette places (h, w), ``bits`` each, as rows of bytes."""
    if bits == 8:
        return samples.astype(np.uint8)
    each = (samples[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(each.reshape(len(samples), -1).astype(np.uint8), axis=1)


def masked(
    channels: list[NDArray[np.int64]], masks: tuple[int, ...], bits: int
) -> NDArray[np.uint8]:
    """Channels, 0..255 (h, w), each in the bits of its mask, as rows of bytes."""
    words = np.zeros(channels[0].shape, np.int64)
    for channel, mask in zip(channels, masks, strict=True):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            words |= np.rint(channel / 255 * (mask >> shift)).astype(np.int64) << shift
    return words.astype("<u2" if bits == 16 else "<u4").view(np.uint8)


def run_lengths(places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Palette places (h, w), 8 bits, as runs from the bottom up."""
    out = bytearray()
    for row in places[::-1]:
        ends = [*np.flatnonzero(np.diff(row)) + 1, len(row)]
        start = 0
        for end in ends:
            while start < end:
                step = min(255, end - start)
                out += bytes([step, int(row[start])])
                start += step
        out += b"\0\0"
    return np.frombuffer(bytes(out) + b"\0\1", np.uint8)
