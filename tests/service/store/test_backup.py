"""A backup holds one view of the store; restored, it is that store again, on either database."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import text

from service.domain.errors import (
    BackupDamagedError,
    BackupError,
    RestoreRefusedError,
    StoreMissingError,
    StoreWentBackError,
)
from service.domain.signals import Signals
from service.replica.replica import Replica
from service.store import (
    ImportRow,
    ImportTarget,
    NewEntry,
    Role,
    Store,
    backup,
    migrate,
    open_store,
    restore,
)
from service.store.backups.manifest import BackupManifest
from service.store.core import schema
from service.store.core.database import Database


class Server(Protocol):
    def new_schema(self, host: str | None = None) -> str: ...


@dataclass(frozen=True)
class Place:
    """Where a store is, or could be."""

    folder: Path
    url: str | None

    def open(self) -> Store:
        return open_store(self.folder, self.url)


@pytest.fixture
def place_for(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str], Place]:
    def make(kind: str, name: str) -> Place:
        url = None
        if kind == "postgresql":
            server: Server = request.getfixturevalue("postgres")
            url = server.new_schema()
        return Place(tmp_path / name, url)

    return make


def signals(number: int) -> Signals:
    return Signals.of(
        sha256=number.to_bytes(32, "big"),
        pdq=bytes([number % 256] * 32),
        pdq_quality=90,
        quality=0.1 + number / 7,
        codes={"x-256-1": bytes([number % 251] * 32)},
        url="https://example.org/ü",
    )


def fill(store: Store) -> None:
    """Something in every table, with what is easily lost: what is disabled, gone or not ASCII."""
    store.banks.create("a")
    store.banks.create("gone")
    store.banks.delete("gone")
    rows = [ImportRow(n, signals(n), f"é-{n}", ("A",)) for n in range(5000)]
    store.apply_import(ImportTarget("a", "p", "l", "1"), rows)
    store.apply_import(ImportTarget("a", "p", "l", "2"), rows[:4500])
    page = store.entries.page("a")
    store.entries.set_enabled("a", page.entries[0].entry_id, False)
    store.entries.delete("a", store.entries.add("a", NewEntry(signals(7000))).entry_id)
    store.keys.create("k", frozenset({Role.ADMIN}))


def everything(store: Store) -> object:
    with store.view() as view:
        batches = list(view.entries(1))
        rows = [(b.ids.tolist(), [part.signals.tobytes() for part in b.alike]) for b in batches]
        said = (view.commit, view.banks, view.keys, view.spaces, rows)
    return said, store.versions("a"), store.entries.page("a", limit=5000), store.identity


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
@pytest.mark.parametrize("of", ["sqlite", "postgresql"])
def test_a_restored_store_is_the_one_that_was_backed_up(
    place_for: Callable[[str, str], Place], tmp_path: Path, of: str, to: str
) -> None:
    """Entry by entry, with its name and its newest commit; and no id is ever given again."""
    source, target = place_for(of, "source"), place_for(to, "target")
    store = source.open()
    fill(store)
    made = backup(tmp_path / "b", source.folder, source.url)
    assert (made.counts["entries"], made.counts["tombstones"]) == (4500, 501)
    assert (made.sequence, made.identity) == (store.sequence(), store.identity)
    assert restore(tmp_path / "b", target.folder, target.url).kept is None
    again = target.open()
    assert everything(again) == everything(store)
    assert again.entries.add("a", NewEntry(signals(8000))).id == 5002
    with store.view() as view, again.view() as other:
        assert other.holds(view.commit)
        assert not view.holds(other.commit)
    store.close()
    again.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_made_under_writes_is_one_moment(
    place_for: Callable[[str, str], Place], tmp_path: Path, kind: str
) -> None:
    """Each write makes one commit and adds two entries: so a backup holds twice as many entries as
    commits since, never half of one."""
    source = place_for(kind, "source")
    store = source.open()
    store.banks.create("a")
    written, done = threading.Semaphore(0), threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            rows = [ImportRow(n, signals(2 * number + n), str(n)) for n in range(2)]
            store.apply_import(ImportTarget("a", "p", f"l{number}"), rows)
            number += 1
            written.release()

    def backed_up(name: str) -> BackupManifest:
        for _ in range(3):  # so that the next one holds more
            assert written.acquire(timeout=60)
        return backup(tmp_path / name, source.folder, source.url)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backed_up(f"b{n}") for n in range(3)]
    finally:
        done.set()
        writer.join()
    assert [one.counts["entries"] for one in made] == [2 * (one.sequence - 1) for one in made]
    assert made[0].sequence >= 1 + 3
    store.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "source")
    store.banks.create("a")
    store.entries.add("a", NewEntry(signals(1)))
    yield store
    store.close()


@pytest.fixture
def made(source: Store, tmp_path: Path) -> Path:
    """A backup of it."""
    del source
    backup(tmp_path / "b", tmp_path / "source")
    return tmp_path / "b"


def test_it_is_for_its_owner_alone_and_nothing_lies_beside_it(made: Path, tmp_path: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()}
    assert modes == {"lookalike.db": 0o600, "manifest.json": 0o600}
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    restore(made, tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new" / "lookalike.db").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"source", "b", "new"}


def test_nothing_is_overwritten(made: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="already"):
        backup(made, tmp_path / "source")
    with pytest.raises(RestoreRefusedError, match="--replace"):
        restore(made, tmp_path / "source")


def test_a_backup_that_fails_leaves_nothing(source: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError):
        backup(tmp_path / "b", tmp_path / "none")
    with pytest.raises(BackupError, match="No such file"):
        backup(tmp_path / "no" / "b", tmp_path / "source")
    source.close()
    path = tmp_path / "source" / "lookalike.db"
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(Exception, match="malformed"):
        backup(tmp_path / "b", tmp_path / "source")
    assert {one.name for one in tmp_path.iterdir()} == {"source"}


def _flip(folder: Path) -> None:
    with (folder / "lookalike.db").open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))


def _cut(folder: Path) -> None:
    with (folder / "lookalike.db").open("r+b") as file:
        file.truncate(8192)


def _say(**more: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **more}))

    return change


@pytest.mark.parametrize(
    "harm",
    [
        _flip,
        _cut,
        _say(sequence=1),
        _say(counts={"entries": 7}),
        _say(format="another"),
        _say(more=1),
        lambda folder: (folder / "lookalike.db").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        shutil.rmtree,
    ],
)
def test_a_damaged_backup_changes_nothing(
    made: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    """Whatever of it is damaged, and even where the store that is there may be replaced."""
    harm(made)
    before = open_store(tmp_path / "target")
    before.banks.create("kept")
    before.close()
    with pytest.raises(BackupDamagedError):
        restore(made, tmp_path / "target", replace=True)
    after = open_store(tmp_path / "target", create=False)
    assert [bank.name for bank in after.banks.all()] == ["kept"]
    after.close()
    assert not [one for one in (tmp_path / "target").iterdir() if "restor" in one.name]


def test_what_is_replaced_is_kept_and_not_taken_from_under_anybody(
    source: Store, made: Path, tmp_path: Path
) -> None:
    """While a server has the file open it stays; then the old one is whole under its new name."""
    source.banks.create("b")
    with pytest.raises(RestoreRefusedError, match="open"):
        restore(made, tmp_path / "source", replace=True)
    assert len(source.banks.all()) == 2
    source.close()
    kept = restore(made, tmp_path / "source", replace=True).kept
    assert kept is not None
    for url, names in ((None, ["a"]), (f"sqlite:///{kept}", ["a", "b"])):
        store = open_store(tmp_path / "source", url, create=False)
        assert [bank.name for bank in store.banks.all()] == names
        store.close()


def test_a_log_of_a_lost_database_is_not_taken_for_the_restored_ones(
    made: Path, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "lookalike.db-wal").write_bytes(b"another's" * 1000)
    restore(made, tmp_path / "new")
    store = open_store(tmp_path / "new", create=False)
    assert store.entries.count("a") == 1
    store.close()


def test_postgresql_is_replaced_in_one_transaction(
    made: Path, place_for: Callable[[str, str], Place]
) -> None:
    """Who reads meanwhile sees all of the old or all of the new."""
    target = place_for("postgresql", "target")
    store = target.open()
    store.banks.create("old")
    with pytest.raises(RestoreRefusedError, match="--replace"):
        restore(made, target.folder, target.url)
    with store.view() as view:
        restore(made, target.folder, target.url, replace=True)
        assert list(view.entries()) == []
        assert [bank.name for bank in view.banks] == ["old"]
    assert store.entries.count("a") == 1
    with store.view() as again:
        assert not again.holds(view.commit)
    store.close()


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_an_older_layout_is_backed_up_as_it_is_and_restored_as_ours(
    place_for: Callable[[str, str], Place],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    to: str,
) -> None:
    """One backs up before a migration, with the new release."""
    source, target = place_for(to, "source"), place_for(to, "target")
    with monkeypatch.context() as then:
        then.setattr(schema, "HEAD", "0001")
        if source.url is None:
            source.folder.mkdir()
            (source.folder / "lookalike.db").touch()
        migrate(source.folder, source.url)
    made = backup(tmp_path / "b", source.folder, source.url)
    assert (made.layout, made.identity) == ("0001", "")
    restore(tmp_path / "b", target.folder, target.url)
    store = target.open()
    assert len(store.identity) == 32
    store.close()


def test_a_running_replica_tells_a_restore_from_an_older_copy(
    place_for: Callable[[str, str], Place], tmp_path: Path
) -> None:
    """What somebody restored is loaded anew. A database that lacks what was read from it, such as
    a standby that took over too early, is not: no answer is whole until that is mended."""
    target = place_for("postgresql", "target")
    store = target.open()
    store.banks.create("a")
    entry = store.entries.add("a", NewEntry(signals(1)))
    backup(tmp_path / "b", target.folder, target.url)
    replica = Replica(store, 1)
    for number in (2, 3):
        store.entries.add("a", NewEntry(signals(number)))
        replica.sync()
        restore(tmp_path / "b", target.folder, target.url, replace=True)
        replica.sync()
        assert replica.loaded
        assert replica.health.ready
        assert store.entries.count("a") == 1
        assert {one.stats.entries for one in replica.stats()} == {0, 1}
    with (older := Database(target.url or "")).connect() as connection, connection.begin():
        for table in ("entries", "commits", "counter", "banks", "lists"):
            connection.execute(text(f"CREATE TABLE {table}_then AS SELECT * FROM {table}"))
    store.entries.delete("a", entry.entry_id)
    store.entries.add("a", NewEntry(signals(4)))
    replica.sync()
    with older.connect() as connection, connection.begin():
        connection.execute(text("TRUNCATE entries, commits, counter, banks, lists CASCADE"))
        for table in ("counter", "commits", "banks", "lists", "entries"):
            connection.execute(text(f"INSERT INTO {table} SELECT * FROM {table}_then"))
    older.close()
    for written in (False, True):
        with pytest.raises(StoreWentBackError):
            replica.sync()
        assert replica.health.incomplete
        assert not replica.health.ready
        if not written:
            store.banks.create("b")
    assert {one.stats.entries for one in replica.stats()} == {0, 1}
    store.close()
