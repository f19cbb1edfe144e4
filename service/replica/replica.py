"""A replica: the indexes, derived from the store by its ordered sequence of changes.

One index per signal type, and per code space for codes; the id of an entry is its id in each of
them, its bank is its group. ``sync`` brings everything up to the newest commit: a writer calls it
before it answers, and a thread calls it a few times a second for the changes of others.

It knows when to look at the store, and what is known of it; not how an index is fed (``feeding``)
or what a match leads to (``matching``), nor HTTP.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from service.domain.errors import (
    IndexNotLoadedError,
    ServiceError,
    StoreDamagedError,
    StoreError,
    StoreReplacedError,
    StoreUnusableError,
    StoreWentBackError,
)
from service.domain.health import Health
from service.domain.search import Search, Searched
from service.replica.feeding import bring_up
from service.replica.indexes import Indexes, SignalStats
from service.replica.known import Freshness, Known
from service.replica.scrub import Scrub
from service.replica.shelf import Shelf
from service.store import Action, Bank, Commit, Store, StoreView
from service.store.views.flaws import altered
from service.store.views.view import START

log = logging.getLogger(__name__)


_LOADING: Final = "it is being built from the store"
_EMPTY_MEND: Final = "import a list; LOOKALIKE_ALLOW_EMPTY=1 where that is meant"


class _StoppedError(Exception):
    """Loading was given up because the replica stops."""


class Replica:
    """A replica of the store that answers searches; safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        poll_seconds: float,
        shelf: Shelf | None = None,
        health: Health | None = None,
        stale_after: float = 30.0,
        allow_empty: bool = False,
    ) -> None:
        """Follow ``store``, looking for others' changes every ``poll_seconds``.

        ``shelf`` says where the indexes are kept; by default they live in memory. ``health`` hears
        of the checks ``store``, ``fresh``, ``index``, ``banks`` and ``scrub``: it fails when the
        store could not be read for ``stale_after`` seconds, when an index was damaged, or unless
        ``allow_empty`` no bank holds anything.
        """
        self.health = health or Health()
        self._stale_after, self._allow_empty = stale_after, allow_empty
        self.health.starting("index", _LOADING)
        self._store = store
        self._poll_seconds = poll_seconds
        self._syncing = threading.Lock()
        self._indexes = Indexes(shelf)
        nothing: MappingProxyType[str, Bank] = MappingProxyType({})
        self._known = Known(Commit(START, ""), nothing, {}, {}, {}, {})
        self._fed = False  # whether the indexes were brought up to ``_known`` once
        self._whole = False  # whether the last step was taken to its end
        self._foreign = False  # whether another store stood in the place of ours, when last seen
        self._identity = ""  # of the store, once it was read
        self._restores = frozenset[str]()  # of backups over this store, that are known
        self._damaged: dict[int, int] = {}  # entries that were left out, with their banks
        self._lost: dict[int, int] = {}  # how many entries banks lack, when last all were read
        self._unread: tuple[int, ...] = ()  # entries that matched and could not be read
        self._counting = threading.Event()
        self._loaded = threading.Event()
        self._fresh_at = time.monotonic()
        self._failing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follow-store", daemon=True)
        self.scrub = Scrub(lambda: self._indexes.all, self.health, self._mend)

    def start(self) -> None:
        """Read banks and keys, then load and follow in a thread; ``loaded`` tells when it can
        answer.

        Raises ``StoreError``.
        """
        with self._syncing, self._store.view() as view:
            # Keys first: a caller must hear "not loaded yet", never that its key is unknown.
            self._known = _known(self._known.commit, view, {}, {})
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and save the indexes. Nobody may search any more."""
        self._stopping.set()
        self.scrub.stop()
        if self._thread.is_alive():
            self._thread.join()
        self._indexes.close()

    @property
    def loaded(self) -> bool:
        """Whether the indexes hold what the store does, but for its newest changes."""
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
        return Freshness(self._known.commit.sequence, max(0.0, time.monotonic() - self._fresh_at))

    @property
    def failing(self) -> bool:
        """Whether the last look at the store, or what came of it, failed."""
        return self._failing

    def sync(self) -> None:
        """Apply everything that is committed. Raises ``StoreError`` if the store cannot be read."""
        with self._syncing:
            try:
                self._fresh_at = self._sync()
                self._failing = False
            except _StoppedError:
                raise
            except BaseException as error:
                self._failing = True
                self._tell_trouble(error)
                raise
            self._tell_sound()

    def catch_up(self) -> None:
        """See what the caller just committed in force here before the next query is answered.

        While the indexes are being loaded no query is, and nobody need wait. Raises as ``sync``.
        """
        if self._counting.is_set():
            self.sync()

    def search(self, search: Search) -> Searched:
        """Every entry in force that ``search`` finds.

        Raises ``IndexNotLoadedError``.
        """
        self._refuse_if_loading()
        return self._indexes.search(search)

    def look_up(
        self, signal: str, questions: Sequence[Sequence[str]], banks: frozenset[int], limit: int
    ) -> list[Searched]:
        """Every entry in force of ``banks`` that is found by one of the keys that are each of
        ``questions``, of a type that is found by keys.

        Raises ``IndexNotLoadedError``.
        """
        self._refuse_if_loading()
        return self._indexes.look_up(signal, questions, banks, limit)

    def _refuse_if_loading(self) -> None:
        if not self.loaded:
            raise IndexNotLoadedError("the index is being built from the store")

    def note_unread(self, ids: Iterable[int], error: StoreError) -> None:
        """Hear that entries which matched cannot be read; they are tried again until they can."""
        self._unread = tuple(ids)
        said = "matches are answered without their entries, which cannot be read"
        self.health.degraded("provenance", said, str(error), lasts=self._stale_after)

    def stats(self) -> list[SignalStats]:
        """What each index holds."""
        return self._indexes.stats()

    def spaces(self) -> frozenset[str]:
        """The code spaces of which there are codes in force."""
        return self._indexes.spaces()

    def _sync(self) -> float:
        """Apply everything; when it was that the store held no more."""
        asked_at = time.monotonic()
        if not self._fed or self._store.newest() != self._known.commit or self._indexes.damaged:
            self._advance()
        if self._unread:
            try:
                self._store.entries.by_ids(self._unread)
            except StoreError as error:
                self.note_unread(self._unread, error)
            else:
                self._unread = ()
                self.health.sound("provenance")
        if not self.loaded:
            # From here on writers wait for us; what was committed before is applied by us.
            self._counting.set()
            asked_at = time.monotonic()
            if self._store.newest() != self._known.commit:
                self._advance()
            self._loaded.set()
        return asked_at

    def _advance(self) -> None:
        started = time.monotonic()
        with self._store.view() as view:
            if view.identity != self._identity != "":
                raise StoreReplacedError(
                    f"{self._store.name} holds another store than the one that was read; bring that"
                    " one back, or restart to use what is there now"
                )
            self._identity = view.identity
            known = self._known.commit
            went_back = self._fed and not view.holds(known)
            restores = view.restores(START if went_back else known.sequence)
            if went_back:
                if restores <= self._restores and view.purged <= known.sequence:
                    said = f"{self._store.name} lacks change {known.sequence}, read from it before"
                    raise StoreWentBackError(said)
                # A backup was restored. What we hold may name other entries there, so nothing is
                # answered from it.
                log.warning("the store does not hold what was read from it; loading it anew")
                self._loaded.clear()
                self.health.failing("index", _LOADING)
                self._counting.clear()
                self._fed = False
            self._restores |= restores
            # Policies first: an entry must never be matched under the policy of a bank that is
            # gone.
            before = self._known
            self._known = replace(
                _known(before.commit, view, before.spaces, before.hashed), filled=before.filled
            )
            whole, self._whole = self._fed and self._whole, False
            since = before.commit if self._fed else None
            damaged = view.still_damaged(self._damaged) if self._damaged else {}
            flawed = (bool(damaged) and damaged == self._damaged) or bool(self._lost)
            touched = bring_up(self._indexes, view, since, self._give_up, flawed)
            self._damaged = damaged | view.damaged
            self._lost = {bank: n for bank, n in view.lost.items() if n} or (
                {} if view.lost else self._lost
            )
            self._tell_damaged()
            self._tell_incomplete(view)
            self._tell_unread()
            banks = frozenset(self._known.banks_by_id)
            asked = (banks - before.banks_by_id.keys() | banks & touched) if whole else banks
            filled = before.filled & banks - asked | self._store.filled(asked)
            live = self._indexes.spaces()
            held = {bank: spaces & live for bank, spaces in view.spaces.items()}
            self._known = replace(
                _known(view.commit, view, held, self._indexes.hashed()), filled=filled
            )
        if not self._fed:
            seconds = time.monotonic() - started
            log.info("loaded up to sequence %d in %.1f s", view.commit.sequence, seconds)
        self._fed = self._whole = True

    def _tell_sound(self) -> None:
        health = self.health
        self._foreign = False
        health.sound("store")
        health.sound("fresh", lasts=self._stale_after)
        if self.loaded:
            health.sound("index")
        known = self._known
        enabled = [bank for bank in known.banks_by_id.values() if bank.policy.enabled]
        listed = [bank for bank in enabled if bank.policy.action is not Action.ALLOW]
        if known.filled.isdisjoint(bank.id for bank in listed):
            said = "no bank holds anything that is listed" if listed else "no bank is enabled"
            if not known.banks:
                said = "there is no bank"
            if self._allow_empty:
                health.degraded("banks", said)
            else:
                health.failing("banks", said, _EMPTY_MEND)
        else:
            health.sound("banks")

    def _tell_damaged(self) -> None:
        if not self._damaged:
            self.health.sound("entries")
            return
        by_bank: dict[int, list[int]] = {}
        for number, bank_id in sorted(self._damaged.items()):
            by_bank.setdefault(bank_id, []).append(number)
        names = {bank.id: bank.name for bank in self._known.banks.values()}
        self.health.failing(
            "entries",
            f"{len(self._damaged)} entries are not what was written, and are left out",
            altered(by_bank, names),
            incomplete=True,
        )

    def _tell_incomplete(self, view: StoreView) -> None:
        """Banks, lists and keys that are not what was written, and rows that are not there."""
        names = {bank.id: bank.name for bank in self._known.banks.values()}
        lost = [
            f"bank {names.get(bank, '?')!r} should hold {number} entries more"
            if number > 0
            else f"bank {names.get(bank, '?')!r} holds {-number} entries that nobody put there"
            for bank, number in sorted(self._lost.items())
        ]
        if said := [*view.incomplete.values(), *lost]:
            self.health.failing(
                "rows", "banks or lists are not what was written", "; ".join(said), incomplete=True
            )
        elif view.bad_keys:
            detail = f"refused: {', '.join(view.bad_keys)}"
            self.health.failing("rows", "keys are not what was written", detail)
        else:
            self.health.sound("rows")

    def _tell_unread(self) -> None:
        """Signals that are listed and match nothing: another release's, or URLs that are none."""
        if count := self._indexes.unread():
            said = f"{count} listed URLs cannot be read by this release, and match nothing"
            self.health.degraded("unread", said, "`lookalike verify` counts them too")
        else:
            self.health.forget("unread")

    def _tell_trouble(self, error: BaseException) -> None:
        said = "the index cannot follow it"
        detail = str(error) if isinstance(error, ServiceError) else type(error).__name__
        if isinstance(error, StoreReplacedError):
            self._foreign = True
            back = isinstance(error, StoreWentBackError)
            said = "it is not the one that was opened, so nothing is written"
            if back:
                said = "it lacks what was read from it, and may list what no index holds"
            self.health.failing("store", said, detail, incomplete=back)
            return
        if self._foreign:
            return  # until the right store is read again, that it is another one is the graver
        if isinstance(error, StoreError):
            said = "it cannot be read"
        if isinstance(error, StoreDamagedError | StoreUnusableError):
            # It answers, and not with what it should hold: that does not pass by itself.
            self.health.failing("store", said, detail)
            return
        self.health.degraded("store", said, detail, lasts=self._stale_after)

    def _mend(self) -> None:
        """Build anew what the scrub found damaged."""
        with contextlib.suppress(_StoppedError):
            self.sync()

    def _give_up(self) -> None:
        if self._stopping.is_set():
            raise _StoppedError

    def _follow(self) -> None:
        told = ""
        while True:
            try:
                self.sync()
                self.scrub.start()
                told = ""
            except _StoppedError:
                return
            except ServiceError:
                pass  # health knows; answer on with what is known, the age in every answer tells
            except Exception as error:
                # Nobody foresaw it, so where it came from is worth a traceback; one is enough.
                if told != (told := repr(error)):
                    log.exception("cannot follow the store")
            if self._stopping.wait(self._poll_seconds):
                return


def _known(
    commit: Commit,
    view: StoreView,
    spaces: Mapping[int, frozenset[str]],
    hashed: Mapping[str, frozenset[int]],
) -> Known:
    return Known(
        commit,
        MappingProxyType({bank.name: bank for bank in view.banks}),
        MappingProxyType({bank.id: bank for bank in view.banks}),
        MappingProxyType({key.id: key for key in view.keys if key.revoked_at is None}),
        MappingProxyType(dict(spaces)),
        hashed,
    )
