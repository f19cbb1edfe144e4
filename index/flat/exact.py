"""``FlatIndex``: every code compared with every query, on FAISS ``IndexBinaryFlat``.

FAISS crashes when an index is added to while it is searched, so each FAISS index here is built
once, never changed, and replaced as a whole (see ``layers``); what is removed or disabled is masked
by a status byte per row. Exact at every radius, O(entries) per query. It knows no files: it lives
in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, CODE_BYTES, Codes, checked, distances
from index.contract.arguments import (
    checked_limit,
    checked_neighbours,
    checked_radius,
    radii_of,
    widest,
)
from index.contract.changes import Applied, Changeable, Changes
from index.contract.hits import Collector, assemble, first
from index.contract.interface import Asked, Hits, IndexStats, Radius
from index.digests.layers import Layers
from index.digests.rows import ENABLED, Rows
from index.search.scoring import Scorer

_WIDEST_HEAP = 1024
"""FAISS keeps k results in a heap per query: beyond this many, plain NumPy is as quick."""

_Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]
"""Columns query, row, distance."""


@dataclass(frozen=True, eq=False)
class _FlatLayer:
    """Codes in a FAISS index that nobody changes any more."""

    rows: Rows
    flat: Any

    @classmethod
    def build(cls, rows: Rows, codes: Codes) -> _FlatLayer:
        flat = faiss.IndexBinaryFlat(CODE_BITS)
        flat.add(codes)
        return cls(rows, flat)

    @property
    def payload(self) -> Codes:
        view: Codes = faiss.rev_swig_ptr(self.flat.xb.data(), len(self.rows) * CODE_BYTES)
        return view.reshape(-1, CODE_BYTES)

    def with_rows(self, rows: Rows) -> _FlatLayer:
        return replace(self, rows=rows)

    def within(self, codes: Codes, radius: int) -> _Found:
        """Rows within ``radius``, bits, of each of ``codes``, whatever their group or status."""
        # FAISS excludes the bound itself (<), ours includes it.
        limits, bits, rows = self.flat.range_search(codes, radius + 1)
        queries = np.repeat(np.arange(len(codes), dtype=np.int64), np.diff(limits).astype(np.int64))
        return queries, rows, bits.astype(np.int32)

    def kth_distance(self, codes: Codes, k: int, allowed: NDArray[np.bool_]) -> int:
        """A radius within which each of ``codes`` has its ``k`` nearest allowed rows, bits."""
        if int(allowed.sum()) <= k:
            return CODE_BITS
        wanted = k
        while wanted <= min(_WIDEST_HEAP, len(self.rows)):
            bits, rows = self.flat.search(codes, wanted)
            enough = np.cumsum(allowed[rows], axis=1) >= k
            if bool(enough[:, -1].all()):
                return int(np.take_along_axis(bits, enough.argmax(axis=1)[:, None], 1).max())
            wanted *= 4
        return int(np.partition(distances(codes, self.payload[allowed]), k - 1)[:, k - 1].max())


class FlatIndex(Changeable):
    """A ``CodeIndex`` that scans all codes for each query, on one thread."""

    def __init__(self) -> None:
        """An empty index."""
        self._layers: Layers[_FlatLayer] = Layers(CODE_BYTES, _FlatLayer.build)

    def apply(self, changes: Changes) -> Applied:
        """Bring ``changes`` into force in one step; all, or none and ``RowsError``."""
        return self._layers.apply(changes)

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``."""
        codes, radius = checked(codes), checked_radius(radius)
        return self._within(self._layers.current, codes, radius, checked_limit(limit))

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """See ``NumberedIndex``."""
        codes, radius, limit = checked(codes), checked_radius(radius), checked_limit(limit)
        scorer = Scorer(asked, len(codes))
        return self._within(self._layers.current, codes, radius, limit, scorer)

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``."""
        codes, k = checked(codes), checked_neighbours(k)
        layers = self._layers.current
        answers = []
        for row in range(len(codes)):
            # Each layer holds its own k nearest within its k-th distance, so the smallest of these
            # distances is a radius that holds at least k over all of them.
            code, bound = codes[row : row + 1], CODE_BITS
            for layer in layers:
                allowed = layer.rows.status == ENABLED
                if groups is not None:
                    allowed &= np.isin(layer.rows.groups, list(groups))
                _single_threaded()
                bound = min(bound, layer.kth_distance(code, k, allowed))
            radius: Radius = bound if groups is None else dict.fromkeys(groups, bound)
            answers.append(first(self._within(layers, code, radius), k))
        queries = np.repeat(np.arange(len(codes)), [len(answer.ids) for answer in answers])
        return assemble(
            len(codes),
            queries,
            np.concatenate([np.empty(0, np.int64), *(answer.ids for answer in answers)]),
            np.concatenate([np.empty(0, np.int32), *(answer.groups for answer in answers)]),
            np.concatenate([np.empty(0, np.int32), *(answer.distances for answer in answers)]),
        )

    def groups(self) -> frozenset[int]:
        """The groups of its rows; of rows that are removed, for a while too."""
        layers = self._layers.current
        return frozenset(int(group) for layer in layers for group in np.unique(layer.rows.groups))

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        layers = self._layers.current
        return IndexStats(
            "flat",
            sum(layer.rows.present for layer in layers),
            sum(layer.rows.enabled for layer in layers),
            {
                "codes": sum(len(layer.rows) for layer in layers) * CODE_BYTES,
                "ids": sum(layer.rows.nbytes for layer in layers),
            },
        )

    @staticmethod
    def _within(
        layers: tuple[_FlatLayer, ...],
        codes: Codes,
        radius: Radius,
        limit: int | None = None,
        scorer: Scorer | None = None,
    ) -> Hits:
        out = Collector(len(codes), limit, scorer is not None)
        bound = widest(radius)
        if bound >= 0 and len(codes):
            _single_threaded()
            for layer in layers:
                queries, rows, bits = layer.within(codes, bound)
                groups = layer.rows.groups[rows]
                kept = (layer.rows.status[rows] == ENABLED) & (bits <= radii_of(groups, radius))
                queries, rows, groups, bits = queries[kept], rows[kept], groups[kept], bits[kept]
                if scorer is None:
                    out.add(queries, layer.rows.ids[rows], groups, bits)
                    continue
                scores = scorer.of_codes(queries, layer.payload[rows])
                kept = scorer.matching(groups, scores)
                out.add(
                    queries[kept], layer.rows.ids[rows[kept]], groups[kept], bits[kept],
                    scores[kept],
                )  # fmt: skip
        return out.hits()


def _single_threaded() -> None:
    """One OpenMP thread for the calling thread: a server's threads are the parallelism."""
    faiss.omp_set_num_threads(1)
