"""When to merge segments, and the merging itself.

It knows sizes and rows; not threads, locks or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids
from index.storage import bitmap
from index.storage.delta import Delta
from index.storage.kind import MOST_ROWS, Columns, RowKind, S
from index.storage.state import HeldSegment

SEAL_AT: Final = 16_384
"""Rows from which a delta is worth a segment."""
GROWTH: Final = 4
"""A segment smaller than this many times what follows it is merged with it."""

_Rows = tuple[Ids, Groups, NDArray[np.bool_], Columns]
"""Ids, groups, live, and what else rows hold."""


def mergeable(parts: Sequence[HeldSegment[Any]]) -> list[int]:
    """The numbers of the parts to merge next; none when all is well.

    Each entry is copied O(log n) times in its life, and there are O(log n) parts.
    """
    # A part most of whose rows are gone is rewritten alone.
    for number, part in enumerate(parts):
        if 2 * part.entries < len(part):
            return [number]
    by_size = sorted(range(len(parts)), key=lambda number: -parts[number].entries)
    chosen: list[int] = []
    rows = 0
    for number in reversed(by_size):
        mine = parts[number].entries
        if rows + mine > MOST_ROWS:
            break
        if chosen and mine >= GROWTH * rows:
            break
        chosen.append(number)
        rows += mine
    return sorted(chosen) if len(chosen) > 1 else []


def merged(
    kind: RowKind[S], parts: Sequence[HeldSegment[S]], threads: int
) -> HeldSegment[S] | None:
    """One part of the rows present in ``parts``; none if there are none."""
    gathered: list[_Rows] = []
    for part in parts:
        segment, columns = part.segment, part.segment.columns
        rows = bitmap.members(part.present, len(segment))
        ids = segment.ids
        if len(rows) < len(segment):
            ids, columns = ids[rows], tuple(column[rows] for column in columns)
        gathered.append((ids, segment.groups_of(rows), bitmap.has(part.live, rows), columns))
    return _built(kind, gathered, threads)


def sealed(kind: RowKind[S], delta: Delta, threads: int) -> HeldSegment[S] | None:
    """One part of the rows present in ``delta``; none if there are none."""
    rows = bitmap.members(delta.present, len(delta))
    columns = tuple(column[rows] for column in delta.columns)
    live = bitmap.has(delta.live, rows)
    return _built(kind, [(delta.ids[rows], delta.groups[rows], live, columns)], threads)


def _built(kind: RowKind[S], gathered: list[_Rows], threads: int) -> HeldSegment[S] | None:
    all_ids, all_groups, all_live, all_columns = zip(*gathered, strict=True)
    ids, live = np.concatenate(all_ids), np.concatenate(all_live)
    if not len(ids):
        return None
    columns = tuple(np.concatenate(pieces) for pieces in zip(*all_columns, strict=True))
    segment = kind.build(ids, np.concatenate(all_groups), columns, threads)
    part = HeldSegment.fresh(segment)
    off = np.sort(ids[~live])
    if not len(off):
        return part
    return HeldSegment(segment, part.present, bitmap.without_rows(part.live, segment.find(off)))
