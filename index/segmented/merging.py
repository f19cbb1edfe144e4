"""When to merge segments, and the merging itself.

It knows sizes and rows; not threads, locks or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids
from index.segments import bitmap
from index.segments.building import build
from index.segments.delta import Delta
from index.segments.segment import MOST_ROWS
from index.segments.state import Part

SEAL_AT: Final = 16_384
"""Rows from which a delta is worth a segment."""
GROWTH: Final = 4
"""A segment smaller than this many times what follows it is merged with it."""

_Columns = tuple[Ids, Groups, NDArray[np.int64], NDArray[np.bool_]]
"""Ids, groups, words (n, 4), live."""


def mergeable(parts: Sequence[Part]) -> list[int]:
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


def merged(parts: Sequence[Part], threads: int) -> Part | None:
    """One part of the rows present in ``parts``; none if there are none."""
    columns: list[_Columns] = []
    for part in parts:
        segment = part.segment
        rows = bitmap.members(part.present, len(segment))
        everything = len(rows) == len(segment)
        words = segment.words().reshape(-1, 4)
        columns.append(
            (
                segment.ids if everything else segment.ids[rows],
                segment.groups_of(rows),
                words if everything else words[rows],
                bitmap.has(part.live, rows),
            )
        )
    return _built(columns, threads)


def sealed(delta: Delta, threads: int) -> Part | None:
    """One part of the rows present in ``delta``; none if there are none."""
    ids, groups, _, _ = delta.columns()
    rows = bitmap.members(delta.present, len(delta))
    words = delta.words().reshape(-1, 4)
    columns = (ids[rows], groups[rows], words[rows], bitmap.has(delta.live, rows))
    return _built([columns], threads)


def _built(columns: list[_Columns], threads: int) -> Part | None:
    all_ids, all_groups, all_words, all_live = zip(*columns, strict=True)
    ids, live = np.concatenate(all_ids), np.concatenate(all_live)
    if not len(ids):
        return None
    words = np.concatenate(all_words).reshape(-1)
    segment = build(ids, np.concatenate(all_groups), words, threads)
    part = Part.fresh(segment)
    off = np.sort(ids[~live])
    if not len(off):
        return part
    return Part(segment, part.present, bitmap.without_rows(part.live, segment.find(off)))
