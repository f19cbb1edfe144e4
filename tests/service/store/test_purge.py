"""What lists dropped long ago is deleted for good, and nobody answers from it, or misses that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from service.domain.health import Health, Severity
from service.domain.search import Search
from service.domain.signals import Signals
from service.replica.replica import Replica
from service.replica.shelf import FolderShelf
from service.store import ImportRow, ImportTarget, NewEntry, Store
from service.store.core.models import CommitRow
from service.work.retention import Retention

OpenStore = Callable[[], Store]


def signals(n: int) -> Signals:
    return Signals.of(sha256=n.to_bytes(32, "big"), pdq=n.to_bytes(2, "big") * 16, pdq_quality=90)


def found(replica: Replica, n: int) -> bool:
    groups = frozenset(replica.known.banks_by_id)
    return bool(replica.search(Search(signals(n), groups, frozenset(), {})).found)


def now() -> datetime:
    """Later than all that was committed."""
    return datetime.now(UTC) + timedelta(seconds=1)


def age(store: Store, sequences: range, days: float) -> None:
    """As if these commits had been made so long ago."""
    with store._database.connect() as connection, connection.begin():
        connection.execute(
            update(CommitRow)
            .where(CommitRow.sequence.in_(sequences))
            .values(committed_at=datetime.now(UTC) - timedelta(days=days))
        )


def quickly(_: float) -> None:
    """No pause."""


def test_what_is_old_goes_and_what_is_young_or_listed_stays(store: Store) -> None:
    """By the time of the commit that removed it; a dry run only counts."""
    store.banks.create("a")
    ids = [store.entries.add("a", NewEntry(signals(n))).entry_id for n in range(4)]
    store.entries.delete("a", ids[0])
    age(store, range(1, 7), days=100)
    store.entries.delete("a", ids[1])
    before = datetime.now(UTC) - timedelta(days=50)
    would = store.purge(before, dry_run=True)
    assert (would.tombstones, would.commits, would.sequence) == (1, 5, 6)
    assert store.purge(before) == would
    assert store.purge(before).tombstones == 0
    assert store.purge(now()).tombstones == 1
    assert [entry.entry_id for entry in store.entries.page("a").entries] == ids[2:]
    assert len(store.identity) == 32
    assert store.newest().mark
    assert store.entries.add("a", NewEntry(signals(9))).entry_id not in ids


def test_a_clock_that_was_ahead_keeps_nothing_for_ever(store: Store) -> None:
    """And a commit between old ones that was made under a good clock is no older than it is."""
    store.banks.create("a")
    entries = [store.entries.add("a", NewEntry(signals(n))) for n in range(3)]
    for entry in entries:
        store.entries.delete("a", entry.entry_id)
    age(store, range(1, 8), days=100)
    age(store, range(2, 3), days=-1000)
    age(store, range(6, 7), days=10)
    assert store.purge(datetime.now(UTC) - timedelta(days=50)).tombstones == 1


def test_one_providers_tombstone_takes_nothing_of_anothers(store: Store) -> None:
    """The same item under the same id on other lists stays, and a list's history does too."""
    store.banks.create("a")
    for provider in ("p", "q"):
        for version, rows in (("1", 3), ("2", 1)):
            target = ImportTarget("a", provider, "l", version)
            lines = [ImportRow(n, signals(n), str(n)) for n in range(rows)]
            if (provider, version) != ("q", "2"):
                store.apply_import(target, lines)
    versions = store.versions("a")
    assert store.purge(now()).tombstones == 2
    held = [(entry.provider, entry.provider_id) for entry in store.entries.page("a").entries]
    assert sorted(held) == [("p", "0"), ("q", "0"), ("q", "1"), ("q", "2")]
    assert store.versions("a") == versions
    again = [ImportRow(n, signals(n), str(n)) for n in range(3)]
    assert store.apply_import(ImportTarget("a", "p", "l", "3"), again).added == 2


