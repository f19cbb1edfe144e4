"""The order in which indexes keep a code's bits.

Neighbouring bits of a code tend to agree (a PDQ hash is a 16 × 16 grid of frequencies), and a table
whose 16 bits agree has few, huge buckets. So bit *i* goes to sub-code ``i % 16``: neighbours end up
in different tables. Distances do not change. Callers never see this order.

It knows codes and sub-codes; not tables or files.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BYTES, Codes
from index.kernels import kernels

Words = NDArray[np.int64]
"""int64 (4 n,):

codes in this order, four words a code; sub-code *t* is 16 bits of word ``t // 4``.
"""


def reordered(codes: Codes) -> Words:
    """``codes``, uint8 (n, 32), C-contiguous, in the order of the tables."""
    words = np.empty(4 * len(codes), np.int64)
    kernels().permute(codes.reshape(-1), _table(), words)
    return words


@cache
def _table() -> NDArray[np.int64]:
    """For each byte of a code and each value of it, the four words it sets:

    int64 (32 × 256 × 4).
    """
    table = np.zeros((CODE_BYTES, 256, 4), np.uint64)
    for bit in range(8 * CODE_BYTES):
        sub_code, place = bit % 16, bit // 16
        word, shift = sub_code // 4, 16 * (sub_code % 4) + place
        # The most significant bit of a byte comes first: see embeddings.codes.
        values = np.flatnonzero((np.arange(256) >> (7 - bit % 8)) & 1)
        table[bit // 8, values, word] |= np.uint64(1 << shift)
    return table.reshape(-1).view(np.int64)
