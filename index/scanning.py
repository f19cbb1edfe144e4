"""Search by comparing every row, a block at a time, for all queries while the block is in cache.

These are plain functions; ``kernels`` compiles them. They know rows and bits; not ids, groups or
files.
"""

from __future__ import annotations

from typing import Final

from index.intrinsics import load, lowest_bit, near8, near8_by_head, popcount
from index.probing import Bytes, Longs

BLOCK: Final = 1024
"""Rows compared with each query in turn: 32 KiB, what a first-level cache holds."""
HEAD_FIRST: Final = 44
"""Up to this radius, bits, the first 128 bits alone turn down nearly every row."""


def scan(
    head: Longs, tail: Longs, live: Bytes, first_row: int, last_row: int, queries: Longs,
    radii: Longs, out_queries: Longs, out_rows: Longs, out_distances: Longs, state: Longs,
) -> int:  # fmt: skip
    """Emit every live row from ``first_row`` up to but not ``last_row`` within a query's radius.

    ``queries``: int64 (4 a query); ``radii``: int64, one a query, bits, -1 for none. ``state[0]``
    holds how many are emitted. Returns the row to go on with: ``last_row``, or sooner when the
    output might not hold another block.
    """
    count = state[0]
    row = first_row
    while row < last_row:
        end = min(row + BLOCK, last_row)
        if count + (end - row) * radii.size > out_rows.size:
            break
        for query in range(radii.size):
            radius = radii[query]
            if radius < 0:
                continue
            first, second = queries[4 * query], queries[4 * query + 1]
            third, fourth = queries[4 * query + 2], queries[4 * query + 3]
            at = row
            while at < end:
                if radius <= HEAD_FIRST:
                    near = near8_by_head(head, at, first, second, radius)
                else:
                    near = near8(head, tail, at, first, second, third, fourth, radius)
                if end - at < 8:
                    near &= (1 << (end - at)) - 1
                while near:
                    place = at + lowest_bit(near)
                    near &= near - 1
                    distance = (
                        popcount(load(head, 2 * place) ^ first)
                        + popcount(load(head, 2 * place + 1) ^ second)
                        + popcount(load(tail, 2 * place) ^ third)
                        + popcount(load(tail, 2 * place + 1) ^ fourth)
                    )
                    if distance <= radius and (load(live, place >> 3) >> (place & 7)) & 1:
                        out_queries[count] = query
                        out_rows[count] = place
                        out_distances[count] = distance
                        count += 1
                at += 8
        row = end
    state[0] = count
    return row
