"""The newest rows, in the order they came: small, scanned as a whole, soon sealed into a segment.

Arrays are only ever written beyond the row count of every delta that has been published, so readers
of an older delta are not disturbed by an append. One writer at a time. It knows rows; not tables or
files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids
from index.segments import bitmap
from index.segments.bitmap import Bitmap
from index.segments.permutation import Words

_SMALLEST: Final = 1024
_SPARE: Final = 16
"""Rows of room past the end, for vector instructions."""

_Columns = tuple[Ids, Groups, NDArray[np.int64], NDArray[np.int64]]
"""Ids, groups, heads, tails."""


@dataclass(frozen=True, eq=False)
class Delta:
    """Rows 0..count-1 of arrays that have room for more."""

    ids: Ids
    groups: Groups
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    count: int
    present: Bitmap
    """Rows that are not removed."""
    live: Bitmap
    """Rows that are present and enabled."""

    @classmethod
    def empty(cls) -> Self:
        """No rows."""
        return cls(*_room(0), 0, bitmap.full(0), bitmap.full(0))

    def __len__(self) -> int:
        """Rows, removed ones included."""
        return self.count

    @property
    def nbytes(self) -> int:
        """Memory, bytes, room included."""
        arrays = (self.ids, self.groups, self.head, self.tail, self.present, self.live)
        return sum(array.nbytes for array in arrays)

    def appended(self, ids: Ids, groups: Groups, words: Words) -> Delta:
        """This delta and enabled rows after it; ``words`` as in ``permutation``."""
        before, after = self.count, self.count + len(ids)
        room = self
        if after > len(self.ids):
            arrays = _room(max(2 * len(self.ids), after))
            _copy(self.columns(), arrays)
            room = Delta(*arrays, before, self.present, self.live)
        codes = words.reshape(-1, 4)
        room.ids[before:after] = ids
        room.groups[before:after] = groups
        room.head[2 * before : 2 * after] = codes[:, :2].reshape(-1)
        room.tail[2 * before : 2 * after] = codes[:, 2:].reshape(-1)
        rows = np.arange(before, after)
        grown = np.zeros(after // 8 + 1 - len(self.present), np.uint8)
        return replace(
            room,
            count=after,
            present=bitmap.with_rows(np.concatenate([self.present, grown]), rows),
            live=bitmap.with_rows(np.concatenate([self.live, grown]), rows),
        )

    def columns(self) -> _Columns:
        """Ids, groups, heads and tails of the rows."""
        n = self.count
        return self.ids[:n], self.groups[:n], self.head[: 2 * n], self.tail[: 2 * n]

    def words(self) -> Words:
        """The codes, four words each."""
        _, _, head, tail = self.columns()
        return np.concatenate([head.reshape(-1, 2), tail.reshape(-1, 2)], axis=1).reshape(-1)

    def find(self, ids: Ids) -> NDArray[np.int64]:
        """The rows of those of ``ids`` that are present."""
        rows = np.flatnonzero(np.isin(self.ids[: self.count], ids))
        return rows[bitmap.has(self.present, rows)]

    def after(self, row: int) -> Delta:
        """The rows from ``row`` on, as a delta of its own."""
        ids, groups, head, tail = self.columns()
        rest = self.count - row
        arrays = _room(rest)
        _copy((ids[row:], groups[row:], head[2 * row :], tail[2 * row :]), arrays)
        present, live = (
            bitmap.of(bitmap.flags(bits, self.count)[row:]) for bits in (self.present, self.live)
        )
        return Delta(*arrays, rest, present, live)


def _copy(columns: _Columns, arrays: _Columns) -> None:
    """Copy each column to the beginning of its array."""
    ids, groups, head, tail = columns
    arrays[0][: len(ids)] = ids
    arrays[1][: len(groups)] = groups
    arrays[2][: len(head)] = head
    arrays[3][: len(tail)] = tail


def _room(rows: int) -> _Columns:
    """Arrays with room for at least ``rows`` rows."""
    rows = max(rows, _SMALLEST)
    head, tail = (np.zeros(2 * (rows + _SPARE), np.int64)[: 2 * rows] for _ in range(2))
    return np.zeros(rows, np.int64), np.zeros(rows, np.int32), head, tail
