"""Tombstones and commits that are older than anybody needs are deleted for good.

A replica learns of a removal from its tombstone, so one that comes back after the tombstone was
purged could answer from what is gone. Therefore the store first writes down up to which sequence it
is purged; from then on it holds no earlier commit (``changes.View.holds``), and an index that is
older is built anew instead of brought forward. Then the rows go, a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import sleep
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    inspect,
    select,
    tuple_,
    update,
)

from service.store.core.database import Database
from service.store.core.faults import driver_errors
from service.store.core.models import Base, CommitRow, CounterRow, EarlierRow, EntryRow
from service.store.entries.rows import REMOVED

_SOME: Final = 5000
"""Rows that one transaction deletes."""

_PAUSE: Final = 0.15
"""Seconds between two of them: SQLite's waiting writers try again every 0.1."""


@dataclass(frozen=True)
class Purged:
    """What was deleted, or in a dry run would be."""

    tombstones: int
    earlier: int
    """Earlier states of entries."""
    commits: int
    sequence: int
    """Up to which the store is purged."""


def purge(
    database: Database,
    before: datetime,
    dry_run: bool = False,
    pause: Callable[[float], object] = sleep,
) -> Purged:
    """Delete tombstones and commits that were made before the moment ``before``.

    The newest commit stays, and the store's name. ``pause`` is called between transactions, and may
    raise to give up: the next call does the rest. Raises ``StoreError``.
    """
    bulk = database.deadlines.bulk
    with database.read(bulk) as connection:
        there = connection.execute(select(CounterRow.purged)).scalar_one()
        sequence = max(there, _last_before(connection, before))
        counts = [
            connection.execute(select(func.count()).where(condition)).scalar_one()
            for condition in (_tombstones(sequence), _earlier(sequence), _commits(sequence))
        ]
    purged = Purged(counts[0], counts[1], counts[2], sequence)
    if dry_run or not any(counts):
        return purged
    with database.connect() as connection, database.altering(connection):
        database.lock(connection)
        connection.execute(
            update(CounterRow).where(CounterRow.purged < sequence).values(purged=sequence)
        )
    # Earlier states last of all: until its tombstone is gone, they say what an entry was.
    for table, condition in (
        (EntryRow, _tombstones(sequence)),
        (CommitRow, _commits(sequence)),
        (EarlierRow, _earlier(sequence)),
    ):
        while _delete_some(database, table, condition, bulk):
            pause(_PAUSE)
    if database.path is not None:
        # What was deleted is still in SQLite's log, until that begins anew.
        _empty_log(database)
    return purged


def _last_before(connection: Connection, before: datetime) -> int:
    """The last commit such that it, and all before it, were made before ``before``."""
    # A clock that was once far ahead must not keep everything since.
    young = CommitRow.committed_at.between(before, max(before, datetime.now(UTC)))
    first = connection.execute(
        select(func.min(CommitRow.sequence)).where(young, CommitRow.sequence > 0)
    ).scalar()
    if first is not None:
        return max(0, first - 1)
    return connection.execute(select(CounterRow.value)).scalar_one()


def _tombstones(sequence: int) -> ColumnElement[bool]:
    return and_(EntryRow.state == REMOVED, EntryRow.sequence <= sequence)


def _earlier(sequence: int) -> ColumnElement[bool]:
    return EarlierRow.until <= sequence


def _commits(sequence: int) -> ColumnElement[bool]:
    # 0 names the store; whoever is at ``sequence`` itself has missed nothing.
    return and_(CommitRow.sequence > 0, CommitRow.sequence < sequence)


def _delete_some(
    database: Database,
    table: type[Base],
    condition: ColumnElement[bool],
    limit: float,
) -> bool:
    """Delete a few rows; whether there may be more."""
    with database.connect() as connection, database.altering(connection, limit):
        database.lock(connection)
        keys = inspect(table).primary_key
        some = select(*keys).where(condition).order_by(*keys).limit(_SOME)
        gone = connection.execute(delete(table).where(tuple_(*keys).in_(some))).rowcount
        return bool(gone == _SOME)


def _empty_log(database: Database) -> None:
    with database.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        with driver_errors():
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
