"""A store of layout 0004, as its release wrote it, is brought to the newest layout."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from service.domain.errors import StorageFullError, StoreDamagedError
from service.domain.search import Search
from service.domain.signals import Signals, parse_signals
from service.domain.values import NewEntry
from service.replica.replica import Replica
from service.store import Entry, ImportRow, ImportTarget, Store, migrate, open_store, restore
from service.store.backups import manifest
from service.store.backups.backup import make_backup
from service.store.backups.contents import contents, copy
from service.store.core import schema
from service.store.core.database import Database, sqlite_url
from service.store.entries.rows import derived_provider_id
from service.store.migrations import conversion

Postgres = Any
"""Of the conftest, which tests cannot import."""

DATA = Path(__file__).parent / "data"


MARKS = "SELECT mark FROM commits WHERE sequence > 0"


class Old(NamedTuple):
    """The old store in a folder, and what its release read from it."""

    folder: Path
    said: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.folder / "lookalike.db"


@pytest.fixture
def old(tmp_path: Path) -> Old:
    with gzip.open(DATA / "layout-0004.json.gz") as file:
        said = json.load(file)
    made = Old(tmp_path / "data", said)
    made.folder.mkdir()
    with gzip.open(DATA / "layout-0004.db.gz") as file:
        made.file.write_bytes(file.read())
    return made


def told(entry: Entry) -> dict[str, Any]:
    """As the old release told it."""
    return {
        "id": entry.id,
        "bank": entry.bank,
        "provider": entry.provider,
        "list": entry.list,
        "provider_id": entry.provider_id,
        "signals": entry.signals.to_json(),
        "labels": list(entry.labels),
        "list_version": entry.list_version,
        "enabled": entry.enabled,
        "created_at": entry.created_at.isoformat(),
        "updated_at": entry.updated_at.isoformat(),
    }


def is_what_it_was(store: Store, said: dict[str, Any]) -> None:
    """Entries, banks, keys, versions and the store's name; and nothing in it is flawed."""
    assert list(store.verify()) == []
    assert [bank.name for bank in store.banks.all()] == said["banks"]
    entries = [e for bank in said["banks"] for e in store.entries.page(bank, limit=1000).entries]
    was = sorted(said["entries"], key=lambda one: one["id"])
    assert sorted(map(told, entries), key=lambda one: one["id"]) == was
    keys = [[k.id, k.name, sorted(k.roles), k.revoked_at is not None] for k in store.keys.all()]
    assert keys == said["keys"]
    for bank, versions in said["versions"].items():
        found = [
            [v.provider, v.list, v.version, v.entries, v.added, v.removed, v.sequence]
            for v in store.versions(bank)
        ]
        assert found == versions
    assert (store.sequence(), store.identity) == (said["sequence"], said["identity"])


def test_everything_is_there_and_matches(old: Old) -> None:
    """On SQLite; each signal that may be matched is found under its entry, and those alone."""
    plan = migrate(old.folder)
    assert [step.revision for step in plan.steps] == ["0005", "0006", "0007"]
    store = open_store(old.folder, create=False)
    is_what_it_was(store, old.said)
    replica = Replica(store, poll_seconds=1)
    replica.sync()
    banks = {bank.id: bank.name for bank in store.banks.all()}
    everywhere = dict.fromkeys(banks, 0)
    for one in old.said["entries"]:
        signals = parse_signals(one["signals"])
        near = {("pdq", ""): everywhere} | {("code", one): everywhere for one in signals.codes}
        search = Search(signals, frozenset(banks), frozenset(), near)
        found = {
            (hit.signal, hit.space)
            for hit in replica.search(search).found
            if (hit.id, banks[hit.bank_id]) == (one["id"], one["bank"])
        }
        wanted = {(name, "") for name in ("md5", "sha1", "sha256", "url") if name in one["signals"]}
        wanted |= {("pdq", "")} if signals.pdq_usable else set()
        wanted |= {("code", space) for space in signals.codes if signals.codes_usable}
        assert found == (wanted if one["enabled"] else set())
    store.close()


