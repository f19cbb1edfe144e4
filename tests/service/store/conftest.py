"""The store's tests run on SQLite and, where a server can be started, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.store import Store, open_store
from service.store.core.database import Database, sqlite_url


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
