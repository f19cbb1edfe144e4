"""Seals: a hash over all of a row, by which it is told whether it is still what was written.

Rows of banks, lists, versions and keys carry one; entries, of which there are many, have their own
(``entries.rows``). A seal is no signature: it tells of failing disks and careless hands, and
nothing of whoever could have written it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import xxhash
from sqlalchemy import ColumnElement, Connection, Row, insert, inspect, select, update

from service.store.core.models import (
    BankRow,
    Base,
    ExchangeRow,
    KeyRow,
    ListRow,
    PinRow,
    VersionRow,
)

Sealed = (
    type[BankRow]
    | type[ExchangeRow]
    | type[KeyRow]
    | type[ListRow]
    | type[PinRow]
    | type[VersionRow]
)

SEALED: Final[tuple[Sealed, ...]] = (
    BankRow,
    ListRow,
    VersionRow,
    KeyRow,
    PinRow,
    ExchangeRow,
)
"""The tables whose rows carry a seal over all other columns."""


def columns_of(table: Sealed) -> tuple[Any, ...]:
    """All columns, the seal among them: what ``is_whole`` reads."""
    return tuple(table.__table__.columns)


def is_whole(table: Sealed, row: Row[*tuple[Any, ...]]) -> bool:
    """Whether a row that holds ``columns_of(table)`` is what was written."""
    return bool(row.seal == seal(table, row._mapping))


def seal(table: Sealed, values: Mapping[Any, Any]) -> bytes:
    """The seal of a row, 16 bytes."""
    names = [column.name for column in table.__table__.columns if column.name != "seal"]
    parts = [table.__tablename__.encode(), *[_told(values.get(name)) for name in names]]
    # Lengths keep two different rows from running into the same bytes.
    return xxhash.xxh3_128_digest(b"".join(b"%d:%b" % (len(part), part) for part in parts))


def insert_sealed(connection: Connection, table: Sealed, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 (a key of any table)
    """Add a row within a writing transaction; its primary key."""
    key = _key(table)
    number = connection.execute(
        insert(table).values(**values, seal=b"").returning(key)
    ).scalar_one()
    _reseal(connection, table, key == number)
    return number


def update_sealed(
    connection: Connection, table: Sealed, which: ColumnElement[bool], values: Mapping[str, Any]
) -> None:
    """Change rows within a writing transaction. One that is not what was written stays so: a new
    seal would launder it."""
    whole = [
        next(iter(row))
        for row in connection.execute(select(*columns_of(table)).where(which))
        if is_whole(table, row)
    ]
    connection.execute(update(table).where(which).values(**values))
    key = _key(table)
    _reseal(connection, table, key.in_(whole))


def _reseal(connection: Connection, table: Sealed, which: ColumnElement[bool]) -> None:
    key = _key(table)
    # Of what the database holds and not of what it was given: it may keep less, say of a time.
    for row in connection.execute(select(*columns_of(table)).where(which)).all():
        connection.execute(
            update(table).where(key == row._mapping[key]).values(seal=seal(table, row._mapping))
        )


def _key(table: type[Base]) -> ColumnElement[Any]:
    """The one column of its primary key."""
    key: ColumnElement[Any] = inspect(table).primary_key[0]
    return key


def _told(value: object) -> bytes:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return b"t" + moment.isoformat(timespec="microseconds").encode()
    if isinstance(value, bytes | memoryview):
        return b"b" + bytes(value)
    if isinstance(value, str):
        return b"s" + value.encode(errors="surrogatepass")
    return repr(value).encode()
