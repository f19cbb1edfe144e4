"""Laying out a segment's arrays: tables filled, ids found.

These are plain functions in the part of Python that numba compiles; ``kernels`` does so. They know
arrays; not files, or what rows stand for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.kernels.probing import BUCKETS, TABLES, Longs

Bytes = NDArray[np.uint8]
Checks = NDArray[np.uint16]
Offsets = NDArray[np.uint32]


def count_table(codes: Longs, table: int, offsets: Offsets) -> None:
    """Fill ``offsets``, uint32 (65537): where each sub-code's rows begin in ``table``."""
    shift, word = 16 * (table % 4), table // 4
    for bucket in range(BUCKETS + 1):
        offsets[bucket] = 0
    for row in range(codes.size // 4):
        offsets[((codes[4 * row + word] >> shift) & 0xFFFF) + 1] += 1
    for bucket in range(BUCKETS):
        offsets[bucket + 1] += offsets[bucket]


def fill_table(
    codes: Longs, table: int, offsets: Offsets, places: Offsets, checks: Checks, rows: Bytes
) -> None:
    """Place each row of ``table`` and its check: uint16 (n) and three bytes a row.

    ``places``: uint32 (65536), room for the next free place of each bucket.
    """
    shift, word = 16 * (table % 4), table // 4
    after = (table + 1) % TABLES
    after_shift, after_word = 16 * (after % 4), after // 4
    for bucket in range(BUCKETS):
        places[bucket] = offsets[bucket]
    for row in range(codes.size // 4):
        bucket = (codes[4 * row + word] >> shift) & 0xFFFF
        place = np.int64(places[bucket])
        places[bucket] = place + 1
        checks[place] = (codes[4 * row + after_word] >> after_shift) & 0xFFFF
        rows[3 * place] = row & 0xFF
        rows[3 * place + 1] = (row >> 8) & 0xFF
        rows[3 * place + 2] = (row >> 16) & 0xFF


def halve(codes: Longs, head: Longs, tail: Longs) -> None:
    """Split codes, int64 (4 a code), into their first and last 128 bits: int64, two a row each."""
    for row in range(codes.size // 4):
        head[2 * row] = codes[4 * row]
        head[2 * row + 1] = codes[4 * row + 1]
        tail[2 * row] = codes[4 * row + 2]
        tail[2 * row + 1] = codes[4 * row + 3]


def find(ids: Longs, order: Offsets, wanted: Longs, out: Longs) -> None:
    """The row of each id in ``wanted``, or -1.

    ``ids``: int64 (n,) by row; ``order``: rows by ascending id, or empty when they are ascending.
    """
    entries = ids.size
    for place in range(wanted.size):
        value = wanted[place]
        low, high = 0, entries
        while low < high:
            middle = (low + high) >> 1
            row = np.int64(order[middle]) if order.size else middle
            if ids[row] < value:
                low = middle + 1
            else:
                high = middle
        out[place] = -1
        if low < entries:
            row = np.int64(order[low]) if order.size else low
            if ids[row] == value:
                out[place] = row
