"""Search through the tables of a segment: which rows lie within a radius, without reading most.

A code is cut into 16 sub-codes of 16 bits. Table *t* lists the rows by sub-code *t*, and beside
each row stands its sub-code *t + 1* (after 15 comes 0): its *check*.

Give every table a depth ρ ≥ -1 such that Σ(ρ + 1) = r + 1. A code at distance ≤ r has Σ d < Σ(ρ +
1) over its sub-code distances d. By the cycle lemma there is then a table from which *every* run of
following tables stays under its own share: d(t) ≤ ρ(t), d(t) + d(t+1) ≤ ρ(t) + ρ(t+1) + 1, and so
on. So it is exact to read only the buckets within ρ(t) of the query's sub-code, and there to verify
only rows whose check meets the second bound: about one in a hundred. Depths are lowered in tables
where the query's own buckets are heavy, and raised where they are light.

These are functions in the part of Python that numba compiles; ``kernels`` does so. They know
nothing of ids, groups or files.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.kernels.intrinsics import (
    address,
    inlined,
    load8,
    load16,
    load32,
    load32_of_3,
    load64,
    lowest_bit,
    near16,
    near32,
    popcount,
    prefetch,
)

Longs = NDArray[np.int64]

TABLES: Final = 16
BUCKETS: Final = 65536
MAX_DEPTH: Final = 5
"""Deepest ball read in one table: 6,885 of 65,536 buckets."""
MAX_RADIUS: Final = TABLES * (MAX_DEPTH + 1) - 1
RANGES: Final = TABLES * 6885
"""Most ranges one query can make."""
WAITING: Final = 1 << 15
"""Rows gathered before they are verified."""
DESK: Final = 9 * TABLES + 8
"""Working memory of one search, int64, beside its ranges and the rows waiting."""

TOO_MANY: Final = 1
"""Outcome: more candidates than allowed; nothing was emitted."""
FULL: Final = 2
"""Outcome: the output is too small; nothing was emitted."""
PLAN: Final = 4 + TABLES
"""Columns of a plan: outcome, probes, candidates, rows verified, then the depth of each table."""

# A part of an index, as kernels see it: a run of int64, most of them addresses of its arrays.
HEAD, TAIL, LIVE, OFFSETS, CHECKS, ROWS = range(6)
ENTRIES: Final = 6
CUT: Final = 7
"""Radius up to which the tables are searched, bits; -1: not at all."""
ALLOWED: Final = 8
"""Candidates in the tables from which scanning is quicker."""
STRETCHES: Final = 9
"""Address of the rows to scan: first row, row after the last, radius; int64 each."""
STRETCH_COUNT: Final = 10
IDS, GROUPS, STARTS = range(11, 14)
"""Addresses of ids (int64), groups (int32), and where each group's rows begin (int64)."""
GROUP_COUNT: Final = 14
"""How many groups there are; 0: ``GROUPS`` holds the group of each row."""
RADII: Final = 15
"""Address of the groups searched, ascending, each with its radius: two int64 each."""
RADIUS_COUNT: Final = 16
"""How many these are; -1: every group is searched at one radius."""
PART_FIELDS: Final = 18

# What all parts share: addresses of the sub-codes by number of set bits (uint16), and of the
# places where each number's run begins (int64).
MASKS, SHELLS = range(2)

_SHELLS: Final = MAX_DEPTH + 2
_AHEAD: Final = 16
"""How many steps ahead memory is asked for."""
_AHEAD_AT_ONCE: Final = 1024
"""So many ranges are asked for while they are listed."""
_ROWS_PER_RANGE: Final = 40.0
"""Opening a bucket costs about as much as reading this many checks."""


