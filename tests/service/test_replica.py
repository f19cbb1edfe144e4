"""The replica: how the indexes follow the store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain.errors import IndexNotLoadedError, StoreAwayError, StoreReplacedError
from service.domain.health import Severity
from service.domain.search import Found, Search
from service.domain.signals import Signals
from service.replica.replica import Replica
from service.store import ImportRow, ImportTarget, NewEntry, Role, Store, open_store
from service.store.core.files import Files

SPACE = "s-256-0"


def signals(n: int) -> Signals:
    code = bytes([n]) * 32
    return Signals.of(
        md5=bytes([n] * 16), pdq=code, codes={SPACE: code}, url=f"https://example.org/{n}"
    )


def find(replica: Replica, wanted: Signals, groups: frozenset[int]) -> list[Found]:
    radii = dict.fromkeys(groups, 0)
    near = {("pdq", ""): radii, **{("code", space): radii for space in wanted.codes}}
    return replica.search(Search(wanted, groups, frozenset(), near)).found


def matched(replica: Replica, n: int) -> set[str]:
    return {hit.signal for hit in find(replica, signals(n), frozenset({1}))}


ALL = {"md5", "pdq", "code", "url"}


@pytest.fixture
def other(store: Store, tmp_path: Path) -> Iterator[Store]:
    """The same store, opened by another process as it were."""
    store.banks.create("A")
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def replica(store: Store, other: Store) -> Replica:
    """A replica of the store."""
    del other
    made = Replica(store, poll_seconds=0.01)
    made.sync()
    return made


def test_an_entry_follows_its_changes(store: Store, replica: Replica) -> None:
    """Added, disabled, enabled, deleted: each is in force at the next sync."""
    entry = store.entries.add("A", NewEntry(signals(1)))
    assert matched(replica, 1) == set()
    replica.sync()
    assert matched(replica, 1) == ALL
    store.entries.set_enabled("A", entry.entry_id, False)
    replica.sync()
    assert matched(replica, 1) == set()
    store.entries.set_enabled("A", entry.entry_id, True)
    replica.sync()
    assert matched(replica, 1) == ALL
    store.entries.delete("A", entry.entry_id)
    replica.sync()
    assert matched(replica, 1) == set()


def test_a_list_follows_its_versions(store: Store, replica: Replica) -> None:
    """What a version changes, adds and drops is what matches."""
    target = ImportTarget("A")
    store.apply_import(target, [ImportRow(n, signals(n), f"{n}") for n in range(5)])
    replica.sync()
    assert [matched(replica, n) for n in range(5)] == [ALL] * 5
    store.apply_import(target, [ImportRow(1, signals(0), "0"), ImportRow(2, signals(9), "1")])
    replica.sync()
    assert {n for n in range(10) if matched(replica, n)} == {0, 9}


def test_low_quality_entries_are_matched_by_digest_only(store: Store, replica: Replica) -> None:
    """A blank reference would otherwise match every blank upload."""
    code = b"\0" * 32
    blank = Signals.of(md5=b"b" * 16, pdq=code, codes={SPACE: code}, pdq_quality=0, quality=0.0)
    store.entries.add("A", NewEntry(blank))
    replica.sync()
    assert {hit.signal for hit in find(replica, blank, frozenset({1}))} == {"md5"}


def test_a_deleted_bank_matches_nothing(store: Store, replica: Replica) -> None:
    """Neither its group nor its entries are left, and a new bank of its name starts empty."""
    store.entries.add("A", NewEntry(signals(1)))
    replica.sync()
    store.banks.delete("A")
    bank = store.banks.create("A")
    replica.sync()
    assert replica.known.banks == {"A": bank}
    assert find(replica, signals(1), frozenset({1, bank.id})) == []


def test_another_writer_is_seen_by_the_follower(store: Store, other: Store) -> None:
    """Entries, banks and keys written elsewhere arrive by themselves."""
    replica = Replica(store, poll_seconds=0.01)
    replica.start()
    assert replica.wait_loaded(30)
    try:
        other.entries.add("A", NewEntry(signals(1)))
        other.banks.create("B")
        key = other.keys.create("k", frozenset({Role.MATCHER})).key
        wanted = other.sequence()
        tick = threading.Event()
        for _ in range(3000):
            if replica.freshness().sequence == wanted:
                break
            tick.wait(0.01)
        assert matched(replica, 1) == ALL
        assert "B" in replica.known.banks
        assert key.id in replica.known.keys
    finally:
        replica.stop()


def test_keys_are_known_before_the_index_is_loaded(store: Store, other: Store) -> None:
    """A caller hears "not loaded", not "unknown key"."""
    key = other.keys.create("k", frozenset({Role.MATCHER})).key
    replica = Replica(store, poll_seconds=1)
    with pytest.raises(IndexNotLoadedError):
        find(replica, signals(1), frozenset({1}))
    replica.start()
    assert key.id in replica.known.keys
    replica.stop()


def test_a_revoked_key_is_forgotten(store: Store, replica: Replica) -> None:
    """With the same sync as everything else."""
    key = store.keys.create("k", frozenset({Role.MATCHER})).key
    replica.sync()
    assert key.id in replica.known.keys
    store.keys.revoke(key.id)
    replica.sync()
    assert key.id not in replica.known.keys


def test_another_store_stays_the_graver_fault_while_it_cannot_be_reached(
    store: Store, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that saw another store in the place of its own is not ready again just because
    that one has gone as well; it is once its own is back."""
    path = Path(str(store._database.path))
    path.rename(path.with_suffix(".away"))
    with pytest.raises(StoreReplacedError):
        replica.sync()
    with monkeypatch.context() as patched:
        patched.setattr(Files, "check", _away)
        with pytest.raises(StoreAwayError):
            replica.sync()
    (seen,) = [check for check in replica.health.checks() if check.name == "store"]
    assert (seen.severity, replica.health.ready) == (Severity.FAILING, False)
    path.with_suffix(".away").rename(path)
    replica.sync()
    (seen,) = [check for check in replica.health.checks() if check.name == "store"]
    assert seen.severity is Severity.SOUND


def _away(*_: object, **__: object) -> None:
    raise StoreAwayError("the database cannot be reached: Connection refused")


def test_a_store_that_fails_leaves_the_replica_answering(store: Store, replica: Replica) -> None:
    """What is known stays in force and only grows older."""
    store.entries.add("A", NewEntry(signals(1)))
    replica.sync()
    store.close()
    path = Path(str(store._database.path))
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    with pytest.raises(StoreReplacedError):
        replica.sync()
    assert matched(replica, 1) == ALL
