"""Which id stands in which row of a device, in host memory

Rows are numbered as they came, and ids mostly grow as they come; a stretch of rows whose ids ascend
needs no table beside the ids themselves. Others are sorted, and merged as they grow, so that an id
is found in O(log rows) steps. It knows ids, tags and rows; not codes or devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Ids

Rows = NDArray[np.int64]
Tags = NDArray[np.int32]
"""int32 (n,): see ``tags``."""

REMOVED: Final = 0
DISABLED: Final = 1
ENABLED: Final = 2

_GROWTH: Final = 4
"""A run of rows is merged with the one before unless that is so many times as long."""


@dataclass(frozen=True, eq=False)
class _Run:
    """Rows ``start:stop``; sorted by ``order`` unless their ids ascend by themselves."""

    start: int
    stop: int
    keys: Ids | None = None
    """int64 (m,): ids in ascending order, where ``rows`` are given."""
    rows: Rows | None = None

    def __len__(self) -> int:
        return self.stop - self.start


class Directory:
    """Ids, tags and status of the rows of one device."""

    def __init__(self) -> None:
        self._ids, self._tags = np.empty(0, np.int64), np.empty(0, np.int32)
        self._status = np.empty(0, np.uint8)
        self._count = 0
        self._runs: list[_Run] = []
        self.present = 0
        """Rows that are not removed."""
        self.enabled = 0

    def __len__(self) -> int:
        """Rows, those removed included."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Host memory, bytes."""
        sorted_runs = sum(16 * len(run) for run in self._runs if run.keys is not None)
        return self._ids.nbytes + self._tags.nbytes + self._status.nbytes + sorted_runs

    @property
    def ascending(self) -> bool:
        """Whether a greater row always has a greater id."""
        return len(self._runs) <= 1 and all(run.keys is None for run in self._runs)

    def ids(self, rows: Rows) -> Ids:
        """The ids at ``rows``."""
        named: Ids = self._ids[rows]
        return named

    def tags(self, rows: Rows) -> Tags:
        """The tags at ``rows``, whether or not they are enabled."""
        tags: Tags = self._tags[rows]
        return tags

    def status(self, rows: Rows) -> NDArray[np.uint8]:
        """The status of ``rows``."""
        status: NDArray[np.uint8] = self._status[rows]
        return status

    def find(self, ids: Ids) -> Rows:
        """The rows, in no order, of those of ``ids`` (distinct) that are present."""
        found = []
        for run in self._runs:
            keys = self._ids[run.start : run.stop] if run.keys is None else run.keys
            if not len(keys):
                continue
            at = np.minimum(np.searchsorted(keys, ids), len(keys) - 1)
            at = at[keys[at] == ids]
            rows = at + run.start if run.rows is None else run.rows[at]
            found.append(rows[self._status[rows] != REMOVED])
        return np.concatenate([np.empty(0, np.int64), *found])

    def append(self, ids: Ids, tags: Tags) -> None:
        """Enabled rows at the end; ``ids`` ascend and none of them is present."""
        start, stop = self._count, self._count + len(ids)
        if start == stop:
            return
        if stop > len(self._ids):
            room = max(stop, len(self._ids) + len(self._ids) // 4, 1024)
            self._ids = _grown(self._ids, room)
            self._tags = _grown(self._tags, room)
            self._status = _grown(self._status, room)
        self._ids[start:stop], self._tags[start:stop] = ids, tags
        self._status[start:stop] = ENABLED
        self._count = stop
        self.present += len(ids)
        self.enabled += len(ids)
        self._runs.append(_Run(start, stop))
        while len(self._runs) > 1 and self._joinable(*self._runs[-2:]):
            last, previous = self._runs.pop(), self._runs.pop()
            self._runs.append(self._joined(previous, last))

    def mark(self, rows: Rows, status: int) -> None:
        """Give ``rows``, distinct and present, a new status."""
        self.enabled -= int((self._status[rows] == ENABLED).sum())
        self.enabled += len(rows) if status == ENABLED else 0
        self.present -= len(rows) if status == REMOVED else 0
        self._status[rows] = status

    def retag(self, rows: Rows, tags: Tags) -> None:
        """Give ``rows`` new tags."""
        self._tags[rows] = tags

    def kept(self) -> Rows:
        """The rows that are not removed, ascending."""
        return np.flatnonzero(self._status[: self._count] != REMOVED)

    def compact(self, kept: Rows) -> None:
        """Number the rows ``kept``, ascending, from 0, and forget all others."""
        ascending = self.ascending
        self._ids, self._tags = self._ids[kept], self._tags[kept]
        self._status = self._status[kept]
        self._count = len(kept)
        runs = [_Run(0, len(kept))] if len(kept) else []
        self._runs = runs if ascending else [self._sorted(run) for run in runs]

    def _joinable(self, left: _Run, right: _Run) -> bool:
        return self._follows(left, right) or len(left) < _GROWTH * len(right)

    def _follows(self, left: _Run, right: _Run) -> bool:
        """Whether the two together are one ascending stretch."""
        plain = left.keys is None and right.keys is None
        return plain and bool(self._ids[left.stop - 1] < self._ids[right.start])

    def _joined(self, left: _Run, right: _Run) -> _Run:
        run = _Run(left.start, right.stop)
        return run if self._follows(left, right) else self._sorted(run)

    def _sorted(self, run: _Run) -> _Run:
        """``run`` with a table. Removed rows are left out: their ids may have come again."""
        rows = run.start + np.flatnonzero(self._status[run.start : run.stop] != REMOVED)
        keys = self._ids[rows]
        if len(rows) == len(run) and bool((keys[1:] > keys[:-1]).all()):
            return _Run(run.start, run.stop)
        order = np.argsort(keys, kind="stable")
        return _Run(run.start, run.stop, keys[order], rows[order])


def _grown(values: np.ndarray, room: int) -> np.ndarray:
    out = np.zeros(room, values.dtype)
    out[: len(values)] = values
    return out
