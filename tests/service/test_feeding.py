"""Restarts: indexes go on from their files where these are the store's, and from the store else."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.segmented.segmented_index import SegmentedIndex
from service.domain.errors import StoreWentBackError
from service.domain.search import Search
from service.domain.signals import Signal, Signals
from service.replica.columns import IndexName
from service.replica.feeding import bring_up
from service.replica.indexes import Indexes
from service.replica.replica import Replica
from service.replica.shelf import FolderShelf
from service.store import (
    EntryBatch,
    ImportRow,
    ImportTarget,
    NewEntry,
    Store,
    StoreView,
    open_store,
)
from service.store.core.traces import DATABASE_FILE

SPACE = "s-256-0"
KINDS = {"md5", "sha1", "sha256", "pdq", "code", "url"}

Restart = Callable[..., Replica]


def signals(n: int) -> Signals:
    return Signals.of(
        md5=bytes([n]) * 16,
        sha1=bytes([n]) * 20,
        sha256=bytes([n]) * 32,
        pdq=bytes([n]) * 32,
        codes={SPACE: bytes([n]) * 32},
        url=f"https://example.org/{n}",
    )


def matched(replica: Replica, n: int) -> set[str]:
    groups = frozenset(replica.known.banks_by_id)
    radii = dict.fromkeys(groups, 0)
    search = Search(signals(n), groups, frozenset(), {("pdq", ""): radii, ("code", SPACE): radii})
    return {hit.signal for hit in replica.search(search).found}


def listed(replica: Replica, upto: int = 12) -> list[int]:
    """Which items match; each by all its signals or by none."""
    found = {n: matched(replica, n) for n in range(upto)}
    assert all(kinds in (set(), KINDS) for kinds in found.values()), found
    return [n for n, kinds in found.items() if kinds]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def restart(folder: Path) -> Iterator[Restart]:
    """Ends the replica before, if any, and starts one on the same folder, up to date."""
    running: list[Replica] = []
    stores: list[Store] = []

    def start(place: Path = folder, stop: bool = True) -> Replica:
        if stop and running:
            running.pop().stop()
        store = open_store(place)
        stores.append(store)
        replica = Replica(store, 1, FolderShelf(place / "index", lambda: store.identity))
        running.append(replica)
        replica.sync()
        return replica

    yield start
    for replica in running:
        replica.stop()
    for store in stores:
        store.close()


@pytest.fixture
def since(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From which sequence on the store's entries were read, each time they were."""
    asked: list[int] = []
    entries = StoreView.entries

    def watched(view: StoreView, since: int = 0, newest: int | None = None) -> Iterator[EntryBatch]:
        asked.append(since)
        return entries(view, since, newest)

    monkeypatch.setattr(StoreView, "entries", watched)
    return asked


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """A store with a bank and items 0 to 4."""
    opened = open_store(folder)
    rows = [ImportRow(n, signals(n), str(n)) for n in range(5)]
    opened.apply_import(ImportTarget("A", create_bank=True), rows)
    yield opened
    opened.close()


def test_a_restart_replays_only_what_is_newer(
    store: Store, restart: Restart, since: list[int]
) -> None:
    """Files are taken as they are; entries, changes and removals since then are applied."""
    assert listed(restart()) == [0, 1, 2, 3, 4]
    before = store.sequence()
    assert listed(restart()) == [0, 1, 2, 3, 4]
    assert since == [0]
    store.entries.add("A", NewEntry(signals(7)))
    store.apply_import(
        ImportTarget("A"), [ImportRow(1, signals(9), "1"), ImportRow(2, signals(2), "2")]
    )
    replica = restart()
    assert listed(replica) == [2, 7, 9]
    assert since == [0, before]
    assert {one.stats.sequence for one in replica.stats()} == {store.sequence()}
    assert not any(one.rebuilt or one.stats.trouble for one in replica.stats())


def test_a_disabled_entry_stays_so_over_a_restart(store: Store, restart: Restart) -> None:
    """It is held, out of force, and comes back when it is enabled."""
    entry = store.entries.page("A").entries[3]
    store.entries.set_enabled("A", entry.entry_id, False)
    replica = restart()
    assert listed(replica) == [0, 1, 2, 4]
    held = {(one.stats.entries, one.stats.enabled) for one in replica.stats()}
    assert held - {(0, 0)} == {(5, 4)}  # of some types it has none
    replica = restart()
    assert listed(replica) == [0, 1, 2, 4]
    store.entries.set_enabled("A", entry.entry_id, True)
    replica.sync()
    assert listed(replica) == [0, 1, 2, 3, 4]


