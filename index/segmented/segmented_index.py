"""``SegmentedIndex``: exact search without reading most codes, fresh at once, kept on disk.

How rows are changed and kept is ``KeptIndex``'s. Here is how they are asked: each segment by its
tables or by a scan, the delta by a scan, on as many threads as pay.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Self

from embeddings.codes import Codes, checked
from index.contract.arguments import checked_limit, checked_radius
from index.contract.hits import Collector
from index.contract.interface import Asked, Hits, IndexStats, Radius
from index.kernels.build.loading import warm_up
from index.search.batches import search_delta, search_part
from index.search.nearest import nearest
from index.search.planning import Explanation, Step
from index.search.scoring import Scorer
from index.search.single import ready
from index.search.workers import Workers
from index.segments.codes import CODES
from index.segments.permutation import reordered
from index.segments.segment import CodeSegment
from index.storage.kept_index import KeptIndex
from index.storage.snapshots import Folder, Identity
from index.storage.state import State


class SegmentedIndex(KeptIndex[CodeSegment]):
    """A ``NumberedIndex`` of codes."""

    def __init__(
        self,
        folder: Folder[CodeSegment] | None = None,
        threads: int | None = None,
        background: bool = True,
    ) -> None:
        """An index in memory; use ``open`` for one with a folder.

        ``threads``: most threads one search may use, all cores by default. ``background``: whether
        maintenance runs by itself, or only in ``maintain``.
        """
        warm_up()
        super().__init__(CODES, folder, threads, background)
        self._workers = Workers(self._threads)

    @classmethod
    def open(
        cls,
        path: Path,
        space: str,
        signal: str,
        store: str = "",
        threads: int | None = None,
        background: bool = True,
        write: bool = True,
    ) -> Self:
        """The index in the folder ``path``, as it was saved last.

        ``space``, ``signal`` and ``store`` (its identity) must be those it was saved under, or it
        needs a rebuild. A folder that another process has open is read, and never written to;
        without ``write`` any is. Raises ``OSError`` if the folder cannot be made.
        """
        warm_up()
        identity = Identity(space, signal, store)
        return cls(Folder(path, CODES, identity, write), threads, background)

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``."""
        state = self._moment()
        # Only a radius that was checked before is found here; see ``single`` for why this is terse.
        way = state.quick.get(radius) if type(radius) is int else None
        if way is None or limit is not None:
            radius, limit = checked_radius(radius), checked_limit(limit)
            way = ready(state, radius, self._workers)
        hits: Hits | None = None if way is None else way.answer(codes, limit)
        return self._search(state, checked(codes), radius, limit) if hits is None else hits

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """See ``NumberedIndex``."""
        state = self._moment()
        codes, limit = checked(codes), checked_limit(limit)
        scorer = Scorer(asked, len(codes))
        return self._search(state, codes, checked_radius(radius), limit, None, scorer)

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``."""
        state = self._moment()
        return nearest(
            lambda code, radius, limit: self._search(state, code, radius, limit), codes, k, groups
        )

    def use_threads(self, threads: int) -> None:
        """Let one search use so many threads from now on, the caller's included."""
        self._workers.use(threads)
        self._holder.state.quick.clear()

    def explain(self, codes: Codes, radius: Radius) -> list[Explanation]:
        """How each of ``codes`` is searched now: runs the search and says what it did."""
        state = self._moment()
        steps: list[list[Step]] = [[] for _ in range(len(codes))]
        self._search(state, checked(codes), checked_radius(radius), 1, steps)
        return [Explanation(tuple(mine)) for mine in steps]

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        stats = super().stats()
        return replace(stats, bytes={**stats.bytes, "scratch": self._workers.scratch.nbytes})

    def close(self) -> None:
        """Save, and let go of threads and files; queries under way finish, later ones fail."""
        try:
            super().close()
        finally:
            self._workers.close()

    def _search(
        self,
        state: State[CodeSegment],
        codes: Codes,
        radius: Radius,
        limit: int | None,
        steps: list[list[Step]] | None = None,
        scorer: Scorer | None = None,
    ) -> Hits:
        out = Collector(len(codes), limit, scorer is not None)
        if len(codes):
            queries = reordered(codes)
            for part in state.parts:
                search_part(part, queries, radius, self._workers, out, steps, scorer)
            search_delta(state.delta, queries, radius, self._workers, out, steps, scorer)
        return out.hits()
