"""The set of indexes: which there are, and one search over all of them.

It knows signals and ids; nothing of where changes come from (``feeding``), nor of banks' policies:
a search says which groups are searched, and how far.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Final, NamedTuple

import numpy as np

from embeddings import codes
from index.contract.errors import RebuildNeededError
from index.contract.interface import Asked, Hits, IndexStats
from index.contract.numbered import Fed, NumberedIndex
from index.digests.digest_index import DigestIndex, stack
from service.domain.search import Found, Kind, Search, Searched
from service.domain.signals import UNREAD, Keyed, SignalType, Types, signal_type, signal_types
from service.replica.columns import IndexName
from service.replica.keyed import looked_up
from service.replica.shelf import MemoryShelf, Shelf
from service.store.entries.packing import MAX_ALIKE, ORDINAL_BITS


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
        self.keyed = Keyed()
        """Hashes the keys of what is listed; with the secret of the store that was opened first."""

    def open(self, spaces: Collection[str], secret: bytes = b"") -> frozenset[IndexName]:
        """Open what is not open of the indexes that every replica has and those of ``spaces``;
        which these are. ``secret``: the store's."""
        if not self._digests:
            self.keyed = Keyed(secret)
        types = signal_types()
        exact = [IndexName(one.name) for one in types if one.exact]
        near = [
            IndexName(one.name, space)
            for one in types
            if not one.exact
            for space in (spaces if one.spaced else ("",))
        ]
        listed = {
            name: self._shelf.digests(name, self._layout(name))
            for name in exact
            if name not in self._digests
        }
        coded = {name: self._shelf.codes(name) for name in near if name not in self._codes}
        self._digests = {**self._digests, **listed}
        self._codes = {**self._codes, **coded}
        return frozenset((*listed, *coded))

    @property
    def all(self) -> dict[IndexName, Fed]:
        """Every index that is open, to be fed."""
        return {**self._digests, **self._codes}

    def note_rebuilt(self, name: IndexName, reason: str) -> None:
        """Remember, for operators, why an index was built anew."""
        self._rebuilt[name] = reason

    def unread(self) -> int:
        """How many signals in force this release cannot read, so that nothing finds them."""
        digest = np.frombuffer(self.keyed(UNREAD), np.uint8).reshape(1, -1)
        return sum(
            len(index.search(digest).ids)
            for name, index in self._digests.items()
            if signal_type(name.signal).keys is not None and not index.needs_rebuild
        )

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
        incomplete = cut = False
        for ask in self._parts(search):
            try:
                part = ask()
            except RebuildNeededError:
                incomplete = True
            else:
                found += part.found
                cut |= part.cut
        return Searched(found, incomplete, cut)

    def look_up(
        self, signal: str, questions: Sequence[Sequence[str]], groups: frozenset[int], limit: int
    ) -> list[Searched]:
        """What each of ``questions``, the keys of a query, finds of a type that is found by
        keys."""
        index = self._digests[IndexName(signal)]
        try:
            return looked_up(index, self.keyed, signal, questions, groups, limit)
        except RebuildNeededError:
            return [Searched([], incomplete=True)] * len(questions)

    def _layout(self, name: IndexName) -> str:
        keys = signal_type(name.signal).keys
        return "" if keys is None else f"{keys.layout()}-{self.keyed.name}"

    def spaces(self) -> frozenset[str]:
        """The code spaces of which there are codes in force."""
        return frozenset(
            name.space
            for name, index in self._codes.items()
            if name.space and index.stats().enabled
        )

    def hashed(self) -> dict[str, frozenset[int]]:
        """By type, the groups that hold hashes of pictures that have no space, or did until
        lately."""
        both: dict[IndexName, DigestIndex | NumberedIndex] = {**self._digests, **self._codes}
        return {
            name.signal: index.groups()
            for name, index in both.items()
            if not name.space and signal_type(name.signal).structural
        }

    def stats(self) -> list[SignalStats]:
        """What each index holds."""
        order = sorted(self._codes.items(), key=lambda item: (bool(item[0].space), item[0].space))
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

    def _parts(self, search: Search) -> Iterator[Callable[[], _Part]]:
        """What is to be asked of one index each."""
        near: dict[Kind, list[bytes]] = {}
        for one in search.signals.usable():
            known = signal_type(one.type)
            if not known.exact:
                near.setdefault((one.type, one.space), []).append(one.value)
                continue
            if known.keys is not None:
                keys = known.keys.asked(one.value)
                yield partial(self._asked, IndexName(one.type), keys, search.exact, search.limit)
                continue
            for name, allows in _same(known, signal_types()):
                groups = search.exact | search.allow if allows else search.exact
                index = self._digests.get(name)
                if index is not None and groups:
                    yield partial(_exact, index, name, one.value, groups, search.limit)
        for (signal, space), radii in search.near.items():
            name = IndexName(signal, space)
            values = near.get((signal, space), [])
            if scores := search.scores.get(space):
                asked = Asked(_row(search.signals.descriptors[space]), scores)
                yield partial(self._scored, name, values, radii, asked, search.limit)
            elif values:
                yield partial(self._near, name, values, radii, search.limit)

    def _asked(
        self, name: IndexName, keys: Sequence[str], groups: frozenset[int], limit: int | None
    ) -> _Part:
        index = self._digests.get(name)
        if index is None or not groups:
            return _NOTHING
        (found,) = looked_up(index, self.keyed, name.signal, [keys], groups, limit)
        return _Part(found.found, found.cut)

    def _near(
        self, name: IndexName, values: list[bytes], radii: Mapping[int, int], limit: int | None
    ) -> _Part:
        index = self._codes.get(name)
        if index is None or not radii:
            return _NOTHING
        return _found(index.search(codes.stack(values), radii, limit), name, radii, limit)

    def _scored(
        self,
        name: IndexName,
        values: list[bytes],
        radii: Mapping[int, int],
        asked: Asked,
        limit: int | None,
    ) -> _Part:
        index, least = self._codes.get(name), asked.threshold
        if index is None or not radii:
            return _NOTHING
        hits = index.search_scored(codes.stack(values), radii, asked, limit)
        assert hits.scores is not None
        part = _found(hits, name, radii, limit)
        scored = [
            replace(one, score=score, threshold=least[one.bank_id]) if one.bank_id in least else one
            for one, score in zip(part.found, hits.scores.tolist(), strict=True)
        ]
        return _Part(scored, part.cut)


