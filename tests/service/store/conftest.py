"""The store's tests run on SQLite and, where a server can be started, on PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from service.store import Store, open_store
from service.store.database import Database, sqlite_url


@dataclass(frozen=True)
class Postgres:
    """A server that this test session started, reached by a socket in ``folder``."""

    folder: Path
    numbers: Iterator[int]

    def new_schema(self) -> str:
        """The URL of a namespace of its own, which is quicker to have than a database."""
        import psycopg

        name, server = f"store_{next(self.numbers)}", f"host={self.folder} user=postgres"
        with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        options = f"host={self.folder}&options=-csearch_path%3D{name}"
        return f"postgresql://postgres@/postgres?{options}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of our own, without TCP and without syncing to disk."""
    programs = _programs()
    # The server refuses to run as root; Debian's package makes this user.
    root = os.geteuid() == 0
    user = "postgres" if root else None
    if root and "postgres" not in {one.pw_name for one in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    if root:
        shutil.chown(folder, "postgres")
    data, options = folder / "data", f"-c listen_addresses= -c fsync=off -k {folder}"
    try:
        for command in (
            f"initdb -D {data} -U postgres -A trust --no-sync",
            f"pg_ctl -D {data} -w -l {folder}/log -o '{options}' start",
        ):
            _run(f"{programs}/{command}", user)
        yield Postgres(folder, count())
    finally:
        if (data / "postmaster.pid").exists():
            _run(f"{programs}/pg_ctl -D {data} -m immediate stop", user)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the test's store, each time over connections of its own."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_schema()
    opened: list[Store] = []

    def open_again() -> Store:
        opened.append(open_store(tmp_path / "data", url))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def reopen_at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Opens the test's database, in which there is no store yet."""
    url = sqlite_url(tmp_path / "data")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_schema()
    opened: list[Database] = []

    def open_again() -> Database:
        opened.append(Database(url))
        opened[-1].create_files()
        return opened[-1]

    yield open_again
    for database in opened:
        database.close()


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    """An empty store."""
    return reopen()


def _run(command: str, user: str | None) -> None:
    subprocess.run(shlex.split(command), check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


def _programs() -> Path:
    """Where PostgreSQL's programs are; skips the test where they are not."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    if debian:
        return debian[-1].parent
    if found:
        return Path(found).resolve().parent
    pytest.skip("no initdb: install Debian's package postgresql to test on it")
