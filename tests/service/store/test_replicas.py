"""Several writers on one store: sequences are commits in order, and every replica sees them all."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import update

from service.domain.errors import BadSignalError
from service.domain.search import Search
from service.domain.signals import Signals
from service.replica.columns import IndexName, gathered
from service.replica.replica import Replica
from service.store import Commit, ImportRow, ImportTarget, NewEntry, Store
from service.store.core.models import EntryRow
from service.store.entries.lists import MAX_STORE_SPACES

OpenStore = Callable[[], Store]


def signals(n: int) -> Signals:
    return Signals.of(sha256=n.to_bytes(32, "big"))


def found(replica: Replica, n: int) -> bool:
    groups = frozenset(replica.known.banks_by_id)
    return bool(replica.search(Search(signals(n), groups, frozenset(), {})).found)


def test_a_replica_sees_what_another_wrote(reopen: OpenStore) -> None:
    """Entries, lists and policies, whichever connection wrote them."""
    here, there = reopen(), reopen()
    replica = Replica(here, poll_seconds=1)
    there.banks.create("A")
    entry = there.entries.add("A", NewEntry(signals(1)))
    there.apply_import(ImportTarget("A"), [ImportRow(1, signals(2)), ImportRow(2, signals(3))])
    replica.sync()
    assert [found(replica, n) for n in range(5)] == [False, True, True, True, False]
    there.entries.delete("A", entry.entry_id)
    there.apply_import(ImportTarget("A"), [ImportRow(2, signals(3)), ImportRow(3, signals(4))])
    replica.sync()
    assert [found(replica, n) for n in range(5)] == [False, False, False, True, True]


def test_no_commit_slips_past_a_replica(reopen: OpenStore) -> None:
    """While several write at once, a replica that follows misses none of them.

    If a lower sequence could be committed after a higher one was seen, its entries would be missed
    for good.
    """
    stores = [reopen() for _ in range(3)]
    stores[0].banks.create("A")
    replica = Replica(reopen(), poll_seconds=1)
    replica.sync()

    def write(number: int) -> None:
        for n in range(15):
            stores[number].entries.add("A", NewEntry(signals(100 * number + n)))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        replica.sync()
    for writer in writers:
        writer.join()
    replica.sync()
    assert all(found(replica, 100 * number + n) for number in range(3) for n in range(15))
    assert replica.freshness().sequence == 1 + 3 * 15


def test_a_view_of_changes_does_not_move(reopen: OpenStore) -> None:
    """What commits while changes are being read belongs to the next reading."""
    here, there = reopen(), reopen()
    here.banks.create("A")
    here.entries.add("A", NewEntry(signals(1)))
    with here.view() as view:
        there.entries.add("A", NewEntry(signals(2)))
        ids = [id_ for batch in view.entries() for id_ in batch.ids]
        assert (view.commit.sequence, ids) == (2, [1])
    with here.view() as view:
        found = gathered(view.entries(since=2)).entries(IndexName("sha256"))
        assert (view.commit.sequence, found.codes.tobytes()) == (3, signals(2).sha256)


@pytest.mark.parametrize("rows", [1, 20, 21, 41])
def test_changes_come_in_batches_without_gaps(
    reopen: OpenStore, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """However many entries one commit has, each is read once: of all there are, and of a change."""
    monkeypatch.setattr("service.store.views.view._CHUNK", 20)
    store = reopen()
    target = ImportTarget("A", create_bank=True)
    store.apply_import(target, (ImportRow(n, signals(n)) for n in range(rows)))
    store.entries.add("A", NewEntry(signals(rows)))
    other = (ImportRow(n, signals(n + 100), str(n)) for n in range(rows))
    store.apply_import(target, other, allow_shrink=True)
    with store.view() as view:
        ids = [id_ for batch in view.entries() for id_ in batch.ids]
        assert len(ids) == len(set(ids)) == rows + 1
        changed = {
            id_: any(id_ in part.ids for part in batch.alike)
            for batch in view.entries(since=1)
            for id_ in batch.ids.tolist()
        }
    assert sorted(changed.values()) == [False] * rows + [True] * (rows + 1)


def test_a_view_tells_its_own_commits_from_anothers(reopen: OpenStore) -> None:
    """A number alone would not do: two courses of events give the same numbers."""
    store = reopen()
    store.banks.create("A")
    first = store.newest()
    store.banks.create("B")
    with store.view() as view:
        assert view.holds(first)
        assert view.holds(view.commit)
        assert not view.holds(Commit(first.sequence, view.commit.mark))
        assert not view.holds(Commit(view.commit.sequence + 1, view.commit.mark))


def test_banks_tell_of_which_spaces_they_hold_codes(reopen: OpenStore) -> None:
    """Entries and lists alike; a store takes codes of so many spaces only."""
    store = reopen()
    store.banks.create("A")
    bank = store.banks.create("B").id

    def coded(*spaces: str) -> Signals:
        return Signals.of(codes=dict.fromkeys(spaces, b"c" * 32))

    store.entries.add("B", NewEntry(coded("x")))
    store.apply_import(ImportTarget("B"), [ImportRow(1, coded("x", "y"))])
    with store.view() as view:
        assert view.spaces == {bank: {"x", "y"}}
    rows = [ImportRow(n, coded(f"s{n}")) for n in range(MAX_STORE_SPACES)]
    with pytest.raises(BadSignalError, match="spaces"):
        store.apply_import(ImportTarget("A"), rows)
    with store.view() as view:
        assert view.spaces == {bank: {"x", "y"}}


def test_spaces_without_codes_do_not_count(reopen: OpenStore) -> None:
    """A list with mistyped spaces must not keep a store from taking codes for ever."""
    store = reopen()
    store.banks.create("A")
    code = b"c" * 32
    rows = [ImportRow(n, Signals.of(codes={f"typo{n}": code})) for n in range(MAX_STORE_SPACES - 1)]
    store.apply_import(ImportTarget("A", list="typos"), rows)
    kept = store.entries.add("A", NewEntry(Signals.of(codes={"kept": code})))
    new = NewEntry(Signals.of(codes={"new": code}))
    with pytest.raises(BadSignalError, match="spaces"):
        store.entries.add("A", new)
    right = [ImportRow(1, Signals.of(codes={"kept": b"d" * 32}))]
    store.apply_import(ImportTarget("A", list="typos"), right, allow_shrink=True)
    store.entries.set_enabled("A", kept.entry_id, False)
    store.entries.add("A", new)
    with store.view() as view:
        assert set().union(*view.spaces.values()) == {"kept", "new"}


def test_any_number_of_damaged_entries_is_looked_at_again(store: Store) -> None:
    """A database takes only so many values at once, and a server must come back from any damage."""
    store.banks.create("a")
    entry = store.entries.add("a", NewEntry(Signals.of(md5=b"m" * 16)))
    database = store._database
    with database.connect() as connection, database.altering(connection):
        connection.execute(update(EntryRow).values(signals=b"x" * 16))
    with store.view() as view:
        assert view.still_damaged(range(entry.id + 70_000)) == {entry.id: view.banks[0].id}