def test_ids_derived_from_signals_stay(old: Old) -> None:
    """A list without ids of its own would otherwise be all new entries."""
    for fields, derived in old.said["derived"]:
        assert derived_provider_id(parse_signals(fields)) == derived


def test_what_was_removed_is_kept_and_comes_back_as_it_was(old: Old) -> None:
    """A tombstone's hashes are its past; an entry that was disabled is so when listed again."""
    migrate(old.folder)
    store = open_store(old.folder, create=False)
    with sqlite3.connect(old.file) as connection:
        ((number, list_id),) = connection.execute(
            "SELECT id, entries.list_id FROM entries JOIN earlier_states ON entry_id = id"
            " WHERE entries.state = 'removed' AND earlier_states.state = 'disabled' LIMIT 1"
        ).fetchall()
        bank, provider, name = connection.execute(
            "SELECT banks.name, provider, lists.name FROM lists JOIN banks ON banks.id = bank_id"
            " WHERE lists.id = ? AND NOT deleted",
            (list_id,),
        ).fetchone()
    connection.close()
    gone = store.entries.by_ids([number])[number]
    assert gone.signals
    assert not gone.enabled
    held = store.entries.page(bank, limit=1000).entries
    rows = [
        ImportRow(n, one.signals, one.provider_id, one.labels)
        for n, one in enumerate(one for one in (*held, gone) if one.list == name)
    ]
    diff = store.apply_import(ImportTarget(bank, provider, name), rows)
    assert (diff.updated, diff.added, diff.removed) == (1, 0, 0)
    back = store.entries.by_ids([number])[number]
    assert (back.signals, back.enabled) == (gone.signals, False)
    assert list(store.verify()) == []
    store.close()


def test_to_postgresql_and_back(old: Old, postgres: Postgres, tmp_path: Path) -> None:
    """The same on PostgreSQL: the old layout, migrated there, backed up and restored to SQLite."""
    url = postgres.new_schema()
    database, source = Database(url), Database(sqlite_url(old.folder))
    with (
        source.read() as rows,
        database.connect() as connection,
        database.altering(connection),
    ):
        schema.upgrade(connection, "0004")
        copy(rows, connection)
    with source.read() as rows, database.read() as connection:
        assert contents(rows) == contents(connection)
    before = make_backup(database, tmp_path / "before")
    assert before.layout == "0004"
    migrate(tmp_path / "indexes", url)
    store = open_store(tmp_path / "indexes", url, create=False)
    is_what_it_was(store, old.said)
    assert store.entries.add("good", NewEntry(Signals.of(md5=b"m" * 16))).id > max(
        one["id"] for one in old.said["entries"]
    )
    store.close()
    for place in (source, database):
        place.close()
    restore(tmp_path / "before", tmp_path / "back")
    store = open_store(tmp_path / "back", create=False)
    is_what_it_was(store, old.said)
    store.close()