@inlined
def choose_depths(
    radius: int, words: Longs, offsets: int, masks: int, shells: int, depths: Longs, counts: Longs
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


@inlined
def shell_cost(table: int, shell: int, counts: Longs, shells: int) -> float:
    """The cost of a shell, in rows: as counted, or guessed from the last one that was."""
    known = shell
    while known > 0 and counts[table * _SHELLS + known] < 0:
        known -= 1
    buckets = float(load64(shells, shell + 1) - load64(shells, shell))
    rows = float(counts[table * _SHELLS + known])
    rows *= buckets / float(load64(shells, known + 1) - load64(shells, known))
    return rows + _ROWS_PER_RANGE * min(rows, buckets)


@inlined
def shell_size(word: int, table: int, shell: int, offsets: int, masks: int, shells: int) -> int:
    """Rows of ``table`` whose sub-code lies at distance ``shell`` from ``word``."""
    first = table * (BUCKETS + 1)
    total = 0
    for place in range(load64(shells, shell), load64(shells, shell + 1)):
        bucket = first + (word ^ load16(masks, place))
        total += load32(offsets, bucket + 1) - load32(offsets, bucket)
    return total


@inlined
def ask_for_offsets(words: Longs, offsets: int) -> None:
    """Have the lines brought that hold the buckets within one bit of each sub-code."""
    for table in range(TABLES):
        start = offsets + 4 * (table * (BUCKETS + 1) + words[table])
        prefetch(start)
        prefetch(start + 4)
        # Flips of the lowest bits stay within a line of 16 offsets, or its neighbour.
        for bit in range(3, 16):
            prefetch(offsets + 4 * (table * (BUCKETS + 1) + (words[table] ^ (1 << bit))))


@inlined
def ask_for_checks(checks: int, begin: int, size: int) -> None:
    """Have the first lines of a bucket brought."""
    prefetch(checks + 2 * begin)
    prefetch(checks + 2 * (begin + min(size, 32)) - 2)


@inlined
def list_ranges(
    words: Longs,
    depths: Longs,
    entries: int,
    offsets: int,
    checks: int,
    masks: int,
    shells: int,
    first: int,
    last: int,
    ranges: Longs,
) -> int:
    """Write nonempty buckets of tables ``first``..``last`` - 1 to ``ranges``; returns their count.

    An int64 a range: where its checks begin (28 bits), length (25), bound (6) and table (4).
    """
    count = 0
    for table in range(first, last):
        word, start, at = words[table], table * (BUCKETS + 1), table * entries
        both = depths[table] + depths[(table + 1) % TABLES] + 1
        # A neighbour of depth -1 can leave the outermost shell no room.
        for shell in range(min(depths[table], both) + 1):
            note = ((both - shell) << 4) | table
            for place in range(load64(shells, shell), load64(shells, shell + 1)):
                bucket = start + (word ^ load16(masks, place))
                begin = load32(offsets, bucket)
                size = load32(offsets, bucket + 1) - begin
                ranges[count] = ((at + begin) << 35) | (size << 10) | note
                if count < _AHEAD_AT_ONCE:
                    ask_for_checks(checks, at + begin, size)
                count += 1 if size > 0 else 0
    return count


@inlined
def sub_code_distance(query: Longs, code: Longs, table: int) -> int:
    """Distance of two codes, int64 (4) each, in sub-code ``table``, bits."""
    shift = 16 * (table % 4)
    return popcount(((query[table // 4] ^ code[table // 4]) >> shift) & 0xFFFF)


@inlined
def first_sighting(query: Longs, depths: Longs, code: Longs, table: int) -> bool:
    """Whether ``table`` is the lowest one that leads to ``code``: so each row is emitted once."""
    for earlier in range(table):
        after = (earlier + 1) % TABLES
        here = sub_code_distance(query, code, earlier)
        both = here + sub_code_distance(query, code, after)
        if here <= depths[earlier] and both <= depths[earlier] + depths[after] + 1:
            return False
    return True


@inlined
def filtered(
    begin: int, size: int, wanted: int, bound: int, table: int, checks: int, waiting: Longs,
    found: int,
) -> int:  # fmt: skip
    """Append to ``waiting`` the places of one bucket whose check is near; returns the new count."""
    step = 0
    while step < size:
        # Reading 32 where 16 would do may touch another line.
        if size - step > 16:
            near = near32(checks + 2 * (begin + step), wanted, bound)
        else:
            near = near16(checks + 2 * (begin + step), wanted, bound)
        if size - step < 32:
            near &= (1 << (size - step)) - 1
        while near:
            waiting[found] = ((begin + step + lowest_bit(near)) << 4) | table
            found += 1
            near &= near - 1
        step += 32
    return found


@inlined
def verify(
    found: int, waiting: Longs, radius: int, query: Longs, depths: Longs, part: int,
    out_rows: Longs, out_distances: Longs, count: int, code: Longs,
) -> int:  # fmt: skip
    """Emit the rows behind ``waiting`` that are live and within ``radius``; returns the new count.

    ``part``: address of the part's fields. A count beyond the output's size means that some were
    not written.
    """
    rows, head, tail = load64(part, ROWS), load64(part, HEAD), load64(part, TAIL)
    live = load64(part, LIVE)
    for place in range(found):
        if place + _AHEAD < found:
            prefetch(rows + 3 * (waiting[place + _AHEAD] >> 4))
        spot = waiting[place]
        waiting[place] = ((load32_of_3(rows, spot >> 4) & 0xFFFFFF) << 4) | (spot & 15)
    for place in range(found):
        if place + _AHEAD < found:
            prefetch(head + 16 * (waiting[place + _AHEAD] >> 4))
        row = waiting[place] >> 4
        code[0] = load64(head, 2 * row)
        code[1] = load64(head, 2 * row + 1)
        distance = popcount(code[0] ^ query[0]) + popcount(code[1] ^ query[1])
        if distance <= radius:
            code[2] = load64(tail, 2 * row)
            code[3] = load64(tail, 2 * row + 1)
            distance += popcount(code[2] ^ query[2]) + popcount(code[3] ^ query[3])
            if (
                distance <= radius
                and (load8(live, row >> 3) >> (row & 7)) & 1
                and first_sighting(query, depths, code, waiting[place] & 15)
            ):
                if count < out_rows.size:
                    out_rows[count] = row
                    out_distances[count] = distance
                count += 1
    return count


@inlined
def probe_one(
    query: Longs, part: int, shared: int, first_table: int, last_table: int, desk: Longs,
    ranges: Longs, waiting: Longs, out_rows: Longs, out_distances: Longs, count: int, plan: Longs,
    at: int,
) -> int:  # fmt: skip
    """Search the tables of one part for one query, int64 (4); returns the new count of matches.

    ``part`` and ``shared``: addresses of their fields. Only tables from ``first_table`` up to but
    not ``last_table`` are read, so that threads can share one query. What was done goes to ``plan``
    from ``at`` on; unless its outcome is 0, nothing was emitted.
    """
    masks, shells = load64(shared, MASKS), load64(shared, SHELLS)
    offsets, checks = load64(part, OFFSETS), load64(part, CHECKS)
    radius = load64(part, CUT)
    words, depths = desk[:TABLES], desk[TABLES : 2 * TABLES]
    counts, code = desk[2 * TABLES : 9 * TABLES], desk[9 * TABLES : 9 * TABLES + 4]
    for table in range(TABLES):
        words[table] = (query[table // 4] >> (16 * (table % 4))) & 0xFFFF
    ask_for_offsets(words, offsets)
    choose_depths(radius, words, offsets, masks, shells, depths, counts)
    listed = list_ranges(
        words, depths, load64(part, ENTRIES), offsets, checks, masks, shells, first_table,
        last_table, ranges,
    )  # fmt: skip
    candidates, probes = 0, 0
    for place in range(listed):
        candidates += (ranges[place] >> 10) & 0x1FFFFFF
    for table in range(TABLES):
        plan[at + 4 + table] = depths[table]
        probes += load64(shells, depths[table] + 1)
    plan[at] = 0
    plan[at + 1] = probes
    plan[at + 2] = candidates
    plan[at + 3] = 0
    if candidates > load64(part, ALLOWED):
        plan[at] = TOO_MANY
        return count
    found, verified, emitted = 0, 0, count
    for place in range(listed):
        if place + _AHEAD >= _AHEAD_AT_ONCE and place + _AHEAD < listed:
            ahead = ranges[place + _AHEAD]
            ask_for_checks(checks, ahead >> 35, (ahead >> 10) & 0x1FFFFFF)
        note = ranges[place]
        begin, size, bound = note >> 35, (note >> 10) & 0x1FFFFFF, (note >> 4) & 0x3F
        table = note & 0xF
        wanted = words[(table + 1) % TABLES]
        while size > 0:
            # A bucket is read in pieces, so that the places waiting always fit.
            piece = min(size, waiting.size - found)
            found = filtered(begin, piece, wanted, bound, table, checks, waiting, found)
            begin += piece
            size -= piece
            if found + 64 > waiting.size:
                emitted = verify(
                    found, waiting, radius, query, depths, part, out_rows, out_distances, emitted,
                    code,
                )  # fmt: skip
                verified += found
                found = 0
    emitted = verify(
        found, waiting, radius, query, depths, part, out_rows, out_distances, emitted, code
    )
    plan[at + 3] = verified + found
    if emitted > out_rows.size:
        plan[at] = FULL
        return count
    return emitted


def probe(
    queries: Longs, fields: Longs, shared: Longs, first_query: int, last_query: int,
    first_table: int, last_table: int, desk: Longs, ranges: Longs, waiting: Longs,
    out_rows: Longs, out_distances: Longs, ends: Longs, plans: Longs,
) -> int:  # fmt: skip
    """Search ``queries``, int64 (4 a query), from ``first_query`` up to but not ``last_query``.

    Emits (row, distance) from 0 on; ``ends[query]`` becomes the count after a query. Returns the
    query to go on with: ``last_query``, or one whose outcome is ``FULL``.
    """
    query = desk[DESK - 4 :]
    part, common = address(fields), address(shared)
    count = 0
    for which in range(first_query, last_query):
        for word in range(4):
            query[word] = queries[4 * which + word]
        count = probe_one(
            query, part, common, first_table, last_table, desk, ranges, waiting, out_rows,
            out_distances, count, plans, PLAN * which,
        )  # fmt: skip
        if plans[PLAN * which] == FULL:
            return which
        ends[which] = count
    return last_query
