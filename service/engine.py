"""The indexes in memory, derived from the store by its ordered sequence of changes.

One index per signal type, and per code space for codes; the id of an entry is its id in each of
them, its bank is its group. What is disabled, tombstoned or below quality is not in an index at
all. ``sync`` brings everything up to the newest commit: a writer calls it before it answers, and a
thread calls it a few times a second for the changes of others.

It knows which entries are where; not what a match leads to (``matching``), nor HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.errors import IndexNotLoadedError, ServiceError
from service.indexes import Found, Indexes, Search, SignalStats
from service.store import Bank, Key, Store
from service.store.changes import START

log = logging.getLogger(__name__)

_LOAD_ROWS: Final = 50_000
"""Entries handed to the indexes at once while loading: fewer, larger layers."""


@dataclass(frozen=True)
class Known:
    """What the replica knows beside the indexes, replaced as a whole."""

    sequence: int
    banks: Mapping[str, Bank]
    """By name."""
    banks_by_id: Mapping[int, Bank]
    keys: Mapping[str, Key]
    """By key id; revoked ones are absent."""


@dataclass(frozen=True)
class Freshness:
    """How far the replica is."""

    sequence: int
    age_seconds: float
    """Since the replica was last known to hold everything that was committed."""


class Engine:
    """A replica of the store that answers searches; safe to use from several threads."""

    def __init__(self, store: Store, poll_seconds: float) -> None:
        """Follow ``store``, looking for others' changes every ``poll_seconds``."""
        self._store = store
        self._poll_seconds = poll_seconds
        self._syncing = threading.Lock()
        self._indexes = Indexes()
        self._known = Known(START, MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))
        self._loaded = threading.Event()
        self._fresh_at = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follow-store", daemon=True)

    def start(self) -> None:
        """Read banks and keys, then load and follow in a thread; ``loaded`` tells when it can
        answer.

        Raises ``StoreError``.
        """
        with self._syncing, self._store.changes(START) as changes:
            # Keys first: a caller must hear "not loaded yet", never that its key is unknown.
            self._known = _known(START, changes.banks, changes.keys)
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def loaded(self) -> bool:
        """Whether the indexes hold what the store held when they were built."""
        return self._loaded.is_set()

    def wait_loaded(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for that; whether it came."""
        return self._loaded.wait(timeout)

    @property
    def known(self) -> Known:
        """Banks and keys, as of one sequence."""
        return self._known

    def freshness(self) -> Freshness:
        """How far the replica is, and how old that knowledge is."""
        return Freshness(self._known.sequence, max(0.0, time.monotonic() - self._fresh_at))

    def sync(self) -> None:
        """Apply everything that is committed. Raises ``StoreError`` if the store cannot be read."""
        with self._syncing:
            asked_at = time.monotonic()
            newest = self._store.sequence()
            if newest < self._known.sequence:
                # The store went back in time: a backup was restored. Begin again.
                log.warning("the store went from sequence %d to %d", self._known.sequence, newest)
                self._load()
            elif not self.loaded:
                self._load()
            elif newest > self._known.sequence:
                self._advance()
            self._fresh_at = asked_at

    def search(self, search: Search) -> list[Found]:
        """Every entry in force that ``search`` finds, in no order.

        Raises ``IndexNotLoadedError``.
        """
        if not self.loaded:
            raise IndexNotLoadedError("the index is being built from the store")
        return self._indexes.search(search)

    def stats(self) -> list[SignalStats]:
        """What each index holds."""
        return self._indexes.stats()

    def spaces(self) -> frozenset[str]:
        """The code spaces of which there are codes."""
        return self._indexes.spaces()

    def _load(self) -> None:
        started, indexes = time.monotonic(), Indexes()
        with self._store.changes(START) as changes:
            batch = []
            for states in changes.entries():
                batch += states
                if len(batch) >= _LOAD_ROWS:
                    indexes.apply(batch)
                    batch = []
            indexes.apply(batch)
            known = _known(changes.sequence, changes.banks, changes.keys)
        self._indexes, self._known = indexes, known
        self._loaded.set()
        log.info("loaded up to sequence %d in %.1f s", known.sequence, time.monotonic() - started)

    def _advance(self) -> None:
        with self._store.changes(self._known.sequence) as changes:
            known = _known(changes.sequence, changes.banks, changes.keys)
            # Policies first: an entry must never be matched under the policy of a bank that is
            # gone.
            self._known = Known(self._known.sequence, known.banks, known.banks_by_id, known.keys)
            for states in changes.entries():
                self._indexes.apply(states)
        self._known = known

    def _follow(self) -> None:
        failing = False
        while True:
            try:
                self.sync()
                failing = False
            except ServiceError as error:
                # Answer on with what is known; the age in every answer tells how old it is.
                if not failing:
                    log.error("cannot follow the store: %s", error)
                failing = True
            except Exception:
                log.exception("cannot follow the store")
            if self._stopping.wait(self._poll_seconds):
                return


def _known(sequence: int, banks: tuple[Bank, ...], keys: tuple[Key, ...]) -> Known:
    return Known(
        sequence,
        MappingProxyType({bank.name: bank for bank in banks}),
        MappingProxyType({bank.id: bank for bank in banks}),
        MappingProxyType({key.id: key for key in keys if key.revoked_at is None}),
    )
