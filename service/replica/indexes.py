"""The set of indexes: which there are, and one search over all of them.

It knows signals and ids; nothing of where changes come from (``feeding``), nor of banks' policies:
a search says which groups are searched, and how far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from embeddings import codes
from index.contract.errors import RebuildNeededError
from index.contract.interface import Asked, Hits, IndexStats
from index.contract.numbered import Fed, NumberedIndex
from index.digests.digest_index import DigestIndex, stack
from service.domain.search import Found, Search, Searched
from service.domain.signals import Signals
from service.replica.columns import PDQ, WIDTHS, IndexName, url_key
from service.replica.shelf import MemoryShelf, Shelf


@dataclass(frozen=True)
class SignalStats:
    """One index."""

    name: IndexName
    stats: IndexStats
    rebuilt: str = ""
    """Why it was built anew from the store; empty where it was not, or was new."""


class Indexes:
    """All indexes of a replica. One thread opens and feeds them, any number search."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        """None yet; ``open`` takes them from ``shelf``, by default from memory."""
        self._shelf = MemoryShelf() if shelf is None else shelf
        self._digests: Mapping[IndexName, DigestIndex] = {}
        self._codes: Mapping[IndexName, NumberedIndex] = {}
        self._rebuilt: dict[IndexName, str] = {}

    def open(self, spaces: Iterable[str]) -> frozenset[IndexName]:
        """Open what is not open of the indexes that every replica has and those of ``spaces``;
        which these are."""
        if not self._digests:
            self._digests = {name: self._shelf.digests(name) for name in WIDTHS}
        wanted = {PDQ, *(IndexName("code", space) for space in spaces)}
        new = {name: self._shelf.codes(name) for name in wanted - self._codes.keys()}
        if PDQ in new:
            self._codes = {**self._codes, **new}
            return frozenset(self.all)
        self._codes = {**self._codes, **new}
        return frozenset(new)

    @property
    def all(self) -> dict[IndexName, Fed]:
        """Every index that is open, to be fed."""
        return {**self._digests, **self._codes}

    def note_rebuilt(self, name: IndexName, reason: str) -> None:
        """Remember, for operators, why an index was built anew."""
        self._rebuilt[name] = reason

    @property
    def damaged(self) -> bool:
        """Whether an index must be built anew before it answers again."""
        return any(index.needs_rebuild for index in self.all.values())

    def search(self, search: Search) -> Searched:
        """Everything within the radii that the indexes that are sound hold.

        Each index answers from one moment; while a change comes in, two may answer from either side
        of it.
        """
        found: list[Found] = []
        incomplete = False
        for part in self._parts(search):
            try:
                found += part()
            except RebuildNeededError:
                incomplete = True
        return Searched(found, incomplete)

    def spaces(self) -> frozenset[str]:
        """The code spaces of which there are codes in force."""
        return frozenset(
            name.space
            for name, index in self._codes.items()
            if name.space and index.stats().enabled
        )

    def hashed(self) -> frozenset[int]:
        """The groups that hold PDQ hashes, or did until lately."""
        return self._codes[PDQ].groups() if PDQ in self._codes else frozenset()

    def stats(self) -> list[SignalStats]:
        """What each index holds."""
        order = sorted(self._codes.items(), key=lambda item: (item[0] != PDQ, item[0].space))
        feeds: list[tuple[IndexName, Fed]] = [*self._digests.items(), *order]
        out = []
        for name, index in feeds:
            stats = index.stats()
            if not stats.trouble and (note := self._shelf.trouble(name)):
                stats = replace(stats, trouble=note)
            out.append(SignalStats(name, stats, self._rebuilt.get(name, "")))
        return out

    def close(self) -> None:
        """Save, and let go of threads and files; later searches fail."""
        for index in self.all.values():
            index.close()

    def _parts(self, search: Search) -> Iterator[Callable[[], list[Found]]]:
        """What is to be asked of one index each."""
        for name, index in self._digests.items():
            key = _digest(search.signals, name.signal)
            groups = search.exact
            if name.signal == "sha256":
                groups |= search.sha256_only
            if key and groups:
                yield partial(_exact, index, name, key, groups, search.limit)
        if search.pdq and search.signals.pdq:
            yield partial(self._near, PDQ, search.signals.pdq, search.pdq, search.limit)
        for space, radii in search.codes.items():
            name, code = IndexName("code", space), search.signals.codes[space]
            if scores := search.scores.get(space):
                asked = Asked(_row(search.signals.descriptors[space]), scores)
                yield partial(self._scored, name, code, radii, asked, search.limit)
            else:
                yield partial(self._near, name, code, radii, search.limit)

    def _near(
        self, name: IndexName, code: bytes, radii: Mapping[int, int], limit: int | None
    ) -> list[Found]:
        index = self._codes.get(name)
        if index is None or not radii:
            return []
        return _found(index.search(codes.stack([code]), radii, limit), name, radii)

    def _scored(
        self,
        name: IndexName,
        code: bytes,
        radii: Mapping[int, int],
        asked: Asked,
        limit: int | None,
    ) -> list[Found]:
        index, least = self._codes.get(name), asked.threshold
        if index is None or not radii:
            return []
        hits = index.search_scored(codes.stack([code]), radii, asked, limit)
        assert hits.scores is not None
        return [
            replace(one, score=score, threshold=least[one.group]) if one.group in least else one
            for one, score in zip(_found(hits, name, radii), hits.scores.tolist(), strict=True)
        ]


def _row(descriptor: bytes) -> codes.Descriptors:
    return np.frombuffer(descriptor, np.int8).reshape(1, -1)


def _exact(
    index: DigestIndex,
    name: IndexName,
    key: bytes,
    groups: frozenset[int],
    limit: int | None,
) -> list[Found]:
    hits = index.search(stack([key], index.width), groups)
    return _found(_first(hits, limit), name, dict.fromkeys(groups, 0))


def _first(hits: Hits, limit: int | None) -> Hits:
    """At most ``limit`` of each group, of the matches of one query."""
    if limit is None or len(hits.ids) <= limit:
        return hits
    of_groups = [np.flatnonzero(hits.groups == group)[:limit] for group in np.unique(hits.groups)]
    kept = np.sort(np.concatenate(of_groups))
    offsets = np.array([0, len(kept)], np.int64)
    return Hits(offsets, hits.ids[kept], hits.groups[kept], hits.distances[kept])


def _found(hits: Hits, name: IndexName, radii: Mapping[int, int]) -> list[Found]:
    return [
        Found(id_, group, name.signal, name.space, distance, radii[group])
        for id_, group, distance in zip(
            hits.ids.tolist(), hits.groups.tolist(), hits.distances.tolist(), strict=True
        )
    ]


def _digest(signals: Signals, name: str) -> bytes | None:
    if name == "url":
        return None if signals.url is None else url_key(signals.url)
    value: bytes | None = getattr(signals, name)
    return value