def test_a_backup_of_the_old_layout_restores(old: Old, tmp_path: Path) -> None:
    """It is what it was, brought to the newest layout."""
    database = Database(sqlite_url(old.folder))
    assert make_backup(database, tmp_path / "b").layout == "0004"
    database.close()
    assert manifest.read(tmp_path / "b").counts["entries"] == len(old.said["entries"])
    restore(tmp_path / "b", tmp_path / "new")
    store = open_store(tmp_path / "new", create=False)
    is_what_it_was(store, old.said)
    store.close()


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("meanwhile", [False, True])
def test_it_goes_on_where_it_was_interrupted(
    old: Old, monkeypatch: pytest.MonkeyPatch, meanwhile: bool
) -> None:
    """Until the end the store is as it was; if it changed since, all is converted anew."""
    monkeypatch.setattr(conversion, "STEP", 50)
    heard: list[tuple[int, int]] = []

    def hear(done: int, total: int) -> None:
        heard.append((done, total))
        if done >= 150 and len(heard) < 10:
            raise _KilledError

    with pytest.raises(_KilledError):
        migrate(old.folder, told=hear)
    database = Database(sqlite_url(old.folder))
    assert schema.current_revision(database) == "0004"
    if meanwhile:
        with database.connect() as connection, connection.begin():
            connection.execute(text("UPDATE entries SET version = 'x' WHERE id = 1"))
            connection.execute(text("UPDATE counter SET value = value + 1"))
            connection.execute(text("INSERT INTO commits VALUES (999, 'm', NULL)"))
            connection.execute(
                text(
                    "UPDATE commits SET sequence = (SELECT value FROM counter) WHERE sequence = 999"
                )
            )
    database.close()
    heard[:] = [(0, 0)] * 10
    migrate(old.folder, told=lambda done, total: heard.append((done, total)))
    assert heard[10][0] == (0 if meanwhile else 150)
    assert heard[-1][0] == heard[-1][1]
    store = open_store(old.folder, create=False)
    if not meanwhile:
        is_what_it_was(store, old.said)
    assert list(store.verify()) == []
    store.close()


@pytest.mark.parametrize(
    "harm",
    [
        "sha256 = randomblob(32)",
        "labels = '[\"Z\"]'",
        "labels = CAST(x'5bff5d' AS TEXT)",
        "content = 'a text'",
        "pdq_quality = 96",
        "codes = 'no json'",
        "enabled = 3",
        "deleted = 7",
        "md5 = CAST(hex(md5) AS TEXT)",
    ],
)
def test_what_is_damaged_stays_damaged(old: Old, harm: str) -> None:
    """A row that is not what was written gets no hash that says it is, removed or not."""
    with sqlite3.connect(old.file) as connection:
        numbers = connection.execute(
            "SELECT id FROM entries WHERE pdq IS NOT NULL AND md5 IS NOT NULL AND"
            " sha256 IS NOT NULL AND bank_id = 1"
        ).fetchall()
        connection.executemany(f"UPDATE entries SET {harm} WHERE id = ?", numbers)
        live = {
            number
            for (number,) in numbers
            if connection.execute("SELECT deleted FROM entries WHERE id = ?", (number,)).fetchone()
            != (1,)
        }
    connection.close()
    migrate(old.folder)
    store = open_store(old.folder, create=False)
    flaws = {flaw.what: flaw for flaw in store.verify()}
    assert set(flaws["entries"].entries) == live
    assert len(live) < len(numbers) or "deleted" in harm
    assert ("past" in flaws) is ("deleted" not in harm)
    with store.view() as view:
        for _ in view.entries():
            pass
        assert view.damaged.keys() == live
        assert not any(view.lost.values())
    with pytest.raises(StoreDamagedError), store.entries.export("known") as export:
        list(export.entries)
    store.close()


def test_a_disk_that_is_too_small_is_told_before(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is changed; a dry run says how much it takes."""
    plan = migrate(old.folder, dry_run=True)
    assert plan.size is not None
    assert plan.size.free is not None
    assert plan.size.entries >= len(old.said["entries"])
    assert plan.size.needed > old.file.stat().st_size
    before = old.file.read_bytes()
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, plan.size.needed - 1))
    with pytest.raises(StorageFullError, match="nothing was changed"):
        migrate(old.folder)
    assert old.file.read_bytes() == before


def test_indexes_of_the_old_layout_are_built_anew(old: Old) -> None:
    """Their ids are others: the store holds none of the commits that they name."""
    database = Database(sqlite_url(old.folder))
    with database.read() as connection:
        marks = set(
            connection.execute(text("SELECT mark FROM commits WHERE sequence > 0")).scalars()
        )
    database.close()
    migrate(old.folder)
    store = open_store(old.folder, create=False)
    with store._database.read() as connection:
        now = set(connection.execute(text(MARKS)).scalars())
    assert len(now) == len(marks)
    assert marks.isdisjoint(now)
    store.close()