def test_files_are_for_the_owner_alone(store: Store, restart: Restart, folder: Path) -> None:
    """Folders 0700, files 0600."""
    restart().stop()
    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
        for path in [folder / "index", *(folder / "index").rglob("*")]
    }
    assert modes == {(True, 0o700), (False, 0o600)}
    assert store.sequence() == 1


def test_what_a_crash_leaves_is_gone_on_from(
    store: Store, restart: Restart, folder: Path, tmp_path: Path, since: list[int]
) -> None:
    """Nothing was saved since the start; all that was acknowledged is in the store."""
    replica = restart()
    store.entries.add("A", NewEntry(signals(7)))
    store.entries.delete("A", store.entries.page("A").entries[0].entry_id)
    replica.sync()
    assert listed(replica) == [1, 2, 3, 4, 7]
    shutil.copytree(folder, tmp_path / "crashed")
    assert listed(restart(tmp_path / "crashed", stop=False)) == [1, 2, 3, 4, 7]
    assert since == [0, 1, 1]


@pytest.mark.parametrize(
    "victim",
    ["md5/MANIFEST", "md5/*.segment", "pdq/MANIFEST", "pdq/*.segment", f"code-{SPACE}/*.segment"],
)
@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_a_damaged_file_is_noticed_said_and_made_good(
    store: Store,
    restart: Restart,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    victim: str,
    harm: str,
) -> None:
    """Never answered from; only the index it belongs to is built anew, once."""
    restart().stop()
    (path,) = (folder / "index").glob(victim)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if harm == "cut" else 30] ^= 1
    path.write_bytes(content[: len(content) // 2] if harm == "cut" else content)
    if harm == "gone":
        path.unlink()
    store.entries.add("A", NewEntry(signals(7)))
    replica = restart()
    assert listed(replica) == [0, 1, 2, 3, 4, 7]
    rebuilt = {one.name.signal for one in replica.stats() if one.rebuilt}
    # An index of which nothing is left is a new one.
    new = harm == "gone" and not victim.endswith("segment")
    assert rebuilt == (set() if new else {victim.partition("/")[0].partition("-")[0]})
    assert ("built anew" in caplog.text) is not new
    replica = restart()
    assert listed(replica) == [0, 1, 2, 3, 4, 7]
    assert not any(one.rebuilt for one in replica.stats())


def test_a_folder_that_vanished_is_built_anew(store: Store, restart: Restart, folder: Path) -> None:
    """Of a code space, too: the store knows of which spaces it holds codes."""
    restart().stop()
    shutil.rmtree(folder / "index" / f"code-{SPACE}")
    assert listed(restart()) == [0, 1, 2, 3, 4]
    shutil.rmtree(folder / "index")
    assert listed(restart()) == [0, 1, 2, 3, 4]
    assert store.sequence() == 1


def backup(folder: Path, place: Path) -> None:
    """A copy of the database, as an operator makes it while the service runs."""
    source, copy = sqlite3.connect(folder / DATABASE_FILE), sqlite3.connect(place)
    source.backup(copy)
    source.close()
    copy.close()


def restore(folder: Path, place: Path) -> None:
    """The database as it was when the copy was made."""
    source, target = sqlite3.connect(place), sqlite3.connect(folder / DATABASE_FILE)
    source.backup(target)
    source.close()
    target.close()


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("writes_after", [0, 1, 5])
def test_a_restored_backup_is_noticed(
    store: Store, restart: Restart, folder: Path, tmp_path: Path, running: bool, writes_after: int
) -> None:
    """Whether the replica runs meanwhile or not, and even where the store has been written past
    the sequence that was known. A server that runs goes on with what it knew, and no answer of it
    is whole; what was lost matches no more after a restart that is meant."""
    replica = restart()
    backup(folder, tmp_path / "backup")
    store.entries.add("A", NewEntry(signals(5)))
    store.entries.add("A", NewEntry(signals(6)))
    replica.sync()
    assert listed(replica) == [0, 1, 2, 3, 4, 5, 6]
    if not running:
        replica.stop()
    restore(folder, tmp_path / "backup")
    for n in range(writes_after):
        store.entries.add("A", NewEntry(signals(7 + n)))
    if running:
        for _ in range(2):
            with pytest.raises(StoreWentBackError):
                replica.sync()
            assert listed(replica) == [0, 1, 2, 3, 4, 5, 6]
            assert replica.health.incomplete
            assert not replica.health.ready
    replica = restart()
    assert listed(replica) == [*range(5), *range(7, 7 + writes_after)]
    assert replica.freshness().sequence == 1 + writes_after
    assert all("restored" in one.rebuilt for one in replica.stats())
    assert not replica.health.incomplete


def test_another_stores_index_is_not_used(
    store: Store, restart: Restart, folder: Path, tmp_path: Path
) -> None:
    """A folder that was put beside another database answers for that one alone."""
    restart().stop()
    other = open_store(tmp_path / "other")
    other.banks.create("B")
    other.entries.add("B", NewEntry(signals(8)))
    other.close()
    shutil.copytree(folder / "index", tmp_path / "other" / "index")
    replica = restart(tmp_path / "other")
    assert listed(replica) == [8]
    assert all("store" in one.rebuilt for one in replica.stats())
    assert store.sequence() == 1


def test_a_second_replica_on_the_folder_reads_it_and_leaves_it(
    store: Store, restart: Restart, since: list[int]
) -> None:
    """It follows the store by itself, and what it does is never written."""
    first = restart()
    second = restart(stop=False)
    assert since == [0]
    store.entries.add("A", NewEntry(signals(7)))
    second.sync()
    assert listed(second) == [0, 1, 2, 3, 4, 7]
    assert all("another process" in one.stats.trouble for one in second.stats())
    assert not any(one.stats.trouble for one in first.stats())
    second.stop()
    first.sync()
    assert listed(first) == [0, 1, 2, 3, 4, 7]
    first.stop()
    third = restart(stop=False)
    assert listed(third) == [0, 1, 2, 3, 4, 7]
    assert not any(one.rebuilt for one in third.stats())


@pytest.mark.parametrize("behind", [True, False])
def test_a_second_replica_takes_the_folder_over_when_the_first_ends(
    store: Store, restart: Restart, behind: bool
) -> None:
    """Whatever the first did to the files meanwhile, and whether the second had heard of it."""
    store.entries.add("A", NewEntry(signals(6)))
    first = restart()
    second = restart(stop=False)
    for n in range(7, 10):
        store.entries.add("A", NewEntry(signals(n)))
        first.sync()
        for index in first._indexes.all.values():
            assert index.save()
            if isinstance(index, SegmentedIndex):
                index.maintain()  # merges, and deletes the files of what it merged
    second.scrub.round()
    assert all("another process" in one.stats.trouble for one in second.stats())
    first.stop()
    if not behind:
        second.sync()
    second.scrub.round()
    for index in second._indexes.all.values():
        assert index.save()
    assert not any(one.stats.trouble for one in second.stats())
    expected = [0, 1, 2, 3, 4, 6, 7, 8, 9]
    second.sync()
    assert listed(second) == expected
    second._stopping.set()  # as when it is killed: what was saved by then is what there is
    third = restart(stop=False)
    assert not any(one.rebuilt for one in third.stats())
    assert listed(third) == expected
    second.stop()


def test_a_folder_that_is_deleted_is_made_anew_and_written_by_one_alone(
    store: Store, restart: Restart, folder: Path
) -> None:
    """Under a running replica; another that comes finds it taken."""
    replica = restart()
    replica.scrub.round()
    shutil.rmtree(folder / "index")
    store.entries.add("A", NewEntry(signals(6)))
    replica.sync()
    replica.scrub.round()
    for index in replica._indexes.all.values():
        assert index.save()
    assert not any(one.stats.trouble for one in replica.stats())
    second = restart(stop=False)
    assert all("another process" in one.stats.trouble for one in second.stats())
    assert not any(one.rebuilt for one in second.stats())
    assert listed(second) == [0, 1, 2, 3, 4, 6]


def test_a_space_that_is_new_needs_only_what_is_newer(
    store: Store, restart: Restart, since: list[int]
) -> None:
    """No code of it can be older than the replica's last look."""
    replica = restart()
    coded = Signals.of(codes={"new-256-1": b"c" * 32})
    store.entries.add("A", NewEntry(coded))
    replica.sync()
    assert since == [0, 1]
    radii = {1: 0}
    found = replica.search(
        Search(coded, frozenset(), frozenset(), {("code", "new-256-1"): radii})
    ).found
    assert [hit.space for hit in found] == ["new-256-1"]
    assert listed(replica) == [0, 1, 2, 3, 4]


def test_what_failed_half_way_is_done_by_the_next_look(
    store: Store, restart: Restart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure between two indexes leaves nothing that the next attempt would stumble over."""
    replica = restart()
    store.entries.add("A", NewEntry(signals(7)))

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr("index.storage.kept_index.KeptIndex.apply", fail)
        with pytest.raises(MemoryError):
            replica.sync()
    assert replica.freshness().sequence == 1
    replica.sync()
    assert listed(replica) == [0, 1, 2, 3, 4, 7]


def test_a_long_list_is_in_force_all_at_once(
    store: Store, restart: Restart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many batches it is read in: no query finds both the old version and the new, or
    neither, by any one signal."""
    monkeypatch.setattr("service.store.views.view._CHUNK", 2)
    replica = restart()
    seen: set[tuple[bool, bool]] = set()

    def look() -> None:
        for kind in KINDS:
            seen.add((kind in matched(replica, 1), kind in matched(replica, 11)))

    entries = StoreView.entries

    def watched(view: StoreView, since: int = 0, newest: int | None = None) -> Iterator[EntryBatch]:
        for batch in entries(view, since, newest):
            look()
            yield batch

    monkeypatch.setattr(StoreView, "entries", watched)
    rows = [ImportRow(n, signals(n + 10), f"new {n}") for n in range(5)]
    store.apply_import(ImportTarget("A"), rows)
    replica.sync()
    look()
    assert seen == {(True, False), (False, True)}


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("change", ["added", "altered", "disabled", "enabled", "removed"])
def test_a_change_whose_number_is_not_what_was_written_is_no_less_applied(
    store: Store, restart: Restart, folder: Path, running: bool, change: str
) -> None:
    """A bit of ``sequence`` flips before an index read the row, so that by its number the row did
    not change since."""
    entry = store.entries.page("A").entries[3].entry_id
    if change == "enabled":
        store.entries.set_enabled("A", entry, False)
    store.entries.add("A", NewEntry(signals(5)))
    replica = restart()
    changed: dict[str, Callable[[], object]] = {
        "added": lambda: store.entries.add("A", NewEntry(signals(7))),
        "altered": lambda: store.apply_import(
            ImportTarget("A"), [ImportRow(n, signals(n + 3 * (n == 4)), str(n)) for n in range(5)]
        ),
        "disabled": lambda: store.entries.set_enabled("A", entry, False),
        "enabled": lambda: store.entries.set_enabled("A", entry, True),
        "removed": lambda: store.entries.delete("A", entry),
    }
    changed[change]()
    with sqlite3.connect(folder / DATABASE_FILE) as connection:
        connection.execute("UPDATE entries SET sequence = 1")
    connection.close()
    if running:
        replica.sync()
    else:
        replica = restart()
    right = {
        "added": [0, 1, 2, 3, 4, 5, 7],
        "altered": [0, 1, 2, 3, 5, 7],
        "disabled": [0, 1, 2, 4, 5],
        "enabled": [0, 1, 2, 3, 4, 5],
        "removed": [0, 1, 2, 4, 5],
    }
    assert listed(replica) == right[change]
    assert not any(one.rebuilt for one in replica.stats())
    if change != "added":
        assert "changed before they last did" in " ".join(flaw.said for flaw in store.verify())


def test_indexes_that_heard_of_different_changes_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that reached some of them only: an entry with several signals of one type is neither
    in the way of what follows, nor left behind when it goes."""

    def several(*digests: int) -> Signals:
        return Signals.many([Signal("sha256", bytes([one]) * 32) for one in digests])

    store = open_store(tmp_path)
    store.banks.create("A")
    store.entries.add("A", NewEntry(several(1)))
    indexes = Indexes()
    with store.view() as view:
        bring_up(indexes, view)
        known = view.commit
    added = store.entries.add("A", NewEntry(several(2, 3, 4)))
    pdq = indexes.all[IndexName("pdq")]
    with monkeypatch.context() as patched, store.view() as view:
        patched.setattr(type(pdq), "apply", _broken)
        with pytest.raises(MemoryError):
            bring_up(indexes, view, known)
    digests = indexes.all[IndexName("sha256")]
    assert digests.stats().entries in (1, 4)
    with store.view() as view:
        bring_up(indexes, view, known)
    assert digests.stats().entries == 4
    store.entries.delete("A", added.entry_id)
    with store.view() as view:
        bring_up(indexes, view, known)
    assert digests.stats().entries == 1
    store.close()


def _broken(*_: object, **__: object) -> None:
    raise MemoryError