@pytest.mark.parametrize("stopped", [True, False])
def test_a_replica_that_missed_the_removal_does_not_answer_from_it(
    reopen: OpenStore, tmp_path: Path, stopped: bool
) -> None:
    """Two replicas: one follows; the other is stopped, or only did not look, during a removal and
    the purge of its tombstone."""
    here = reopen()
    here.banks.create("a")
    entries = [here.entries.add("a", NewEntry(signals(n))) for n in range(3)]

    def replica(name: str) -> Replica:
        store = reopen()
        return Replica(store, 1, FolderShelf(tmp_path / name, lambda: store.identity))

    follows, lags = replica("follows"), replica("lags")
    for one in (follows, lags):
        one.sync()
        assert found(one, 0)
    if stopped:
        lags.stop()
    here.entries.delete("a", entries[0].entry_id)
    follows.sync()
    here.entries.add("a", NewEntry(signals(3)))
    follows.sync()
    assert here.purge(now()).tombstones == 1
    if stopped:
        lags = replica("lags")
    for one in (follows, lags):
        one.sync()
        assert [found(one, n) for n in range(5)] == [False, True, True, True, False]
    said = [one.rebuilt for one in lags.stats() if one.rebuilt]
    assert said
    assert not stopped or all("purged up to 6" in one for one in said)
    assert not [one.rebuilt for one in follows.stats() if one.rebuilt]
    follows.stop()
    lags.stop()


def test_a_purge_that_was_cut_short_is_done_by_the_next(
    reopen: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And from its first moment nobody goes on from what came before."""
    monkeypatch.setattr("service.store.entries.purge._SOME", 2)
    store, other = reopen(), reopen()
    replica = Replica(other, 1)
    store.banks.create("a")
    rows = [ImportRow(n, signals(n), str(n)) for n in range(7)]
    store.apply_import(ImportTarget("a", "p", "l", "1"), rows)
    replica.sync()
    store.apply_import(ImportTarget("a", "p", "l", "2"), rows[:1])

    def give_up(_: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        store.purge(now(), pause=give_up)
    replica.sync()
    assert [found(replica, n) for n in range(3)] == [True, False, False]
    assert store.purge(now(), pause=quickly).tombstones == 4
    with store._database.read() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM entries").scalar()
    assert left == 1
    replica.stop()


def test_nothing_of_it_is_left_in_the_file(tmp_path: Path, reopen: OpenStore) -> None:
    """Neither in SQLite's pages nor in its log, while the store is open."""
    store = reopen()
    if store._database.path is None:
        pytest.skip("of SQLite's file")
    secret = bytes(range(100, 132))
    store.banks.create("a")
    entry = store.entries.add("a", NewEntry(Signals.of(sha256=secret)))
    kept = store.entries.add("a", NewEntry(Signals.of(sha256=secret[::-1])))

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in (tmp_path / "data").glob("lookalike.db*"))

    store.entries.delete("a", entry.entry_id)
    assert secret in files()
    store.purge(now())
    assert secret not in files()
    assert secret.hex().encode() not in files()
    assert store.entries.get("a", kept.entry_id).signals.sha256 == secret[::-1]


def test_of_many_replicas_one_purges(reopen: OpenStore) -> None:
    """Under a lease that ends by itself, so that another takes over from one that died."""
    store, health = reopen(), Health()
    store.banks.create("a")
    store.entries.delete("a", store.entries.add("a", NewEntry(signals(1))).entry_id)
    age(store, range(1, 4), days=2)
    results: list[bool] = []
    replicas = [Retention(reopen(), 1, health) for _ in range(4)]
    threads = [threading.Thread(target=lambda r=one: results.append(r.look())) for one in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]
    assert not store.take_lease("purge", "another", 3600)
    assert store.take_lease("other work", "another", 0)
    assert store.take_lease("other work", "a third", 0)
    with store._database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM entries").scalar() == 0


def test_a_server_purges_by_itself_and_ends_with_it(reopen: OpenStore) -> None:
    """What cannot be purged is said, and the server is ready all the same."""
    store, health = reopen(), Health()
    store.banks.create("a")
    store.entries.delete("a", store.entries.add("a", NewEntry(signals(1))).entry_id)
    age(store, range(1, 4), days=2)
    retention = Retention(store, 1, health, every=0.01)
    retention.start()
    while not health.checks():
        pass
    retention.stop()
    assert store.purge(now(), dry_run=True).tombstones == 0
    assert [check.severity for check in health.checks()] == [Severity.SOUND]


def test_a_lease_of_a_clock_that_was_ahead_does_not_hold(store: Store) -> None:
    """Or nobody would purge until that day came."""
    assert store.take_lease("purge", "gone", 10 * 365 * 86_400)
    assert store.take_lease("purge", "me", 3600)
    assert not store.take_lease("purge", "another", 3600)
