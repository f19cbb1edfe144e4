"""Search through the tables of a segment: which rows lie within a radius, without reading most.

A code is cut into 16 sub-codes of 16 bits. Table *t* lists the rows by sub-code *t*, and beside
each row stands its sub-code *t + 1* (after 15 comes 0): its *check*.

Give every table a depth ρ ≥ -1 such that Σ(ρ + 1) = r + 1. A code at distance ≤ r has Σ d < Σ(ρ +
1) over its sub-code distances d. By the cycle lemma there is then a table from which *every* run of
following tables stays under its own share: d(t) ≤ ρ(t), d(t) + d(t+1) ≤ ρ(t) + ρ(t+1) + 1, and so
on. So it is exact to read only the buckets within ρ(t) of the query's sub-code, and there to verify
only rows whose check meets the second bound: about one in a hundred. Depths are lowered in tables
where the query's own buckets are heavy, and raised where they are light.

These are plain functions in the part of Python that numba compiles; ``kernels`` does so. They know
nothing of ids, groups or files.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.intrinsics import load, load24, lowest_bit, near32, popcount, prefetch

Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Checks = NDArray[np.uint16]
Offsets = NDArray[np.uint32]

TABLES: Final = 16
BUCKETS: Final = 65536
MAX_DEPTH: Final = 5
"""Deepest ball read in one table: 6,885 of 65,536 buckets."""
MAX_RADIUS: Final = TABLES * (MAX_DEPTH + 1) - 1
RANGES: Final = TABLES * 6885
"""Most ranges one query can make."""

TOO_MANY: Final = 1
"""Outcome: more candidates than allowed; nothing was emitted."""
FULL: Final = 2
"""Outcome: the output is too small; nothing was emitted."""
PLAN: Final = 4 + TABLES
"""Columns of a plan: outcome, probes, candidates, rows verified, then the depth of each table."""

_SHELLS: Final = MAX_DEPTH + 2
_AHEAD: Final = 12
"""How many steps ahead memory is asked for."""
_ROWS_PER_RANGE: Final = 40.0
"""Opening a bucket costs about as much as reading this many checks."""


def choose_depths(
    radius: int,
    words: Longs,
    offsets: Offsets,
    masks: Checks,
    shells: Longs,
    depths: Longs,
    counts: Longs,
) -> None:
    """Share ``radius`` among the tables, lightest buckets first, from real bucket sizes.

    ``counts``: int64 (16 × 7), receives the rows of each shell (the sub-codes at one distance)
    read.
    """
    level = (radius + 1) // TABLES - 1
    spare = (radius + 1) - (level + 1) * TABLES
    read = max(level, 0)
    for table in range(TABLES):
        depths[table] = level
        for shell in range(_SHELLS):
            counts[table * _SHELLS + shell] = -1
            if shell <= read:
                counts[table * _SHELLS + shell] = shell_size(
                    words[table], table, shell, offsets, masks, shells
                )
    while spare > 0:
        best, least = -1, 0.0
        for table in range(TABLES):
            if depths[table] == level:
                cost = shell_cost(table, level + 1, counts, shells)
                if best < 0 or cost < least:
                    best, least = table, cost
        depths[best] += 1
        spare -= 1
    # Take a level from the heaviest table for one in the lightest, while that halves its cost.
    for _ in range(TABLES):
        heaviest, most, lightest, least = -1, 0.0, -1, 0.0
        for table in range(TABLES):
            if depths[table] >= 0:
                cost = shell_cost(table, depths[table], counts, shells)
                if heaviest < 0 or cost > most:
                    heaviest, most = table, cost
            if depths[table] < MAX_DEPTH:
                cost = shell_cost(table, depths[table] + 1, counts, shells)
                if lightest < 0 or cost < least:
                    lightest, least = table, cost
        if lightest < 0 or heaviest == lightest or most < 2.0 * least + 256.0:
            break
        depths[heaviest] -= 1
        depths[lightest] += 1


def shell_cost(table: int, shell: int, counts: Longs, shells: Longs) -> float:
    """The cost of a shell, in rows: as counted, or guessed from the last one that was."""
    known = shell
    while known > 0 and counts[table * _SHELLS + known] < 0:
        known -= 1
    buckets = float(shells[shell + 1] - shells[shell])
    rows = float(counts[table * _SHELLS + known])
    rows *= buckets / float(shells[known + 1] - shells[known])
    return rows + _ROWS_PER_RANGE * min(rows, buckets)


def shell_size(
    word: int, table: int, shell: int, offsets: Offsets, masks: Checks, shells: Longs
) -> int:
    """Rows of ``table`` whose sub-code lies at distance ``shell`` from ``word``."""
    first = table * (BUCKETS + 1)
    total = 0
    for place in range(shells[shell], shells[shell + 1]):
        bucket = first + (word ^ load(masks, place))
        total += load(offsets, bucket + 1) - load(offsets, bucket)
    return total


def list_ranges(
    words: Longs,
    depths: Longs,
    entries: int,
    offsets: Offsets,
    masks: Checks,
    shells: Longs,
    first: int,
    last: int,
    ranges: Longs,
) -> int:
    """Write nonempty buckets of tables ``first``..``last`` - 1 to ``ranges``; returns their count.

    Two int64 a range: where its checks begin, and length << 16 | bound << 8 | table.
    """
    count = 0
    for table in range(first, last):
        word, start, at = words[table], table * (BUCKETS + 1), table * entries
        both = depths[table] + depths[(table + 1) % TABLES] + 1
        # A neighbour of depth -1 can leave the outermost shell no room.
        for shell in range(min(depths[table], both) + 1):
            note = ((both - shell) << 8) | table
            for place in range(shells[shell], shells[shell + 1]):
                bucket = start + (word ^ load(masks, place))
                begin = load(offsets, bucket)
                size = load(offsets, bucket + 1) - begin
                ranges[2 * count] = at + begin
                ranges[2 * count + 1] = (size << 16) | note
                count += 1 if size > 0 else 0
    return count


def sub_code_distance(query: Longs, code: Longs, table: int) -> int:
    """Distance of two codes, int64 (4) each, in sub-code ``table``, bits."""
    shift = 16 * (table % 4)
    bits: int = popcount(((query[table // 4] ^ code[table // 4]) >> shift) & 0xFFFF)
    return bits


def first_sighting(query: Longs, depths: Longs, code: Longs, table: int) -> bool:
    """Whether ``table`` is the lowest one that leads to ``code``: so each row is emitted once."""
    for earlier in range(table):
        after = (earlier + 1) % TABLES
        here = sub_code_distance(query, code, earlier)
        both = here + sub_code_distance(query, code, after)
        if here <= depths[earlier] and both <= depths[earlier] + depths[after] + 1:
            return False
    return True


def filtered(
    begin: int, size: int, wanted: int, bound: int, table: int, checks: Checks, waiting: Longs,
    found: int,
) -> int:  # fmt: skip
    """Append to ``waiting`` the places of one bucket whose check is near; returns the new count."""
    step = 0
    while step < size:
        near = near32(checks, begin + step, wanted, bound)
        if size - step < 32:
            near &= (1 << (size - step)) - 1
        while near:
            waiting[found] = ((begin + step + lowest_bit(near)) << 4) | table
            found += 1
            near &= near - 1
        step += 32
    return found


def verify(
    found: int, waiting: Longs, radius: int, query: Longs, depths: Longs, rows: Bytes, head: Longs,
    tail: Longs, live: Bytes, out_rows: Longs, out_distances: Longs, count: int, code: Longs,
) -> int:  # fmt: skip
    """Emit the rows behind ``waiting`` that are live and within ``radius``; returns the new count.

    A count beyond the output's size means that some were not written.
    """
    for place in range(found):
        if place + _AHEAD < found:
            prefetch(rows, 3 * (waiting[place + _AHEAD] >> 4))
        spot = waiting[place]
        waiting[place] = (load24(rows, spot >> 4) << 4) | (spot & 15)
    for place in range(found):
        if place + _AHEAD < found:
            prefetch(head, 2 * (waiting[place + _AHEAD] >> 4))
        row = waiting[place] >> 4
        code[0] = load(head, 2 * row)
        code[1] = load(head, 2 * row + 1)
        distance = popcount(code[0] ^ query[0]) + popcount(code[1] ^ query[1])
        if distance <= radius:
            code[2] = load(tail, 2 * row)
            code[3] = load(tail, 2 * row + 1)
            distance += popcount(code[2] ^ query[2]) + popcount(code[3] ^ query[3])
            if (
                distance <= radius
                and (load(live, row >> 3) >> (row & 7)) & 1
                and first_sighting(query, depths, code, waiting[place] & 15)
            ):
                if count < out_rows.size:
                    out_rows[count] = row
                    out_distances[count] = distance
                count += 1
    return count


def probe(
    queries: Longs, radius: int, first_query: int, last_query: int, first_table: int,
    last_table: int, allowed: int, offsets: Offsets, checks: Checks, rows: Bytes, head: Longs,
    tail: Longs, live: Bytes, masks: Checks, shells: Longs, ranges: Longs, waiting: Longs,
    out_rows: Longs, out_distances: Longs, count: int, ends: Longs, plans: Longs,
) -> int:  # fmt: skip
    """Search ``queries``, int64 (4 a query), from ``first_query`` up to but not ``last_query``.

    Emits (row, distance) from ``count`` on; ``ends[query]`` becomes the count after a query. Only
    tables from ``first_table`` up to but not ``last_table`` are read, so that threads can share
    one query. A query with more than ``allowed`` candidates emits nothing and says so in its plan.
    Returns the query to go on with: ``last_query``, or one whose outcome is ``FULL``.
    """
    entries = head.size // 2
    words = np.empty(TABLES, np.int64)
    depths = np.empty(TABLES, np.int64)
    counts = np.empty(TABLES * _SHELLS, np.int64)
    query = np.empty(4, np.int64)
    code = np.empty(4, np.int64)
    for which in range(first_query, last_query):
        for word in range(4):
            query[word] = queries[4 * which + word]
        for table in range(TABLES):
            words[table] = (query[table // 4] >> (16 * (table % 4))) & 0xFFFF
        choose_depths(radius, words, offsets, masks, shells, depths, counts)
        listed = list_ranges(
            words, depths, entries, offsets, masks, shells, first_table, last_table, ranges
        )
        candidates, probes = 0, 0
        for place in range(listed):
            candidates += ranges[2 * place + 1] >> 16
        plan = PLAN * which
        for table in range(TABLES):
            plans[plan + 4 + table] = depths[table]
            probes += shells[depths[table] + 1]
        plans[plan] = 0
        plans[plan + 1] = probes
        plans[plan + 2] = candidates
        plans[plan + 3] = 0
        ends[which] = count
        if candidates > allowed:
            plans[plan] = TOO_MANY
            continue
        found, verified, emitted = 0, 0, count
        for place in range(listed):
            if place + _AHEAD < listed:
                ahead = ranges[2 * (place + _AHEAD)]
                prefetch(checks, ahead)
                prefetch(checks, ahead + 32)
            begin, note = ranges[2 * place], ranges[2 * place + 1]
            table, bound, size = note & 0xFF, (note >> 8) & 0xFF, note >> 16
            wanted = words[(table + 1) % TABLES]
            while size > 0:
                # A bucket is read in pieces, so that the places waiting always fit.
                piece = min(size, waiting.size - found)
                found = filtered(begin, piece, wanted, bound, table, checks, waiting, found)
                begin += piece
                size -= piece
                if found + 64 > waiting.size:
                    emitted = verify(
                        found, waiting, radius, query, depths, rows, head, tail, live, out_rows,
                        out_distances, emitted, code,
                    )  # fmt: skip
                    verified += found
                    found = 0
        emitted = verify(
            found, waiting, radius, query, depths, rows, head, tail, live, out_rows,
            out_distances, emitted, code,
        )  # fmt: skip
        plans[plan + 3] = verified + found
        if emitted > out_rows.size:
            plans[plan] = FULL
            return which
        count = emitted
        ends[which] = count
    return last_query
