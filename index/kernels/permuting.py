"""The order in which indexes keep a code's bits, for kernels.

Neighbouring bits of a code tend to agree (a PDQ hash is a 16 × 16 grid of frequencies), and a table
whose 16 bits agree has few, huge buckets. So bit *i* goes to sub-code ``i % 16``, place ``i //
16``: neighbours end up in different tables. That is the transpose of a 16 × 16 matrix of bits, made
of four transposes of 8 × 8. Distances do not change.

``kernels`` compiles these functions. They know codes; not tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.kernels.intrinsics import address, inlined, load64_of_1
from index.kernels.probing import Longs


@inlined
def even_bytes(word: int) -> int:
    """Bytes 0, 2, 4 and 6 of ``word``, as its lower half."""
    word &= 0x00FF00FF00FF00FF
    word = (word | (word >> 8)) & 0x0000FFFF0000FFFF
    return (word | (word >> 16)) & 0xFFFFFFFF


@inlined
def spread_bytes(word: int) -> int:
    """The four bytes of the lower half of ``word``, as bytes 0, 2, 4 and 6."""
    word &= 0xFFFFFFFF
    word = (word | (word << 16)) & 0x0000FFFF0000FFFF
    return (word | (word << 8)) & 0x00FF00FF00FF00FF


@inlined
def transposed(block: int) -> int:
    """Byte *c*, bit *k* of the answer is byte *k*, bit ``7 - c`` of ``block``."""
    # Exchanges of 1, 2 and 4: each swaps the off-diagonal squares of that size.
    swap = (block ^ (block >> 7)) & 0x00AA00AA00AA00AA
    block = block ^ swap ^ (swap << 7)
    swap = (block ^ (block >> 14)) & 0x0000CCCC0000CCCC
    block = block ^ swap ^ (swap << 14)
    swap = (block ^ (block >> 28)) & 0x00000000F0F0F0F0
    block = block ^ swap ^ (swap << 28)
    # A byte's most significant bit comes first in a code: see embeddings.codes.
    block = ((block & 0x00FF00FF00FF00FF) << 8) | ((block >> 8) & 0x00FF00FF00FF00FF)
    block = ((block & 0x0000FFFF0000FFFF) << 16) | ((block >> 16) & 0x0000FFFF0000FFFF)
    return (block << 32) | ((block >> 32) & 0xFFFFFFFF)


@inlined
def permute_one(code: int, out: Longs) -> None:
    """Reorder the bits of the code at address ``code``, 32 bytes, into int64 (4)."""
    upper = transposed_half(code, 0, 0)
    lower = transposed_half(code, 1, 0)
    out[0] = spread_bytes(upper) | (spread_bytes(lower) << 8)
    out[1] = spread_bytes(upper >> 32) | (spread_bytes(lower >> 32) << 8)
    upper = transposed_half(code, 0, 8)
    lower = transposed_half(code, 1, 8)
    out[2] = spread_bytes(upper) | (spread_bytes(lower) << 8)
    out[3] = spread_bytes(upper >> 32) | (spread_bytes(lower >> 32) << 8)


@inlined
def transposed_half(code: int, half: int, shift: int) -> int:
    """The 8 × 8 block of rows ``8 * half`` and on, first bytes (``shift`` 0) or second (8)."""
    first, second = load64_of_1(code, 16 * half), load64_of_1(code, 16 * half + 8)
    return transposed(even_bytes(first >> shift) | (even_bytes(second >> shift) << 32))


def permute(codes: NDArray[np.uint8], out: Longs) -> None:
    """Reorder the bits of ``codes``, uint8 (32 n), into int64 (4 n)."""
    for row in range(codes.size // 32):
        permute_one(address(codes) + 32 * row, out[4 * row : 4 * row + 4])
