"""The set of indexes: which entry's signals stand in which index, and one search over all of them.

It knows signals and ids; nothing of where changes come from, nor of banks' policies: a search says
which groups are searched, and how far.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from embeddings import codes
from index import digests
from index.digests import DigestIndex
from index.exact import FlatIndex
from index.interface import CodeIndex, Hits, Ids, IndexStats
from service.signals import DIGEST_BYTES, Signals
from service.store import EntryState

URL_KEY_BYTES: Final = 32

_TRIES: Final = 3


@dataclass(frozen=True)
class Search:
    """What to look for, and where."""

    signals: Signals
    exact: frozenset[int]
    """Groups whose digests and URLs are searched."""
    sha256_only: frozenset[int]
    """Groups of which only SHA-256 is searched."""
    pdq: Mapping[int, int]
    """Group to radius, bits; empty: PDQ is not searched."""
    codes: Mapping[str, Mapping[int, int]]
    """Code space to group to radius, bits; spaces that are absent are not searched."""
    limit: int | None = None
    """Entries of each index and group, the nearest first, ties by id; ``None``: all of them."""


@dataclass(frozen=True)
class Found:
    """One signal of one entry, within the radius."""

    id: int
    group: int
    signal: str
    space: str
    """Of a code; empty for other signals."""
    distance: int
    radius: int


@dataclass(frozen=True)
class SignalStats:
    """One index."""

    signal: str
    space: str
    """Of a code; empty for other signals."""
    stats: IndexStats


def new_code_index() -> CodeIndex:
    """The index that holds the codes of one space, or PDQ hashes. The one place that chooses it."""
    return FlatIndex()


class Indexes:
    """All indexes of a replica. One thread changes them, any number search."""

    def __init__(self, make: Callable[[], CodeIndex] = new_code_index) -> None:
        """Empty indexes; ``make`` gives each index of codes."""
        self._make = make
        self._digests = {name: DigestIndex(width) for name, width in DIGEST_BYTES.items()}
        self._digests["url"] = DigestIndex(URL_KEY_BYTES)
        self._pdq = make()
        self._codes: dict[str, CodeIndex] = {}
        self._highest = -1
        self._replacing = threading.Lock()
        self._replaced = 0  # odd while an entry that is present is taken out and put back

    def apply(self, states: Sequence[EntryState]) -> None:
        """Make the indexes say what ``states`` say; applying the same again changes nothing."""
        if not states:
            return
        in_force = [state for state in states if state.live and state.enabled]
        # Ids only ever grow, so what is above the highest one cannot be present.
        present = [state.id for state in states if state.id <= self._highest]
        # Before anything is added: what fails half way is applied again, and is present by then.
        self._highest = max(self._highest, *(state.id for state in states))
        if not present:
            self._add(in_force)
        else:
            with self._replacing:
                self._replaced += 1
                try:
                    self._remove(np.array(present, np.int64))
                    self._add(in_force)
                finally:
                    self._replaced += 1

    def search(self, search: Search) -> list[Found]:
        """Everything within the radii, in no order."""
        # Replacing an entry takes two steps, between which it would be missed: look again if that
        # happened meanwhile, and in the end wait for it.
        for _ in range(_TRIES):
            before = self._replaced
            found = self._search(search)
            if before % 2 == 0 and before == self._replaced:
                return found
        with self._replacing:
            return self._search(search)

    def spaces(self) -> frozenset[str]:
        """The code spaces of which there are codes."""
        return frozenset(self._codes)

    def stats(self) -> list[SignalStats]:
        """What each index holds."""
        return [
            *(SignalStats(name, "", index.stats()) for name, index in self._digests.items()),
            SignalStats("pdq", "", self._pdq.stats()),
            *(
                SignalStats("code", space, index.stats())
                for space, index in sorted(self._codes.items())
            ),
        ]

    def _remove(self, ids: Ids) -> None:
        for digest_index in self._digests.values():
            digest_index.remove(ids)
        self._pdq.remove(ids)
        for code_index in self._codes.values():
            code_index.remove(ids)

    def _add(self, states: list[EntryState]) -> None:
        for name, index in self._digests.items():
            keyed = [(s, key) for s in states if (key := _digest(s.signals, name))]
            if keyed:
                ids, groups = _columns([state for state, _ in keyed])
                index.add(ids, digests.stack([key for _, key in keyed], index.width), groups)
        with_pdq = [state for state in states if state.signals.pdq_usable]
        if with_pdq:
            hashes = [state.signals.pdq or b"" for state in with_pdq]
            ids, groups = _columns(with_pdq)
            self._pdq.add(ids, codes.stack(hashes), groups)
        by_space: dict[str, list[EntryState]] = {}
        for state in states:
            if state.signals.codes_usable:
                for space in state.signals.codes:
                    by_space.setdefault(space, []).append(state)
        for space, coded in by_space.items():
            ids, groups = _columns(coded)
            if space not in self._codes:
                self._codes = {**self._codes, space: self._make()}
            self._codes[space].add(
                ids, codes.stack([state.signals.codes[space] for state in coded]), groups
            )

    def _search(self, search: Search) -> list[Found]:
        found: list[Found] = []
        for name, index in self._digests.items():
            key = _digest(search.signals, name)
            groups = search.exact | search.sha256_only if name == "sha256" else search.exact
            if key and groups:
                hits = index.search(digests.stack([key], index.width), groups)
                found += _found(_first(hits, search.limit), name, "", dict.fromkeys(groups, 0))
        if search.pdq and search.signals.pdq:
            hits = self._pdq.search(codes.stack([search.signals.pdq]), search.pdq, search.limit)
            found += _found(hits, "pdq", "", search.pdq)
        indexes = self._codes
        for space, radii in search.codes.items():
            if space in indexes and radii:
                code = codes.stack([search.signals.codes[space]])
                hits = indexes[space].search(code, radii, search.limit)
                found += _found(hits, "code", space, radii)
        return found


def _first(hits: Hits, limit: int | None) -> Hits:
    """At most ``limit`` of each group, of the matches of one query."""
    if limit is None or len(hits.ids) <= limit:
        return hits
    of_groups = [np.flatnonzero(hits.groups == group)[:limit] for group in np.unique(hits.groups)]
    kept = np.sort(np.concatenate(of_groups))
    offsets = np.array([0, len(kept)], np.int64)
    return Hits(offsets, hits.ids[kept], hits.groups[kept], hits.distances[kept])


def _found(hits: Hits, signal: str, space: str, radii: Mapping[int, int]) -> list[Found]:
    return [
        Found(id_, group, signal, space, distance, radii[group])
        for id_, group, distance in zip(
            hits.ids.tolist(), hits.groups.tolist(), hits.distances.tolist(), strict=True
        )
    ]


def _digest(signals: Signals, name: str) -> bytes | None:
    if name == "url":
        return None if signals.url is None else url_key(signals.url)
    value: bytes | None = getattr(signals, name)
    return value


def url_key(url: str) -> bytes:
    """What a URL is looked up by: the SHA-256 of it, scheme and host in lower case, no fragment."""
    head, mark, rest = url.partition("://")
    cut = min((at for at in (rest.find(c) for c in "/?#") if at >= 0), default=len(rest))
    host, tail = rest[:cut].lower(), rest[cut:].partition("#")[0]
    return hashlib.sha256(f"{head.lower()}{mark}{host}{tail or '/'}".encode()).digest()


def _columns(states: list[EntryState]) -> tuple[Ids, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    ids = np.array([state.id for state in states], np.int64)
    return ids, np.array([state.bank_id for state in states], np.int32)
