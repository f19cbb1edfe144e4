"""Many rows at once, as quick as the driver takes them: past SQLAlchemy, which looks at each value.

Values are those that the driver takes: bytes, texts and numbers, and moments as it read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table


def load(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add ``rows``, each the values of all columns of ``table``, within a writing transaction."""
    names = [column.name for column in table.columns]
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
        connection.exec_driver_sql(statement, list(rows))
        return
    raw: Any = connection.connection.driver_connection
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
