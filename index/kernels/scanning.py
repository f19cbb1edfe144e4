"""Search by comparing every row, a block at a time, for all queries while the block is in cache.

``kernels`` compiles these functions. They know rows and bits; not ids, groups or
files.
"""

from __future__ import annotations

from typing import Final

from index.kernels.intrinsics import (
    address,
    inlined,
    load8,
    load64,
    lowest_bit,
    near8,
    near8_by_head,
    popcount,
)
from index.kernels.probing import HEAD, LIVE, TAIL, Longs

BLOCK: Final = 1024
"""Rows compared with each query in turn: 32 KiB, what a first-level cache holds."""
HEAD_FIRST: Final = 44
"""Up to this radius, bits, the first 128 bits alone turn down nearly every row."""


@inlined
def scan_block(
    part: int, row: int, end: int, queries: Longs, query: int, radius: int, out_queries: Longs,
    out_rows: Longs, out_distances: Longs, count: int,
) -> int:  # fmt: skip
    """Emit the live rows from ``row`` up to but not ``end`` near one query;

    returns the new count.
    """
    head, tail, live = load64(part, HEAD), load64(part, TAIL), load64(part, LIVE)
    first, second = queries[4 * query], queries[4 * query + 1]
    third, fourth = queries[4 * query + 2], queries[4 * query + 3]
    while row < end:
        if radius <= HEAD_FIRST:
            near = near8_by_head(head, row, first, second, radius)
        else:
            near = near8(head, tail, row, first, second, third, fourth, radius)
        if end - row < 8:
            near &= (1 << (end - row)) - 1
        while near:
            place = row + lowest_bit(near)
            near &= near - 1
            distance = (
                popcount(load64(head, 2 * place) ^ first)
                + popcount(load64(head, 2 * place + 1) ^ second)
                + popcount(load64(tail, 2 * place) ^ third)
                + popcount(load64(tail, 2 * place + 1) ^ fourth)
            )
            if distance <= radius and (load8(live, place >> 3) >> (place & 7)) & 1:
                out_queries[count] = query
                out_rows[count] = place
                out_distances[count] = distance
                count += 1
        row += 8
    return count


def scan(
    fields: Longs, first_row: int, last_row: int, queries: Longs, radius: int, out_queries: Longs,
    out_rows: Longs, out_distances: Longs, state: Longs,
) -> int:  # fmt: skip
    """Emit every live row from ``first_row`` up to but not ``last_row`` near any of ``queries``.

    ``fields``: of the part; ``queries``: int64 (4 a query). ``state[0]`` holds how many are
    emitted. Returns the row to go on with: ``last_row``, or sooner when the output might not hold
    another block.
    """
    part, asked = address(fields), queries.size // 4
    count = state[0]
    row = first_row
    while row < last_row:
        end = min(row + BLOCK, last_row)
        if count + (end - row) * asked > out_rows.size:
            break
        for query in range(asked):
            count = scan_block(
                part, row, end, queries, query, radius, out_queries, out_rows, out_distances,
                count,
            )  # fmt: skip
        row = end
    state[0] = count
    return row
