"""What takes long is ended in a request, not in bulk work; what hangs is not asked twice."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import pytest

from service.domain.deadlines import Deadlines, Reach
from service.domain.errors import StoreAwayError, StoreBusyError
from service.domain.signals import Signals
from service.replica.lookups import Lookups
from service.store import ImportRow, ImportTarget, NewEntry, Store, open_store
from service.store.core.database import Database

SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$;
CREATE TRIGGER slow AFTER INSERT ON entries FOR EACH STATEMENT EXECUTE FUNCTION slow()
"""


class Server(Protocol):
    def new_schema(self, host: str | None = None) -> str: ...


def signals(n: int) -> Signals:
    return Signals.of(sha256=n.to_bytes(32, "big"))


def test_a_slow_statement_ends_a_request_and_not_an_import(
    postgres: Server, tmp_path: Path
) -> None:
    """Nothing of the request is changed, and its connection serves the next one."""
    deadlines = Deadlines(statement=0.3, bulk=60)
    store = open_store(tmp_path, postgres.new_schema(), deadlines=deadlines)
    store.banks.create("a")
    with store._database.connect() as connection, connection.begin():
        connection.exec_driver_sql(SLOW)
    with pytest.raises(StoreBusyError, match="too long"):
        store.entries.add("a", NewEntry(signals(1)))
    assert store.sequence() == 1
    rows = [ImportRow(n, signals(n)) for n in range(3)]
    assert store.apply_import(ImportTarget("a"), rows).added == 3
    store.close()


def test_a_lock_is_waited_for_as_long_as_writers_wait(postgres: Server, tmp_path: Path) -> None:
    """Even where that is longer than a statement may take, and shorter too."""
    url = postgres.new_schema()
    patient = open_store(tmp_path, url, deadlines=Deadlines(statement=0.2, busy=60))
    hasty = open_store(tmp_path, url, deadlines=Deadlines(busy=0.1))
    waiting = threading.Thread(target=patient.banks.create, args=("a",))
    with hasty._database.connect() as other, hasty._database.writing(other, "test"):
        waiting.start()
        for _ in range(3):
            with pytest.raises(StoreBusyError):
                hasty.banks.create("b")
        assert waiting.is_alive()
    waiting.join()
    assert [bank.name for bank in hasty.banks.all()] == ["a"]
    patient.close()
    hasty.close()


def test_while_it_is_away_only_one_asks() -> None:
    """After a time somebody may; any answer ends it."""
    now = [0.0]
    reach = Reach(lambda: now[0])
    assert (reach.away, reach.admitted()) == ("", "")
    reach.lost("gone")
    assert (reach.away, reach.admitted()) == ("gone", "gone")
    now[0] = 10
    assert [reach.admitted() for _ in range(3)] == ["", "gone", "gone"]
    reach.answered()
    assert [reach.admitted() for _ in range(3)] == ["", "", ""]


def test_a_look_up_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever asked, whatever the thread that reads does; the next does not even ask."""
    store = open_store(tmp_path)
    store.banks.create("a")
    number = store.entries.add("a", NewEntry(signals(1))).id
    lookups = Lookups(store, timeout=0.2)
    assert list(lookups.entries([number])) == [number]
    hung, asked = threading.Event(), []

    def hang(ids: object) -> dict[int, object]:
        asked.append(ids)
        hung.wait()
        return {}

    with monkeypatch.context() as fault:
        fault.setattr(store.entries, "by_ids", hang)
        for _ in range(20):
            with pytest.raises(StoreAwayError):
                lookups.entries([number])
        assert len(asked) == 1
        hung.set()
    store.sequence()
    assert list(lookups.entries([number])) == [number]
    lookups.close()
    store.close()


def test_at_the_end_what_runs_is_ended_and_nothing_begins(tmp_path: Path) -> None:
    """A statement under way in another thread, and the import that it is part of."""
    store = open_store(tmp_path)
    store.banks.create("a")
    database: Database = store._database
    failed: list[BaseException] = []
    running = threading.Event()

    def run() -> None:
        try:
            with database.connect() as connection:
                raw = connection.connection.driver_connection
                assert raw is not None
                raw.create_function("began", 0, running.set)
                connection.exec_driver_sql(
                    "WITH RECURSIVE n(i) AS (SELECT began() UNION ALL SELECT 1 FROM n)"
                    " SELECT count(*) FROM n"
                )
        except StoreAwayError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert running.wait(60)
    store.interrupt()
    thread.join()
    assert len(failed) == 1
    with pytest.raises(StoreAwayError, match="ending"):
        store.banks.create("b")
    store.close()
    again: Store = open_store(tmp_path)
    assert [bank.name for bank in again.banks.all()] == ["a"]
    again.close()
