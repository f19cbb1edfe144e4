"""PNG files written chunk by chunk: every colour type, depth, key, profile and interlacing."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
    (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
"""Left, top, step right, step down of each pass."""


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def png(
    samples: NDArray[np.int64],
    depth: int,
    kind: int,
    *before: bytes,
    interlaced: bool = False,
    after: bytes = b"",
) -> bytes:
    """A file of ``samples`` (h, w) or (h, w, channels), with chunks before and after its data."""
    height, width = samples.shape[:2]
    header = struct.pack(">LLBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    if interlaced:
        data = b"".join(
            _rows(samples[top::down, left::right], depth) for left, top, right, down in _PASSES
        )
    else:
        data = _rows(samples, depth)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", header),
            *before,
            chunk(b"IDAT", zlib.compress(data)),
            after,
            chunk(b"IEND", b""),
        ]
    )


def _rows(samples: NDArray[np.int64], depth: int) -> bytes:
    if samples.size == 0:
        return b""
    flat = samples.reshape(len(samples), -1)
    if depth == 16:
        lines = flat.astype(">u2").view(np.uint8)
    elif depth == 8:
        lines = flat.astype(np.uint8)
    else:
        bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        lines = np.packbits(bits.reshape(len(flat), -1).astype(np.uint8), axis=1)
    # The filter "up", so that a reader has something to undo.
    lines = np.ascontiguousarray(lines)
    up = lines.copy()
    up[1:] -= lines[:-1]
    return np.concatenate((np.full((len(up), 1), 2, np.uint8), up), axis=1).tobytes()


def key(*values: int) -> bytes:
    """A transparent colour, in the depth of the file."""
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def palette(colours: NDArray[np.uint8], alphas: bytes = b"") -> bytes:
    """A palette, uint8 (n, 3), and how opaque its first colours are."""
    return chunk(b"PLTE", colours.tobytes()) + (chunk(b"tRNS", alphas) if alphas else b"")


def gama(value: float) -> bytes:
    """The exponent from light to what is stored."""
    return chunk(b"gAMA", struct.pack(">L", round(value * 100_000)))


def chrm(primaries: tuple[tuple[float, float], ...], white: tuple[float, float]) -> bytes:
    """The colours of white and of the channels."""
    return chunk(
        b"cHRM", struct.pack(">8L", *(round(v * 100_000) for xy in (white, *primaries) for v in xy))
    )


def iccp(profile: bytes) -> bytes:
    """A colour profile."""
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))


def cicp(primaries: int, transfer: int) -> bytes:
    """A colour space by the numbers of H.273; full range."""
    return chunk(b"cICP", bytes([primaries, transfer, 0, 1]))


SRGB = chunk(b"sRGB", b"\0")
