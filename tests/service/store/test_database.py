"""How a store is created, protected, opened and migrated."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, insert, text, update

from service.domain.deadlines import Deadlines
from service.domain.errors import (
    SchemaOutdatedError,
    SchemaTooNewError,
    StoreBusyError,
    StoreDamagedError,
    StoreMissingError,
    StoreReplacedError,
    StoreUnusableError,
)
from service.domain.signals import Signals
from service.store import NewEntry, Store, migrate, open_store
from service.store.core import schema
from service.store.core.database import Database, sqlite_url
from service.store.core.models import Base, CommitRow


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    """The folder is 0700 and every file in it 0600, those that SQLite makes included."""
    store = open_store(tmp_path / "data")
    store.banks.create("A")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "data").iterdir()}
    assert modes.keys() >= {"lookalike.db", "lookalike.db-wal", "lookalike.db-shm"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    store.close()


def test_a_file_that_others_could_read_is_theirs_no_more(tmp_path: Path) -> None:
    """A database that was copied into place has whatever mode the copy gave it."""
    open_store(tmp_path).close()
    path = tmp_path / "lookalike.db"
    path.chmod(0o644)
    open_store(tmp_path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    """A second opening finds what the first wrote, and the sequence goes on."""
    first = open_store(tmp_path)
    first.banks.create("A")
    entry = first.entries.add("A", NewEntry(Signals.of(md5=b"m" * 16)))
    sequence = first.sequence()
    first.close()
    second = open_store(tmp_path, create=False)
    assert second.entries.get("A", entry.entry_id) == entry
    assert second.sequence() == sequence
    second.close()


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    """Without leave to create, a missing store is an error and nothing is made."""
    with pytest.raises(StoreMissingError):
        open_store(tmp_path / "none", create=False)
    with pytest.raises(StoreMissingError):
        migrate(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://h/d", "sqlite://", "oracle://h/d", "postgresql://h:port/d"]
)
def test_an_unusable_url_is_named(tmp_path: Path, url: str) -> None:
    """A URL of a database that is not ours is refused when it is opened."""
    with pytest.raises(StoreUnusableError):
        open_store(tmp_path, url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file with something else in it is left as it is."""
    path = tmp_path / "lookalike.db"
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreUnusableError):
        open_store(tmp_path)
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """Tables that are not ours are never migrated."""
    connection = sqlite3.connect(tmp_path / "lookalike.db")
    connection.execute("CREATE TABLE banks (iban TEXT)")
    connection.close()
    with pytest.raises(StoreUnusableError):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("revision", "error"), [("0000", SchemaOutdatedError), ("9999", SchemaTooNewError)]
)
def test_another_layout_is_refused(tmp_path: Path, revision: str, error: type[Exception]) -> None:
    """An older layout asks for a migration, a newer one for a newer release."""
    open_store(tmp_path).close()
    database = Database(sqlite_url(tmp_path))
    with database.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    database.close()
    with pytest.raises(error, match=revision):
        open_store(tmp_path)


def test_a_dry_run_of_a_migration_changes_nothing(tmp_path: Path) -> None:
    """The plan names its steps and their SQL; the database stays empty until it is applied."""
    Database(sqlite_url(tmp_path)).create_files()
    plan = migrate(tmp_path, dry_run=True)
    steps = [f"{n:04}" for n in range(1, int(schema.HEAD) + 1)]
    assert [step.revision for step in plan.steps] == steps
    assert "CREATE TABLE entries" in plan.sql
    with pytest.raises(StoreMissingError):
        open_store(tmp_path, create=False)
    assert migrate(tmp_path).steps == plan.steps
    assert migrate(tmp_path).steps == ()
    open_store(tmp_path, create=False).close()


def test_migrations_make_what_the_models_say(tmp_path: Path) -> None:
    """No column, index or constraint differs, and ``HEAD`` is the newest migration."""
    open_store(tmp_path).close()
    engine = create_engine(sqlite_url(tmp_path))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    scripts = Path(schema.__file__).parents[1] / "migrations"
    assert ScriptDirectory(str(scripts)).get_current_head() == schema.HEAD


