"""The file of the store is lost, moved, replaced, damaged or altered, and nothing of it passes in
silence."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.store import open_store

pytestmark = pytest.mark.slow

PAGE = 4096

Server = Any
"""``Faulty`` of the conftest, which tests cannot import."""
Wait = Callable[..., None]


def settle(database: Path) -> None:
    """Bring everything into the one file."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def damage_pages(database: Path, marks: list[bytes]) -> None:
    """Overwrite the head of every page in which one of ``marks`` stands."""
    settle(database)
    data = bytearray(database.read_bytes())
    hit = {data.index(mark) // PAGE for mark in marks if mark in data}
    assert hit
    for page in hit:
        data[page * PAGE : page * PAGE + 64] = b"\xff" * 64
    database.write_bytes(data)


def sha256_of(folder: Path) -> list[bytes]:
    store = open_store(folder, create=False)
    try:
        entries = store.entries.page("known", limit=100).entries
    finally:
        store.close()
    return [entry.signals.sha256 for entry in entries if entry.signals.sha256]


def test_damaged_pages(faulty: Server, until: Wait) -> None:
    """Matches are answered by their verdict, the check fails in time, the log stays short, and the
    commands say what is wrong without a traceback."""
    faulty.stop()
    damage_pages(faulty.database, sha256_of(faulty.folder))
    faulty.start()
    answers = faulty.law()
    assert {answer["verdict"] for answer in answers} == {"block"}
    assert all(answer["truncated"] and not answer["matches"] for answer in answers)
    until(lambda: faulty.checks()["provenance"] == "failing")
    for _ in range(3):
        faulty.law()
    with faulty.client() as client:
        page = client.get("/v1/banks/known/entries")
        assert (page.status_code, page.json()["code"]) == (503, "store_damaged")
    for command in (("verify",), ("doctor",), ("export", "--bank", "known")):
        said = faulty.run(*command)
        assert said.returncode == 1
        assert "Traceback" not in said.stdout + said.stderr
        assert "malformed" in said.stdout + said.stderr or "database is damaged" in said.stderr
    log = faulty.stop()
    assert "Traceback" not in log
    assert len(log.splitlines()) < 40


def test_altered_signals(faulty: Server) -> None:
    """Their hashes tell: they are named and counted, no answer claims to be whole, neither now nor
    after another start, until they are what was written again."""
    faulty.stop()
    settle(faulty.database)
    shutil.copy(faulty.database, faulty.folder.parent / "kept.db")
    with sqlite3.connect(faulty.database) as connection:
        connection.execute(
            "UPDATE entries SET signals = randomblob(length(signals))"
            " WHERE provider_id LIKE 'n%' AND provider_id != 'n0'"
        )
    connection.close()
    shutil.rmtree(faulty.folder / "index")
    for _ in range(2):  # the second start finds an index that lacks them
        faulty.start()
        answers = faulty.law()
        assert [answer["verdict"] for answer in answers].count("none") == 59
        assert {answer["coverage"] for answer in answers if answer["verdict"] == "none"} == {"none"}
        with faulty.client() as client:
            assert client.get("/readyz").status_code == 503
            (entries,) = [
                one for one in client.get("/v1/status").json()["checks"] if one["name"] == "entries"
            ]
        assert entries["said"] == "59 entries are not what was written, and are left out"
        assert "bank 'known'" in entries["detail"]
        assert "e_" in entries["detail"]
        faulty.stop()
    for command in ("verify", "doctor"):
        said = faulty.run(command)
        assert said.returncode == 1
        assert "59 entries of bank 'known' are not what was written" in " ".join(
            (said.stdout + said.stderr).split()
        )
    shutil.copy(faulty.folder.parent / "kept.db", faulty.database)
    faulty.start()
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    assert set(faulty.checks().values()) == {"sound"}
    faulty.stop()
    assert faulty.run("verify").returncode == 0


def test_a_file_that_is_moved_or_replaced(faulty: Server, until: Wait) -> None:
    """No write is acknowledged, matches are answered from the index, and it is noticed at the next
    poll; once the file is back, all is well."""
    away = faulty.folder.parent / "away.db"
    entry = {"signals": {"md5": "5f" * 16}}
    for replacement in (False, True):
        faulty.database.rename(away)
        if replacement:
            shutil.copy(away, faulty.database)
        with faulty.client() as client:
            refused = client.post("/v1/banks/known/entries", json=entry)
            assert (refused.status_code, refused.json()["code"]) == (503, "store_replaced")
        until(lambda: faulty.checks()["store"] == "failing")
        assert {answer["verdict"] for answer in faulty.law()} == {"block"}
        away.rename(faulty.database)
        until(lambda: faulty.checks()["store"] == "sound")
        assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    with faulty.client() as client:
        client.post("/v1/banks/known/entries", json=entry).raise_for_status()
    assert len(faulty.stop().splitlines()) < 40


def test_a_lost_file(faulty: Server) -> None:
    """A volume that is not mounted is not a first start."""
    faulty.stop()
    faulty.database.rename(faulty.folder.parent / "away.db")
    said = faulty.run("serve")
    assert said.returncode == 1
    assert "error (store_lost)" in said.stderr
    assert not faulty.database.exists()
    (faulty.folder.parent / "away.db").rename(faulty.database)
    faulty.start()
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}