class _Part(NamedTuple):
    """What one index found, and whether it may have held more than the limit."""

    found: list[Found]
    cut: bool


_NOTHING: Final = _Part([], False)


def _row(descriptor: bytes) -> codes.Descriptors:
    return np.frombuffer(descriptor, np.int8).reshape(1, -1)


@lru_cache(maxsize=256)
def _same(known: SignalType, types: Types) -> tuple[tuple[IndexName, bool], ...]:
    """The indexes of all types of one algorithm, and whether an allow bank acts on what is found
    there."""
    return tuple(
        (IndexName(one.name), one.allows)
        for one in types
        if one.exact and one.algorithm == known.algorithm
    )


def _exact(
    index: DigestIndex,
    name: IndexName,
    key: bytes,
    groups: frozenset[int],
    limit: int | None,
) -> _Part:
    hits = index.search(stack([key], index.width), groups)
    if not len(hits.ids):
        return _NOTHING
    radii = dict.fromkeys(groups, 0)
    return _found(_first(hits, limit), name, radii, limit)


def _first(hits: Hits, limit: int | None) -> Hits:
    """At most ``limit`` of each group, of the matches of one query."""
    if limit is None or len(hits.ids) <= limit:
        return hits
    of_groups = [np.flatnonzero(hits.groups == group)[:limit] for group in np.unique(hits.groups)]
    kept = np.sort(np.concatenate(of_groups))
    offsets = np.array([0, len(kept)], np.int64)
    return Hits(offsets, hits.ids[kept], hits.groups[kept], hits.distances[kept])


def _found(hits: Hits, name: IndexName, radii: Mapping[int, int], limit: int | None) -> _Part:
    if not len(hits.ids):
        return _NOTHING
    found = [
        Found(
            id_ >> ORDINAL_BITS,
            group,
            name.signal,
            name.space,
            distance,
            radii[group],
            ordinal=id_ & (MAX_ALIKE - 1),
        )
        for id_, group, distance in zip(
            hits.ids.tolist(), hits.groups.tolist(), hits.distances.tolist(), strict=True
        )
    ]
    # Many of a group may be signals of one entry: then there are others that were not reached.
    cut = limit is not None and len(found) >= limit and bool(_most(hits) >= limit)
    return _Part(found, cut)


def _most(hits: Hits) -> int:
    """Matches in the group that has the most."""
    return int(np.unique(hits.groups, return_counts=True)[1].max(initial=0))
