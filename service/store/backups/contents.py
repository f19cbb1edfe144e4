"""All that a store holds, copied from one database to another, table by table.

SQLite and PostgreSQL hold the same tables, so a copy is rows read and rows written. It is read back
and compared before it counts: what was written must be what was read, whichever driver, type or
encoding lies between. It knows no files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    MetaData,
    Table,
    delete,
    func,
    insert,
    not_,
    select,
    text,
)

from service.domain.errors import BackupDamagedError
from service.store.core.models import Base, CommitRow, CounterRow, EntryRow, LeaseRow, UtcTime
from service.store.entries.rows import REMOVED

_BATCH: Final = 2000

_PASSED: Final = frozenset(
    {LeaseRow.__tablename__, "alembic_version", "entries_0005", "conversion_0005"}
)
"""Tables that are not copied: who does what just now, and what a migration left that was
interrupted, are nothing to keep."""


@dataclass(frozen=True)
class StoreContents:
    """What a store holds, in numbers."""

    identity: str
    """The store's name; every backup of it has the same."""
    sequence: int
    """Of the newest commit."""
    mark: str
    """Of the newest commit."""
    counts: dict[str, int]
    """Table name to rows; ``entries`` counts those in force or disabled, ``tombstones`` those that
    are gone."""


def contents(connection: Connection) -> StoreContents:
    """What the store on ``connection`` holds."""
    there = {table.name: _count(connection, table) for table in _tables(connection)}
    entries = next(t for t in _tables(connection) if t.name == EntryRow.__tablename__)
    gone = entries.c.deleted.is_(True) if "deleted" in entries.c else entries.c.state == REMOVED
    live = connection.execute(
        select(func.count()).select_from(entries).where(not_(gone))
    ).scalar_one()
    there["tombstones"] = there["entries"] - live
    there["entries"] = live
    sequence = connection.execute(select(CounterRow.value)).scalar_one()
    marks: dict[int, str] = {}
    if "commits" in there:
        rows = connection.execute(
            select(CommitRow.sequence, CommitRow.mark).where(CommitRow.sequence.in_((0, sequence)))
        )
        marks = {row.sequence: row.mark for row in rows}
    return StoreContents(marks.get(0, ""), sequence, marks.get(sequence, ""), there)


def copy(source: Connection, target: Connection) -> None:
    """Make ``target``, which has the same layout, hold what ``source`` does and nothing else.

    Both are within the caller's transactions. Raises ``BackupDamagedError`` where what can be read
    back is something else.
    """
    tables = _tables(source)
    for table in reversed(tables):
        # Not TRUNCATE: whoever reads an older view of PostgreSQL would find the table empty.
        target.execute(delete(table))
    for table in tables:
        columns = list(table.columns)
        read = hashlib.blake2b(digest_size=16)
        for rows in _batches(source, table, columns):
            read.update(repr(rows).encode())
            names = [column.key for column in columns]
            target.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        back = hashlib.blake2b(digest_size=16)
        for rows in _batches(target, table, columns):
            back.update(repr(rows).encode())
        if read.digest() != back.digest():
            raise BackupDamagedError(f"what was written to {table.name} is not what was read")
        if highest := _highest_given(source, table):
            _never_again(target, table, highest)


def _tables(connection: Connection) -> list[Table]:
    """The tables that are there, each after those it refers to. An older layout, which is backed up
    before it is migrated, has others than the models say, or other columns: those as they are."""
    there = MetaData()
    there.reflect(connection, only=lambda name, _: name not in _PASSED)
    if {name: _names(table) for name, table in there.tables.items()} == {
        name: _names(table) for name, table in Base.metadata.tables.items() if name not in _PASSED
    }:
        return [table for table in Base.metadata.sorted_tables if table.name not in _PASSED]
    for table in there.tables.values():
        for column in table.columns:
            if isinstance(column.type, DateTime):
                column.type = UtcTime()
    return there.sorted_tables


def _names(table: Table) -> set[str]:
    return {column.name for column in table.columns}


def _batches(
    connection: Connection, table: Table, columns: Sequence[Column[Any]]
) -> Iterator[list[tuple[Any, ...]]]:
    query = select(*columns).order_by(*table.primary_key.columns)
    with connection.execute(query, execution_options={"yield_per": _BATCH}) as result:
        for rows in result.partitions():
            yield [tuple(row) for row in rows]


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _highest_given(connection: Connection, table: Table) -> int:
    """The highest id that a row of ``table`` ever had, gone or not; 0 where nobody counts."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        counted = connection.execute(query, {"name": table.name}).scalar() or 0
        keys = list(table.primary_key.columns)
        if (
            not counted
            and len(keys) == 1
            and keys[0].name == "id"
            and keys[0].type.python_type is int
        ):
            counted = connection.execute(select(func.max(keys[0]))).scalar() or 0
        return int(counted)
    if (name := _sequence_name(connection, table)) is None:
        return 0
    row = connection.execute(text(f"SELECT last_value, is_called FROM {name}")).one()  # noqa: S608
    return int(row.last_value) if row.is_called else 0


def _never_again(connection: Connection, table: Table, highest: int) -> None:
    """See that no row of ``table`` gets an id up to ``highest``: an id is never given twice."""
    if connection.dialect.name != "sqlite":
        if (name := _sequence_name(connection, table)) is not None:
            connection.execute(
                text("SELECT setval(:name, :value)"), {"name": name, "value": highest}
            )
    elif _counts(connection, table):
        named = {"name": table.name, "seq": highest}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), named)
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :seq)"), named)


def _counts(connection: Connection, table: Table) -> bool:
    query = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    return "AUTOINCREMENT" in (connection.execute(query, {"name": table.name}).scalar() or "")


def _sequence_name(connection: Connection, table: Table) -> str | None:
    if "id" not in table.columns:
        return None
    query = text("SELECT pg_get_serial_sequence(:name, 'id')")
    return connection.execute(query, {"name": table.name}).scalar()