def test_another_store_beside_the_index(faulty: Server) -> None:
    """A wrong volume, or an old copy of the database, is not served: whatever it does not list
    would pass. A backup that is restored is meant, and so is an index that was moved away."""
    faulty.stop()
    settle(faulty.database)
    own, empty = faulty.folder.parent / "own.db", faulty.folder.parent / "empty"
    shutil.copy(faulty.database, own)
    assert faulty.on_sqlite(empty).run("init").returncode == 0
    settle(empty / "lookalike.db")
    shutil.copy(empty / "lookalike.db", faulty.database)
    image = faulty.folder.parent / "image.jpg"
    image.write_bytes(faulty.images[0])
    for command in (("serve",), ("match", str(image)), ("doctor",)):
        said = faulty.run(*command)
        assert said.returncode not in (0, 3), command
        told = " ".join((said.stdout + said.stderr).split())
        assert "is not the store that" in told
        assert "Traceback" not in told
        assert "none" not in said.stdout.split(), command
    assert "error (store_swapped)" in faulty.run("serve").stderr

    shutil.copy(own, faulty.database)
    faulty.start()  # nothing of the index was touched
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    assert faulty.run("backup", str(faulty.folder.parent / "backup")).returncode == 0
    with faulty.client() as client:
        later = {"signals": {"md5": "5f" * 16}}
        client.post("/v1/banks/known/entries", json=later).raise_for_status()
    faulty.stop()
    settle(faulty.database)
    shutil.copy(faulty.database, faulty.folder.parent / "newest.db")
    shutil.copy(own, faulty.database)
    said = faulty.run("serve")
    assert said.returncode == 1
    assert "an older copy of it" in " ".join(said.stderr.split())
    said = faulty.run("restore", str(faulty.folder.parent / "backup"), "--replace")
    assert said.returncode == 0, said.stderr
    faulty.start()
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    with faulty.client() as client:
        assert client.post("/v1/match", json=later).json()["verdict"] == "none"
    faulty.stop()
    shutil.copy(empty / "lookalike.db", faulty.database)
    shutil.move(faulty.folder / "index", faulty.folder.parent / "moved")
    faulty.start()
    assert faulty.checks()["banks"] == "failing"


def test_a_log_that_is_deleted(faulty: Server, until: Wait) -> None:
    """What it held is written to the database and nothing more is acknowledged, so that even a kill
    loses nothing of what was."""
    faulty.database.with_name("lookalike.db-wal").unlink()
    until(lambda: faulty.checks()["store"] == "failing")
    with faulty.client() as client:
        refused = client.post("/v1/banks/known/entries", json={"signals": {"md5": "5f" * 16}})
        assert (refused.status_code, refused.json()["code"]) == (503, "store_replaced")
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    faulty.process.kill()
    faulty.process.wait()
    faulty.start()
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    assert set(faulty.checks().values()) == {"sound"}


def test_rows_of_another_type_than_was_written(faulty: Server) -> None:
    """One flipped bit makes bytes of a text, or a text of bytes: such entries are named and left
    out like any that were altered, and keep nobody from the rest."""
    faulty.stop()
    settle(faulty.database)
    with sqlite3.connect(faulty.database) as connection:
        for number, change in enumerate(
            (
                "content = 'a text'",
                "content = 1099511627776",
                "signals = CAST(hex(signals) AS TEXT)",
                "labels = CAST(labels AS BLOB)",
                "bank_id = 9999999999",
                "bank_id = 'x'",
            )
        ):
            connection.execute(f"UPDATE entries SET {change} WHERE provider_id = 'n{number}'")
    connection.close()
    shutil.rmtree(faulty.folder / "index")
    faulty.start()
    answers = faulty.law()
    assert [answer["verdict"] for answer in answers].count("none") == 6
    assert faulty.checks()["entries"] == "failing"
    assert "Traceback" not in faulty.stop()
    for command in ("verify", "doctor"):
        said = faulty.run(command)
        assert said.returncode == 1
        assert "Traceback" not in said.stdout + said.stderr
