"""Several writers on one store: sequences are commits in order, and every replica sees them all."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from service.engine import Engine
from service.indexes import Search
from service.signals import Signals
from service.store import ImportRow, ImportTarget, NewEntry, Store

OpenStore = Callable[[], Store]


def signals(n: int) -> Signals:
    return Signals(sha256=n.to_bytes(32, "big"))


def found(engine: Engine, n: int) -> bool:
    groups = frozenset(engine.known.banks_by_id)
    return bool(engine.search(Search(signals(n), groups, frozenset(), {}, {})))


def test_a_replica_sees_what_another_wrote(reopen: OpenStore) -> None:
    """Entries, lists and policies, whichever connection wrote them."""
    here, there = reopen(), reopen()
    replica = Engine(here, poll_seconds=1)
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
    replica = Engine(reopen(), poll_seconds=1)
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
    with here.changes(0) as changes:
        there.entries.add("A", NewEntry(signals(2)))
        states = [state for batch in changes.entries() for state in batch]
        assert (changes.sequence, len(states)) == (2, 1)
    with here.changes(2) as changes:
        states = [state for batch in changes.entries() for state in batch]
        assert (changes.sequence, [state.signals for state in states]) == (3, [signals(2)])


@pytest.mark.parametrize("rows", [1, 2000, 2001, 4100])
def test_changes_come_in_batches_without_gaps(reopen: OpenStore, rows: int) -> None:
    """However many entries one commit has, each is read once."""
    store = reopen()
    target = ImportTarget("A", create_bank=True)
    store.apply_import(target, (ImportRow(n, signals(n)) for n in range(rows)))
    with store.changes(0) as changes:
        ids = [state.id for batch in changes.entries() for state in batch]
    assert len(ids) == len(set(ids)) == rows
