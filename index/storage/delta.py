"""The newest rows, in the order they came: small, scanned as a whole, soon sealed into a segment.

Arrays are only ever written beyond the row count of every delta that has been published, so readers
of an older delta are not disturbed by an append. One writer at a time. It knows rows; not
tables or files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids
from index.storage import bitmap
from index.storage.bitmap import Bitmap
from index.storage.kind import Columns

_SMALLEST: Final = 1024
_SPARE: Final = 16
"""Rows of room past the end, for vector instructions."""


@dataclass(frozen=True, eq=False)
class Delta:
    """Rows 0..count-1 of arrays that have room for more."""

    ids: Ids
    groups: Groups
    columns: Columns
    """Each (room, k): what rows hold beside id and group."""
    count: int
    present: Bitmap
    """Rows that are not removed."""
    live: Bitmap
    """Rows that are present and enabled."""

    @classmethod
    def empty(cls, columns: Columns) -> Self:
        """No rows of such ``columns``."""
        return cls(*_room(columns, 0), 0, bitmap.full(0), bitmap.full(0))

    def __len__(self) -> int:
        """Rows, removed ones included."""
        return self.count

    @property
    def nbytes(self) -> int:
        """Memory, bytes, room included."""
        arrays: Columns = (self.ids, self.groups, *self.columns, self.present, self.live)
        return sum(array.nbytes for array in arrays)

    def appended(self, ids: Ids, groups: Groups, columns: Columns) -> Delta:
        """This delta and enabled rows after it."""
        before, after = self.count, self.count + len(ids)
        room = self
        if after > len(self.ids):
            arrays = _room(columns, max(2 * len(self.ids), after))
            room = Delta(*arrays, before, self.present, self.live)
            _copy(self, 0, room)
        room.ids[before:after] = ids
        room.groups[before:after] = groups
        for mine, added in zip(room.columns, columns, strict=True):
            mine[before:after] = added
        rows = np.arange(before, after)
        grown = np.zeros(after // 8 + 1 - len(self.present), np.uint8)
        return replace(
            room,
            count=after,
            present=bitmap.with_rows(np.concatenate([self.present, grown]), rows),
            live=bitmap.with_rows(np.concatenate([self.live, grown]), rows),
        )

    def find(self, ids: Ids) -> NDArray[np.int64]:
        """The rows of those of ``ids`` that are present. ``ids``: ascending."""
        # A few rows are looked up among perhaps a million ids, which ``np.isin`` would sort anew.
        held = self.ids[: self.count]
        places = np.searchsorted(ids, held)
        places[places == len(ids)] = 0
        rows = np.flatnonzero(ids[places] == held) if len(ids) else np.empty(0, np.int64)
        return rows[bitmap.has(self.present, rows)]

    def after(self, row: int) -> Delta:
        """The rows from ``row`` on, as a delta of its own."""
        present, live = (
            bitmap.of(bitmap.flags(bits, self.count)[row:]) for bits in (self.present, self.live)
        )
        rest = self.count - row
        room = Delta(*_room(self.columns, rest), rest, present, live)
        _copy(self, row, room)
        return room


def _copy(delta: Delta, row: int, room: Delta) -> None:
    """Copy the rows of ``delta`` from ``row`` on to the beginning of ``room``."""
    into: Columns = (room.ids, room.groups, *room.columns)
    held: Columns = (delta.ids, delta.groups, *delta.columns)
    for mine, theirs in zip(into, held, strict=True):
        mine[: delta.count - row] = theirs[row : delta.count]


def _room(columns: Columns, rows: int) -> tuple[Ids, Groups, Columns]:
    """Arrays like these with room for at least ``rows`` rows."""
    rows = max(rows, _SMALLEST)
    like = tuple(np.zeros((rows + _SPARE, c.shape[1]), c.dtype)[:rows] for c in columns)
    return np.zeros(rows, np.int64), np.zeros(rows, np.int32), like