def test_acknowledged_means_on_disk(tmp_path: Path) -> None:
    """Every connection runs in WAL mode, syncs each commit and checks foreign keys."""
    open_store(tmp_path).close()
    database = Database(sqlite_url(tmp_path))
    with database.read() as connection:
        said = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    database.close()


def test_a_writer_waits_and_then_says_busy(tmp_path: Path) -> None:
    """While one writes, others read at once; a second writer hears "busy" after its timeout."""
    store = open_store(tmp_path)
    store.banks.create("A")
    database = Database(sqlite_url(tmp_path), Deadlines(busy=0.05))
    impatient = Store(database)
    with Database(sqlite_url(tmp_path)).write("test"):
        assert [bank.name for bank in impatient.banks.all()] == ["A"]
        with pytest.raises(StoreBusyError):
            impatient.banks.create("B")
    assert impatient.banks.create("B").name == "B"
    database.close()
    store.close()


def test_readers_beyond_the_pool_hear_busy(tmp_path: Path) -> None:
    """A query that gets no connection is told to come again, and nothing else."""
    store = open_store(tmp_path)
    store._database.engine = create_engine(
        sqlite_url(tmp_path), pool_size=1, max_overflow=0, pool_timeout=0
    )
    with store._database.connect(), pytest.raises(StoreBusyError):
        store.sequence()
    store.close()


def test_a_setting_says_how_long_a_writer_waits(tmp_path: Path) -> None:
    """As long as it was asked to, on every connection."""
    store = open_store(tmp_path, deadlines=Deadlines(busy=1.5))
    with store._database.read() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 1500
    store.close()


def test_concurrent_writers_all_commit(tmp_path: Path) -> None:
    """Writers queue: each of many threads' entries is there, each under its own sequence."""
    store = open_store(tmp_path)
    store.banks.create("A")
    start = threading.Barrier(4)

    def write(thread: int) -> None:
        start.wait()
        for n in range(8):
            store.entries.add("A", NewEntry(Signals.of(md5=bytes([thread, n] * 8))))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.entries.count("A") == 32
    assert store.sequence() == 33
    store.close()


