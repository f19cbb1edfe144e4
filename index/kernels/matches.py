"""From rows to matches: their ids and groups, each within its own group's radius, in order.

``kernels`` compiles these functions. They know the arrays of a part; not how rows were found.
"""

from __future__ import annotations

from index.kernels.intrinsics import inlined, load32, load64
from index.kernels.probing import GROUP_COUNT, GROUPS, IDS, RADII, RADIUS_COUNT, STARTS, Longs


@inlined
def group_of(part: int, row: int) -> int:
    """The group of a row."""
    groups, count = load64(part, GROUPS), load64(part, GROUP_COUNT)
    if count == 0:
        return load32(groups, row)
    # The last run that begins at or before the row.
    starts = load64(part, STARTS)
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) >> 1
        if load64(starts, middle) <= row:
            low = middle
        else:
            high = middle
    return load32(groups, low)


@inlined
def radius_of(part: int, group: int) -> int:
    """The radius in force for a group, bits; -1: it is not searched."""
    radii = load64(part, RADII)
    low, high = 0, load64(part, RADIUS_COUNT)
    while low < high:
        middle = (low + high) >> 1
        known = load64(radii, 2 * middle)
        if known == group:
            return load64(radii, 2 * middle + 1)
        if known < group:
            low = middle + 1
        else:
            high = middle
    return -1


@inlined
def name_rows(
    part: int, most: int, ids: Longs, rows_and_groups: Longs, distances: Longs, first: int,
    count: int,
) -> int:  # fmt: skip
    """Turn rows ``first`` to ``count`` - 1 into matches; returns the new count.

    Kept are those within their own group's radius, if that is at most ``most``. Where it says row,
    the group is written; the id goes to ``ids``.
    """
    known, radii = load64(part, IDS), load64(part, RADIUS_COUNT)
    kept = first
    for place in range(first, count):
        row, distance = rows_and_groups[place], distances[place]
        group = group_of(part, row)
        if radii >= 0:
            radius = radius_of(part, group)
            if distance > radius or radius > most:
                continue
        ids[kept] = load64(known, row)
        rows_and_groups[kept] = group
        distances[kept] = distance
        kept += 1
    return kept


@inlined
def put_in_order(ids: Longs, groups: Longs, distances: Longs, count: int) -> None:
    """Sort matches by distance, then id. Shell's method: they are few, and often in order."""
    gap = 1
    while 3 * gap + 1 < count:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, count):
            id_, group, distance = ids[place], groups[place], distances[place]
            at = place
            while at >= gap and (
                distances[at - gap] > distance
                or (distances[at - gap] == distance and ids[at - gap] > id_)
            ):
                ids[at], groups[at] = ids[at - gap], groups[at - gap]
                distances[at] = distances[at - gap]
                at -= gap
            ids[at], groups[at], distances[at] = id_, group, distance
        gap //= 3
