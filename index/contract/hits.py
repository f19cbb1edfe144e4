"""Gathering matches into ``Hits``: the one place that orders and limits them.

It knows the order the interface promises; not where the rows came from.
"""

from __future__ import annotations

import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Hits, Ids

Queries = NDArray[np.int64]
"""int64 (m,): which query each row answers."""
Distances = NDArray[np.int32]
Scores = NDArray[np.int32]
_Columns = tuple[Queries, Ids, Groups, Distances, Scores]

_CUT_FROM: Final = 1 << 16
"""Rows gathered before a limit is applied to them, so that a flood of matches never piles up."""


def assemble(
    count: int,
    queries: Queries,
    ids: Ids,
    groups: Groups,
    distances: Distances,
    truncated: frozenset[int] = frozenset(),
    scores: Scores | None = None,
) -> Hits:
    """The matches of ``count`` queries, from rows in any order; columns as in ``Hits``."""
    if not len(ids):
        none = None if scores is None else np.empty(0, np.int32)
        return Hits(np.zeros(count + 1, np.int64), *_NOTHING[1:4], truncated, none)
    order = np.lexsort((ids, distances, queries))
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(queries, minlength=count), out=offsets[1:])
    return Hits(
        offsets,
        np.asarray(ids[order], np.int64),
        np.asarray(groups[order], np.int32),
        np.asarray(distances[order], np.int32),
        truncated,
        None if scores is None else np.asarray(scores[order], np.int32),
    )


def first(hits: Hits, k: int) -> Hits:
    """At most the first ``k`` matches of each query."""
    counts = np.diff(hits.offsets)
    place = np.arange(len(hits.ids)) - np.repeat(hits.offsets[:-1], counts)
    kept = place < k
    offsets = np.zeros_like(hits.offsets)
    np.cumsum(np.minimum(counts, k), out=offsets[1:])
    return Hits(offsets, hits.ids[kept], hits.groups[kept], hits.distances[kept])


class Collector:
    """Takes matches as threads find them, at most ``limit`` a query and group once it is done."""

    def __init__(self, count: int, limit: int | None = None, scored: bool = False) -> None:
        """``count``: how many queries there are; ``scored``: whether matches come with scores."""
        self._count, self._limit, self._scored = count, limit, scored
        self._lock = threading.Lock()
        self._gathered: list[_Columns] = []
        self._rows = 0
        self._truncated: set[int] = set()
        self._full: _Columns = _NOTHING
        """The last match kept of each query and group that have as many as the limit."""

    def add(
        self,
        queries: Queries,
        ids: Ids,
        groups: Groups,
        distances: Distances,
        scores: Scores | None = None,
    ) -> None:
        """Take matches, each row once."""
        if not len(ids):
            return
        if scores is None:
            scores = np.zeros(len(ids), np.int32)
        with self._lock:
            columns = self._unsurpassed((queries, ids, groups, distances, scores))
            self._gathered.append(columns)
            self._rows += len(columns[1])
            if self._limit is not None and self._rows >= max(_CUT_FROM, 4 * self._limit):
                self._cut(self._limit)

    def hits(self) -> Hits:
        """Everything taken, in order."""
        with self._lock:
            if self._limit is not None and self._rows:
                self._cut(self._limit)
            queries, ids, groups, distances, scores = self._joined()
            return assemble(
                self._count,
                queries,
                ids,
                groups,
                distances,
                frozenset(self._truncated),
                scores if self._scored else None,
            )

    def _joined(self) -> _Columns:
        if not self._gathered:
            return _NOTHING
        if len(self._gathered) == 1:
            return self._gathered[0]
        queries, ids, groups, distances, scores = zip(*self._gathered, strict=True)
        return (
            np.concatenate(queries),
            np.concatenate(ids),
            np.concatenate(groups),
            np.concatenate(distances),
            np.concatenate(scores),
        )

    def _cut(self, limit: int) -> None:
        """Keep the nearest ``limit`` of each query and group, ties by id."""
        queries, ids, groups, distances, scores = self._joined()
        order = np.lexsort((ids, distances, groups, queries))
        queries, ids, scores = queries[order], ids[order], scores[order]
        groups, distances = groups[order], distances[order]
        starts = np.ones(len(ids), np.bool_)
        starts[1:] = (queries[1:] != queries[:-1]) | (groups[1:] != groups[:-1])
        begins = np.flatnonzero(starts)
        place = np.arange(len(ids)) - begins[np.cumsum(starts) - 1]
        self._truncated.update(np.unique(queries[place >= limit]).tolist())
        kept, last = place < limit, place == limit - 1
        columns = (queries, ids, groups, distances, scores)
        self._gathered = [_chosen(columns, kept)]
        self._rows = int(kept.sum())
        self._full = _chosen(columns, last)

    def _unsurpassed(self, columns: _Columns) -> _Columns:
        """Without the rows that come after the last one kept of a query and group that are full."""
        if not len(self._full[0]):
            return columns
        queries, ids, groups, distances, _ = columns
        keys = (self._full[0] << 32) | self._full[2]
        wanted = (queries << 32) | groups
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        last_id, last_distance = self._full[1][at], self._full[3][at]
        behind = (distances > last_distance) | ((distances == last_distance) & (ids > last_id))
        surpassed = (keys[at] == wanted) & behind
        if not surpassed.any():
            return columns
        self._truncated.update(np.unique(queries[surpassed]).tolist())
        return _chosen(columns, ~surpassed)


def _chosen(columns: _Columns, rows: NDArray[np.bool_]) -> _Columns:
    """Those of the rows, bool (m,)."""
    queries, ids, groups, distances, scores = columns
    return queries[rows], ids[rows], groups[rows], distances[rows], scores[rows]


_NOTHING: Final[_Columns] = (
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0, np.int32),
    np.empty(0, np.int32),
    np.empty(0, np.int32),
)
