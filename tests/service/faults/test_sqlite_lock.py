"""Another process holds SQLite's write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.domain.deadlines import patience, writing_begins_within
from service.domain.errors import StoreBusyError
from service.store import Store, open_store

pytestmark = pytest.mark.slow


@contextmanager
def locked(path: Path) -> Iterator[None]:
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


def listed(number: int) -> dict[str, Any]:
    return {"signals": {"sha256": number.to_bytes(32, "big").hex()}}


def test_what_was_waited_for_a_thread_is_not_waited_again(store: Store, tmp_path: Path) -> None:
    """A write whose time went by in a queue fails at once, and only where somebody else writes."""
    with writing_begins_within(0):
        assert patience(10) == 0
        store.banks.create("a")
        with locked(tmp_path / "data" / "lookalike.db"), pytest.raises(StoreBusyError):
            store.banks.create("b")
    assert patience(10) == 10
    with writing_begins_within(1000):
        assert patience(10) == 10


def test_many_writers_hear_so_and_matches_are_answered(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    """However many write at once, each has its one turn of waiting; whole matches are answered."""
    served = serve(busy_timeout=0.5)
    with served.client() as client, ThreadPoolExecutor(24) as many:
        client.post("/v1/banks", json={"name": "a"}).raise_for_status()
        client.post("/v1/banks/a/entries", json=listed(0)).raise_for_status()

        def write(number: int) -> httpx.Response:
            answer: httpx.Response = client.post("/v1/banks/a/entries", json=listed(number))
            return answer

        with locked(tmp_path / "data" / "lookalike.db"):
            for answer in many.map(write, range(1, 25)):
                assert (answer.status_code, answer.json()["code"]) == (503, "store_busy")
            match = client.post("/v1/match", json=listed(0)).json()
            assert (match["verdict"], match["truncated"]) == ("block", False)
        assert write(100).status_code == 201
    with open_again(tmp_path) as store:
        assert store.entries.count("a") == 2


@contextmanager
def open_again(folder: Path) -> Iterator[Store]:
    opened = open_store(folder / "data", create=False)
    try:
        yield opened
    finally:
        opened.close()
