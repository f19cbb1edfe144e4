"""Brute force over plain NumPy arrays: what every other index must answer.

Short enough to be believed by reading it. Slow: O(entries) Python-free work per query and
O(entries) per change. It knows no concurrency: one thread at a time.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from embeddings.codes import CODE_BYTES, Codes, checked, distances, scores
from index.contract.arguments import (
    checked_ids,
    checked_limit,
    checked_neighbours,
    checked_radius,
    checked_rows,
    radii_of,
)
from index.contract.errors import DuplicateIdError
from index.contract.hits import assemble, first
from index.contract.interface import Asked, Groups, Hits, Ids, IndexStats, Radius

_NEVER = np.iinfo(np.int32).min


class OracleIndex:
    """The reference implementation of ``CodeIndex``."""

    def __init__(self) -> None:
        """An empty index."""
        self._ids = np.empty(0, np.int64)
        self._codes = np.empty((0, CODE_BYTES), np.uint8)
        self._groups = np.empty(0, np.int32)
        self._enabled = np.empty(0, np.bool_)

    def add(self, ids: Ids, codes: Codes, groups: Groups) -> None:
        """See ``CodeIndex``."""
        ids, codes, groups = checked_rows(ids, codes, groups, CODE_BYTES)
        present = ids[np.isin(ids, self._ids)]
        if len(present):
            raise DuplicateIdError(int(present[0]), len(present))
        self._ids = np.concatenate([self._ids, ids])
        self._codes = np.concatenate([self._codes, codes])
        self._groups = np.concatenate([self._groups, groups])
        self._enabled = np.concatenate([self._enabled, np.ones(len(ids), np.bool_)])

    def remove(self, ids: Ids) -> int:
        """See ``CodeIndex``."""
        kept = ~np.isin(self._ids, checked_ids(ids))
        removed = len(kept) - int(kept.sum())
        self._ids, self._codes = self._ids[kept], self._codes[kept]
        self._groups, self._enabled = self._groups[kept], self._enabled[kept]
        return removed

    def set_enabled(self, ids: Ids, enabled: bool) -> int:
        """See ``CodeIndex``."""
        named = np.isin(self._ids, checked_ids(ids))
        self._enabled[named] = enabled
        return int(named.sum())

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``."""
        limit = checked_limit(limit)
        radii = radii_of(self._groups, checked_radius(radius))
        table = distances(checked(codes), self._codes)
        queries, rows = np.nonzero((table <= radii) & self._enabled)
        hits = self._answer(table, queries, rows)
        return hits if limit is None else _limited(hits, limit)

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """See ``NumberedIndex``."""
        limit = checked_limit(limit)
        radii = radii_of(self._groups, checked_radius(radius))
        table = distances(checked(codes), self._codes)
        score = scores(asked.descriptors, self._codes)
        least = np.array([asked.threshold.get(int(group), _NEVER) for group in self._groups])
        queries, rows = np.nonzero((table <= radii) & (score >= least) & self._enabled)
        ids, groups, found = self._ids[rows], self._groups[rows], table[queries, rows]
        hits = assemble(
            len(table), queries, ids, groups, found, scores=score[queries, rows].astype(np.int32)
        )
        return hits if limit is None else _limited(hits, limit)

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``."""
        k = checked_neighbours(k)
        table = distances(checked(codes), self._codes)
        allowed = self._enabled.copy()
        if groups is not None:
            allowed &= np.isin(self._groups, list(groups))
        queries, rows = np.nonzero(np.broadcast_to(allowed, table.shape))
        return first(self._answer(table, queries, rows), k)

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        parts = {"codes": self._codes.nbytes, "ids": self._ids.nbytes + self._groups.nbytes}
        return IndexStats("oracle", len(self._ids), int(self._enabled.sum()), parts)

    def _answer(self, table: np.ndarray, queries: np.ndarray, rows: np.ndarray) -> Hits:
        found = table[queries, rows]
        return assemble(len(table), queries, self._ids[rows], self._groups[rows], found)


def _limited(hits: Hits, limit: int) -> Hits:
    """The first ``limit`` matches of each query and group, by plain counting."""
    kept: list[int] = []
    offsets, truncated = [0], set()
    for query in range(len(hits.offsets) - 1):
        taken: Counter[int] = Counter()
        for row in range(int(hits.offsets[query]), int(hits.offsets[query + 1])):
            taken[int(hits.groups[row])] += 1
            if taken[int(hits.groups[row])] <= limit:
                kept.append(row)
            else:
                truncated.add(query)
        offsets.append(len(kept))
    return Hits(
        np.array(offsets, np.int64),
        hits.ids[kept],
        hits.groups[kept],
        hits.distances[kept],
        frozenset(truncated),
        None if hits.scores is None else hits.scores[kept],
    )
