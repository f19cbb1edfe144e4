"""One bit of the store's file flips, anywhere, and the indexes are built anew from it: what is
listed is found all the same, or the server says that it cannot know."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.domain.errors import ServiceError
from service.domain.search import Search
from service.domain.signals import Signals
from service.replica.replica import Replica
from service.store import (
    Action,
    ImportRow,
    ImportTarget,
    NewEntry,
    Policy,
    Role,
    Store,
    open_store,
)

pytestmark = pytest.mark.slow

FLIPS = 30
"""Of each kind; 300 were tried when this was written, a new store and new indexes for each."""
TABLES = ("banks", "lists", "list_versions", "entries", "keys", "counter", "commits")
"""Those that say what is listed, and under what policy."""


def signals(number: int) -> Signals:
    digest = random.Random(number).randbytes(32)
    codes = {"s-256-0": digest[::-1]} if number % 3 else {}
    return Signals.of(sha256=digest, pdq=digest, codes=codes, pdq_quality=100)


@dataclass(frozen=True)
class Whole:
    """A store as it was, and what it lists."""

    file: Path
    listed: frozenset[tuple[str, int]]
    """Bank, and number of the signals."""
    banks: dict[str, Policy]
    keys: frozenset[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    store = open_store(folder)
    store.banks.create("block", Policy(Action.BLOCK))
    store.banks.create("review")
    store.banks.create("good", Policy(Action.ALLOW))
    rows = [ImportRow(n, signals(n), f"n{n}", ("A",)) for n in range(60)]
    target = ImportTarget("block", "p", "l")
    store.apply_import(target, rows[:30])
    store.apply_import(target, rows[5:], allow_shrink=True)
    for n in range(100, 120):
        store.entries.add("review", NewEntry(signals(n)))
    for entry in store.entries.page("review").entries[:4]:
        store.entries.set_enabled("review", entry.entry_id, False)
    store.entries.add("good", NewEntry(signals(200)))
    store.keys.create("a key", frozenset({Role.ADMIN}))
    listed = {("block", n) for n in range(5, 60)} | {("review", n) for n in range(104, 120)}
    banks = {bank.name: bank.policy for bank in store.banks.all()}
    keys = frozenset(key.id for key in store.keys.all())
    store.close()
    with sqlite3.connect(folder / "lookalike.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    made = Whole(folder / "lookalike.db", frozenset(listed), banks, keys)
    assert trouble(made, folder) == ""
    return made


def trouble(whole: Whole, folder: Path) -> str:
    """What a server that loads the store in ``folder`` says is wrong; empty where all is well.

    Fails the test where it says nothing and misses something.
    """
    store: Store | None = None
    try:
        store = open_store(folder, create=False)
        replica = Replica(store, poll_seconds=1)
        replica.sync()
        failing = [one for one in replica.health.checks() if one.severity.value == "failing"]
        if failing:
            assert replica.health.incomplete or not replica.health.ready
            return "; ".join(f"{one.name}: {one.said}" for one in failing)
        known = replica.known
        assert {bank.name: bank.policy for bank in known.banks.values()} == whole.banks
        assert frozenset(known.keys) == whole.keys
        everywhere = dict.fromkeys(known.banks_by_id, 0)
        for bank, number in whole.listed:
            asked = signals(number)
            near = {("pdq", ""): everywhere} | {("code", s): everywhere for s in asked.codes}
            search = Search(asked, frozenset(known.banks_by_id), frozenset(), near)
            found = {
                (known.banks_by_id[hit.bank_id].name, hit.signal)
                for hit in replica.search(search).found
            }
            kinds = {"sha256", "pdq", *(["code"] if asked.codes else [])}
            assert {(bank, kind) for kind in kinds} <= found, "a listed entry is missed in silence"
    except ServiceError as error:
        return type(error).__name__
    finally:
        if store is not None:
            store.close()
    return ""


def in_the_file(path: Path, rng: random.Random) -> str:
    """Flip a bit of the file, the schema's page and all."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"byte {at}"


def in_a_value(path: Path, rng: random.Random) -> str:
    """Flip a bit of one value of one row; a number, a text or bytes."""
    with sqlite3.connect(path) as connection:
        connection.text_factory = bytes
        table = rng.choice(TABLES)
        names = [row[1].decode() for row in connection.execute(f"PRAGMA table_info({table})")]
        rowid = rng.choice(connection.execute(f"SELECT rowid FROM {table}").fetchall())[0]
        name = rng.choice([one for one in names if one != "id"])
        ((value, kind),) = connection.execute(
            f"SELECT {name}, typeof({name}) FROM {table} WHERE rowid = ?", (rowid,)
        ).fetchall()
        new: Any
        if isinstance(value, int):
            new = value ^ 1 << rng.randrange(8)
        elif value:
            flipped = bytearray(value)
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
            new = bytes(flipped)
        else:
            return "nothing"
        cast = "CAST(? AS TEXT)" if kind == b"text" else "?"
        connection.execute("PRAGMA foreign_keys = OFF")
        try:
            connection.execute(f"UPDATE {table} SET {name} = {cast} WHERE rowid = ?", (new, rowid))
        except sqlite3.IntegrityError:
            return "nothing"
    connection.close()
    return f"{table}.{name} of row {rowid}"


@pytest.mark.parametrize("flip", [in_the_file, in_a_value])
def test_no_flipped_bit_passes_in_silence(
    whole: Whole, tmp_path: Path, flip: Callable[[Path, random.Random], str]
) -> None:
    """Several hundred of them; most are noticed, the rest changed nothing that counts."""
    told, wrong = 0, []
    for seed in range(FLIPS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = folder / "lookalike.db"
        path.write_bytes(whole.file.read_bytes())
        where = flip(path, random.Random(seed))
        try:
            told += bool(trouble(whole, folder))
        except Exception as error:  # noqa: BLE001 - each is told with the flip that led to it
            wrong.append(f"{where} (seed {seed}): {type(error).__name__} {str(error)[:150]}")
    assert not wrong, "\n".join(wrong)
    assert told


@pytest.mark.parametrize("table", ["entries", "lists", "banks", "list_versions", "commits"])
@pytest.mark.parametrize("which", ["one", "all"])
def test_no_row_is_gone_in_silence(whole: Whole, tmp_path: Path, table: str, which: str) -> None:
    """Deleted in the file behind everybody's back: a load notices what it could miss by it, and
    ``verify`` any of them."""
    path = tmp_path / "lookalike.db"
    path.write_bytes(whole.file.read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        newest = f"SELECT max(rowid) FROM {table}"
        where = f"WHERE rowid = ({newest})" if which == "one" else ""
        connection.execute(f"DELETE FROM {table} {where}")
    connection.close()
    said = trouble(whole, tmp_path)  # which fails where something is missed in silence
    if table in ("entries", "lists", "banks"):
        assert said
    try:
        store = open_store(tmp_path, create=False)
    except ServiceError:
        return  # nothing is served from it, or verified
    assert list(store.verify())
    store.close()