def test_a_store_of_the_first_layout_is_brought_forward(
    reopen_at: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a name, its newest commit a mark, and its banks say of which spaces they hold codes;
    a dry run says so and changes nothing."""
    database = reopen_at()
    with monkeypatch.context() as then:
        then.setattr(schema, "HEAD", "0001")
        schema.migrate(database)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with database.connect() as connection, connection.begin():
        bank = {
            "name": "A",
            "action": "block",
            "imagery": "any",
            "radius": '{"pdq":null,"code":{}}',
        }
        times = {"sequence": 7, "created_at": now, "updated_at": now}
        flags = {"enabled": True, "deleted": False}
        old = MetaData()
        old.reflect(connection)
        connection.execute(insert(old.tables["banks"]).values(**bank, **flags, **times))
        a_list = {"bank_id": 1, "provider": "p", "name": "l"}
        connection.execute(insert(old.tables["lists"]).values(**a_list))
        for n, codes in enumerate(('{"x":"%s"}', '{"x":"%s","y":"%s"}', None)):
            text_of = codes and codes.replace("%s", "5f" * 32)
            row = {
                "bank_id": 1,
                "list_id": 1,
                "provider_id": str(n),
                "labels": "[]",
                "version": "1",
            }
            more = {"content": b"c", "codes": text_of, "md5": bytes([n] * 16)}
            connection.execute(
                insert(old.tables["entries"]).values(**row, **more, **flags, **times)
            )
        connection.execute(update(old.tables["counter"]).values(value=7))
    with pytest.raises(SchemaOutdatedError):
        schema.check(database)
    plan = schema.migrate(database, dry_run=True)
    steps = [f"{n:04}" for n in range(2, int(schema.HEAD) + 1)]
    assert [step.revision for step in plan.steps] == steps
    assert "CREATE TABLE commits" in plan.sql
    schema.migrate(database)
    schema.check(database)
    store = Store(database)
    assert (store.newest().sequence, len(store.newest().mark)) == (7, 32)
    assert store.identity not in ("", store.newest().mark)
    with store.view() as view:
        assert view.spaces == {1: {"x", "y"}}
    before = store.identity
    store.entries.add("A", NewEntry(Signals.of(md5=b"m" * 16)))
    assert (store.sequence(), store.identity) == (8, before)


@pytest.mark.parametrize("beside", ["", "-wal", "-shm"])
def test_a_file_that_is_gone_takes_no_writes_until_it_is_back(tmp_path: Path, beside: str) -> None:
    """Whoever has it open would go on writing to it, and nobody would ever read that."""
    store = open_store(tmp_path)
    store.banks.create("A")
    path = tmp_path / f"lookalike.db{beside}"
    path.rename(tmp_path / "away")
    for replaced in (False, True):
        if replaced:
            path.write_bytes((tmp_path / "away").read_bytes())
        with pytest.raises(StoreReplacedError, match="moved, deleted or replaced"):
            store.banks.create("B")
        with pytest.raises(StoreReplacedError):
            store.newest()
    (tmp_path / "away").rename(path)
    store.banks.create("B")
    store.close()
    assert [bank.name for bank in open_store(tmp_path).banks.all()] == ["A", "B"]


def test_what_only_a_deleted_log_holds_is_written_to_the_database(tmp_path: Path) -> None:
    """Nothing that was committed is lost with it, not even by a process that is killed then."""
    store = open_store(tmp_path)
    for name in ("A", "B"):
        store.banks.create(name)
    (tmp_path / "lookalike.db-wal").unlink()
    with pytest.raises(StoreReplacedError, match="what it held was written to lookalike"):
        store.newest()
    shutil.copy(tmp_path / "lookalike.db", tmp_path / "copy.db")  # what another start would find
    with sqlite3.connect(tmp_path / "copy.db") as found:
        assert found.execute("SELECT name FROM banks").fetchall() == [("A",), ("B",)]
    found.close()
    store.close()


def test_a_database_that_was_cut_short_takes_no_writes(tmp_path: Path) -> None:
    """It is the same file, so what is not in the log is simply gone."""
    store = open_store(tmp_path)
    os.truncate(tmp_path / "lookalike.db", 0)
    with pytest.raises(StoreReplacedError, match="cut short"):
        store.banks.create("A")
    store.close()


def test_another_store_in_the_place_of_ours_takes_no_writes(reopen: Callable[[], Store]) -> None:
    """Say because the backup of another one was restored under a running server, whose indexes do
    not follow it."""
    store, other = reopen(), reopen()
    store.banks.create("A")
    with other._database.connect() as connection, other._database.altering(connection):
        connection.execute(update(CommitRow).where(CommitRow.sequence == 0).values(mark="another"))
    for write in (lambda: store.banks.create("B"), lambda: store.take_lease("purge", "me", 1)):
        with pytest.raises(StoreReplacedError, match="another store"):
            write()
    assert [bank.name for bank in store.banks.all()] == ["A"]


def test_text_that_is_none_is_damage_and_is_not_repeated(tmp_path: Path) -> None:
    """SQLite quotes what it cannot read: in a row that is what is listed, and where it is its own
    schema the driver fails on the quotation."""
    store = open_store(tmp_path)
    store.banks.create("A")
    store.entries.add("A", NewEntry(Signals.of(url="https://example.org/")))
    store.close()
    with sqlite3.connect(tmp_path / "lookalike.db") as connection:
        connection.execute("UPDATE entries SET labels = CAST(x'7365637265747eff' AS TEXT)")
    connection.close()
    store = open_store(tmp_path)
    with pytest.raises(StoreDamagedError) as told:
        store.entries.page("A")
    assert "secret" not in str(told.value)
    store.close()
    path = tmp_path / "lookalike.db"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE leases", b"CREATE T\xcbBLE leases"))
    with pytest.raises(StoreDamagedError):
        open_store(tmp_path)
