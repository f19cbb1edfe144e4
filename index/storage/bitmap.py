"""Sets of rows as bitmaps: bit ``row % 8`` of byte ``row // 8``.

Bitmaps are copied when changed, so that a reader that holds one sees one moment; at ten million
rows that is 1.25 MB. They end in spare bytes, since kernels read them. It knows rows; not what
being in a set means.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bitmap = NDArray[np.uint8]
"""uint8 (rows // 8 + 1,). Never changed once published."""

Rows = NDArray[np.int64]


def full(rows: int) -> Bitmap:
    """Every row below ``rows``."""
    bits = np.zeros(rows // 8 + 1, np.uint8)
    bits[: rows // 8] = 255
    bits[rows // 8] = (1 << rows % 8) - 1
    return bits


def of(flags: NDArray[np.bool_]) -> Bitmap:
    """The rows whose flag is set."""
    bits = np.zeros(len(flags) // 8 + 1, np.uint8)
    packed = np.packbits(flags, bitorder="little")
    bits[: len(packed)] = packed
    return bits


def flags(bitmap: Bitmap, rows: int) -> NDArray[np.bool_]:
    """Whether each row below ``rows`` is in: bool (rows,)."""
    return np.unpackbits(bitmap, count=rows, bitorder="little").astype(np.bool_)


def has(bitmap: Bitmap, rows: Rows) -> NDArray[np.bool_]:
    """Whether each of ``rows`` is in."""
    bits: NDArray[np.bool_] = (bitmap[rows >> 3] & _bit(rows)) != 0
    return bits


def with_rows(bitmap: Bitmap, rows: Rows) -> Bitmap:
    """A copy that holds ``rows`` too."""
    changed = bitmap.copy()
    np.bitwise_or.at(changed, rows >> 3, _bit(rows))
    return changed


def without_rows(bitmap: Bitmap, rows: Rows) -> Bitmap:
    """A copy that does not hold ``rows``."""
    changed = bitmap.copy()
    np.bitwise_and.at(changed, rows >> 3, ~_bit(rows))
    return changed


def members(bitmap: Bitmap, rows: int) -> Rows:
    """The rows below ``rows`` that are in, ascending."""
    return np.flatnonzero(flags(bitmap, rows))


def count(bitmap: Bitmap) -> int:
    """How many rows are in."""
    return int(np.bitwise_count(bitmap).sum(dtype=np.int64))


def _bit(rows: Rows) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (rows & 7).astype(np.uint8))


def head(bitmap: Bitmap, rows: int) -> Bitmap:
    """The rows below ``rows`` that are in, as a bitmap of that many rows."""
    bits = bitmap[: rows // 8 + 1].copy()
    bits[rows // 8] &= (1 << rows % 8) - 1
    return bits
