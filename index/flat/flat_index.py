"""``FlatIndex``: every code compared with every query, by FAISS; for where nothing faster runs.

Exact at every radius, O(entries) per query. How rows are changed is ``KeptIndex``'s; there are no
files, so after a start it is fed anew.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embeddings.codes import Codes, checked, distances
from index.contract.arguments import checked_limit, checked_radius, radii_of, widest
from index.contract.hits import Collector
from index.contract.interface import Asked, Groups, Hits, Ids, IndexStats, Radius
from index.flat.segment import FLAT, FlatSegment, Pairs
from index.search.nearest import nearest
from index.search.scoring import Scorer
from index.storage import bitmap
from index.storage.bitmap import Bitmap
from index.storage.delta import Delta
from index.storage.kept_index import KeptIndex
from index.storage.state import State


class FlatIndex(KeptIndex[FlatSegment]):
    """A ``NumberedIndex`` in memory that scans all codes for each query, on one thread."""

    def __init__(self, reason: str = "", background: bool = True) -> None:
        """``reason``: why this one was chosen, for operators.

        ``background``: whether maintenance runs by itself.
        """
        super().__init__(FLAT, background=background)
        self._reason = reason

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``."""
        codes, radius = checked(codes), checked_radius(radius)
        return _within(self._moment(), codes, radius, checked_limit(limit))

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """See ``NumberedIndex``."""
        codes, radius, limit = checked(codes), checked_radius(radius), checked_limit(limit)
        return _within(self._moment(), codes, radius, limit, Scorer(asked, len(codes)))

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``."""
        state = self._moment()
        return nearest(lambda *asked: _within(state, *asked), codes, k, groups)

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        stats = super().stats()
        return replace(stats, trouble=stats.trouble or self._reason)


def _within(
    state: State[FlatSegment],
    codes: Codes,
    radius: Radius,
    limit: int | None = None,
    scorer: Scorer | None = None,
) -> Hits:
    out = Collector(len(codes), limit, scorer is not None)
    bound = widest(radius)

    def take(pairs: Pairs, held: Codes, live: Bitmap, owners: Groups, ids: Ids) -> None:
        queries, rows, bits = pairs
        kept = bitmap.has(live, rows) & (bits <= radii_of(owners, radius))
        if scorer is None:
            out.add(queries[kept], ids[kept], owners[kept], bits[kept])
            return
        queries, rows, bits = queries[kept], rows[kept], bits[kept]
        owners, ids = owners[kept], ids[kept]
        scores = scorer.of_codes(queries, held[rows])
        kept = scorer.matching(owners, scores)
        out.add(queries[kept], ids[kept], owners[kept], bits[kept], scores[kept])

    if bound >= 0 and len(codes):
        for part in state.parts:
            pairs, segment = part.segment.within(codes, bound), part.segment
            owners, ids = segment.groups_of(pairs[1]), segment.ids[pairs[1]]
            take(pairs, segment.codes, part.live, owners, ids)
        delta = state.delta
        for query in range(len(codes) if len(delta) else 0):
            pairs = _waiting(delta, codes, query, bound)
            take(pairs, delta.columns[0], delta.live, delta.groups[pairs[1]], delta.ids[pairs[1]])
    return out.hits()


def _waiting(delta: Delta, codes: Codes, query: int, radius: int) -> Pairs:
    """The rows of ``delta`` within ``radius``, bits, of one query."""
    bits = distances(codes[query : query + 1], delta.columns[0][: len(delta)])[0]
    rows = np.flatnonzero(bits <= radius)
    return np.full(len(rows), query, np.int64), rows, bits[rows]
