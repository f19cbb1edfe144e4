"""TIFF files by tifffile, which shares no code with Pillow, and by hand where it has none."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


def tiff(samples: NDArray[Any], photometric: str, **options: Any) -> bytes:  # noqa: ANN401
    """A file of ``samples`` (h, w) or (h, w, channels), or (channels, h, w) as planes."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, photometric=photometric, metadata=None, **options)
    return buffer.getvalue()


def by_hand(rows: bytes, width: int, height: int, order: str = "<", **tags: int) -> bytes:
    """A grey file of one strip, ``rows``; ``tags``: such as ``t258=4`` for 4 bits a sample."""
    known = {
        256: width,
        257: height,
        258: 8,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: len(rows),
    }
    known |= {int(tag[1:]): value for tag, value in tags.items()}
    if known[259] == 8:
        rows = zlib.compress(rows)
        known[279] = len(rows)
    rows += bytes(len(rows) % 2)
    entries = b"".join(
        struct.pack(order + "HHLL", tag, 4, 1, v) for tag, v in sorted(known.items())
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "L", 8 + len(rows))
    return head + rows + struct.pack(order + "H", len(known)) + entries + bytes(4)


def predicted(samples: NDArray[Any], order: str, tile: int = 0) -> bytes:
    """A grey file of floats through the predictor for them: bytes of like weight side by side, each
    less the one before; ``tile``: say of it that it had tiles of so many pixels a side."""
    height, width = samples.shape
    size = samples.dtype.itemsize
    big = (
        samples.astype(samples.dtype.newbyteorder(">")).view(np.uint8).reshape(height, width, size)
    )
    planes = big.transpose(0, 2, 1).reshape(height, -1)
    planes = np.diff(planes, axis=1, prepend=np.uint8(0))
    tags = {"t258": 8 * size, "t339": 3, "t317": 3, "t259": 8, "t322": tile, "t323": tile}
    if tile:
        tags |= {"t324": 8, "t325": planes.size}
    return by_hand(planes.tobytes(), width, height, order, **{k: v for k, v in tags.items() if v})
