"""PostgreSQL answers, and not with what was written: tables are gone or cannot be read, rows were
altered, or another store stands in the place of the one that was opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.store.core.models import Base

pytestmark = pytest.mark.slow

Server = Any
"""``Faulty`` of the conftest, which tests cannot import."""
Postgres = Any
"""The conftest's too."""
Wait = Callable[..., None]


@pytest.fixture
def url(fragile_postgres: Postgres) -> str:
    made: str = fragile_postgres.new_schema()
    return made


@pytest.fixture
def faulty(url: str, tmp_path: Path, running: Callable[..., Iterator[Server]]) -> Iterator[Server]:
    """The same server, on PostgreSQL; it would bear with a store that is away for longer than any
    test takes."""
    settings = {"DATABASE_URL": url, "STALE_AFTER": "600", "POLL_SECONDS": "0.3"}
    yield from running(tmp_path, **{f"LOOKALIKE_{name}": one for name, one in settings.items()})


@pytest.fixture
def execute(url: str) -> Callable[[str], None]:
    """Do something to the database behind the server's back."""
    import psycopg

    def one(statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())

    return one


def test_a_table_that_is_gone_is_noticed_by_the_next_poll(
    faulty: Server, execute: Callable[[str], None], until: Wait
) -> None:
    """Whichever it is: nobody waits until the store is stale, matches stand as they were, and once
    it is back all is well."""
    for table in sorted(Base.metadata.tables):
        execute(f"ALTER TABLE {table} RENAME TO away")
        until(lambda: faulty.checks()["store"] == "failing", 20)
        assert {answer["verdict"] for answer in faulty.law()} == {"block"}
        execute(f"ALTER TABLE away RENAME TO {table}")
        until(lambda: set(faulty.checks().values()) == {"sound"}, 20)
    with faulty.client() as client:
        client.post(
            "/v1/banks/known/entries", json={"signals": {"md5": "5f" * 16}}
        ).raise_for_status()
    execute("DROP TABLE entries CASCADE")
    until(lambda: faulty.checks()["store"] == "failing", 20)
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    assert "Traceback" not in faulty.stop()
    said = faulty.run("verify")
    assert said.returncode == 1
    assert "Traceback" not in said.stdout + said.stderr


def test_a_table_whose_file_cannot_be_read_is_noticed_by_the_next_poll(
    faulty: Server, fragile_postgres: Postgres, url: str, until: Wait
) -> None:
    """The catalogue still has it; only its pages are gone."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_relation_filepath('entries')").fetchone()
        assert row is not None
        connection.execute("CHECKPOINT")
    file = fragile_postgres.folder / "data" / str(row[0])
    away = file.with_suffix(".away")
    file.rename(away)
    try:
        # Those who have it open still read it: a connection made anew does not.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid != pg_backend_pid() AND application_name = 'lookalike'"
            )
        until(lambda: faulty.checks()["store"] == "failing", 20)
        assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    finally:
        away.rename(file)
    until(lambda: set(faulty.checks().values()) == {"sound"}, 20)


def test_altered_rows_are_named_and_left_out(
    faulty: Server, execute: Callable[[str], None]
) -> None:
    """As in SQLite: no answer claims to be whole, neither now nor after another start."""
    faulty.stop()
    execute("CREATE TABLE kept AS SELECT id, signals FROM entries")
    execute(
        "UPDATE entries SET signals = decode(md5(id::text) || md5('x' || id)"
        " || md5('y' || id) || md5('z' || id), 'hex')"
        " WHERE provider_id LIKE 'n%' AND provider_id != 'n0'"
    )
    faulty.forget_index()
    for _ in range(2):
        faulty.start()
        answers = faulty.law()
        assert [answer["verdict"] for answer in answers].count("none") == 59
        assert {one["coverage"] for one in answers if one["verdict"] == "none"} == {"none"}
        assert faulty.checks()["entries"] == "failing"
        faulty.stop()
    for command in ("verify", "doctor"):
        said = faulty.run(command)
        assert said.returncode == 1
        assert "59 entries of bank 'known' are not what was written" in " ".join(
            (said.stdout + said.stderr).split()
        )
    execute("UPDATE entries SET signals = kept.signals FROM kept WHERE kept.id = entries.id")
    execute("DROP TABLE kept")
    faulty.start()
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    assert set(faulty.checks().values()) == {"sound"}


def test_another_store_under_the_same_url(faulty: Server, until: Wait, tmp_path: Path) -> None:
    """A running server goes on answering from its index, and writes nothing; one that starts finds
    an index of another store and refuses by name, until that is moved away."""
    empty = faulty.folder.parent / "empty"
    own, other = tmp_path / "own", tmp_path / "other"
    assert faulty.run("backup", str(own)).returncode == 0
    elsewhere = faulty.on_sqlite(empty)
    assert elsewhere.run("init").returncode == 0
    assert elsewhere.run("backup", str(other)).returncode == 0
    assert faulty.run("restore", str(other), "--replace").returncode == 0
    until(lambda: faulty.checks()["store"] == "failing", 20)
    with faulty.client() as client:
        refused = client.post("/v1/banks/known/entries", json={"signals": {"md5": "5f" * 16}})
        assert (refused.status_code, refused.json()["code"]) == (503, "store_replaced")
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    faulty.stop()  # which saves its index, of the store that was
    for command in ("serve", "doctor"):
        said = faulty.run(command)
        assert said.returncode == 1
        assert "not the store that" in " ".join((said.stdout + said.stderr).split())
    assert faulty.run("restore", str(own), "--replace").returncode == 0
    faulty.start()
    assert {answer["verdict"] for answer in faulty.law()} == {"block"}
    assert set(faulty.checks().values()) == {"sound"}
