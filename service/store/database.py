"""The connection to SQLite or PostgreSQL: how it is opened, and the two kinds of transaction.

SQLite runs in WAL mode, where readers and the one writer do not wait for each other, and with
``synchronous=FULL``: what was acknowledged survives a power cut. Its files are 0600 in a folder
that is 0700, because listed hashes are sensitive. It knows no table but the counter and
the commits.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    NoSuchModuleError,
    OperationalError,
    TimeoutError,  # noqa: A004 (the pool's own, which is not the built-in one)
)
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import StorageFullError, StoreBusyError, StoreUnusableError
from service.store.models import CommitRow, CounterRow

log = logging.getLogger(__name__)

DATABASE_FILE: Final = "lookalike.db"


def sqlite_url(data_dir: Path) -> str:
    """The URL of the store that lives in a data folder."""
    return f"sqlite:///{data_dir / DATABASE_FILE}"


class Database:
    """An engine and its transactions; safe to use from several threads."""

    def __init__(self, url: str, busy_timeout: float = 10.0) -> None:
        """Prepare to open ``url``; a writer waits ``busy_timeout`` seconds for another.

        Accepts ``sqlite:///PATH`` and ``postgresql://…``. Raises ``StoreUnusableError``.
        """
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            elif parsed.get_backend_name() != "sqlite" or not parsed.database:
                raise StoreUnusableError(
                    "the store must be sqlite:///PATH or postgresql://HOST/NAME"
                )
            # A query holds a connection for a lookup by primary key; a handful serves many threads.
            self.engine: Engine = create_engine(
                parsed,
                pool_size=8,
                max_overflow=16,
                hide_parameters=True,  # what a statement holds must not reach a log
            )
        except ValueError:  # of a port; what it says may be a part of the password
            raise StoreUnusableError("the database URL cannot be used: it has a bad port") from None
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreUnusableError(f"the database URL cannot be used: {error}") from error
        self.path = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
        """The SQLite file, if it is one."""
        if self.path is None:
            self.begin_write = ""
            _prepare_postgres(self.engine, busy_timeout)
        else:
            self.begin_write = "BEGIN IMMEDIATE"
            _prepare_sqlite(self.engine, busy_timeout)

    def create_files(self) -> None:
        """Make the SQLite file, 0600, and its folder, 0700, where they are missing.

        A file that others may read, say one that was copied here, is theirs no more.
        """
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The -wal and -shm files take the mode of the database.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            for name in ("", "-wal", "-shm"):
                _tighten(self.path.with_name(self.path.name + name))
        except OSError as error:
            raise StoreUnusableError(f"cannot create {self.path}: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the store, however many statements look at it."""
        with _named_errors(), self.engine.connect() as connection:
            if self.path is None:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[tuple[Connection, int]]:
        """A transaction that is alone in writing, and the sequence of what it changes."""
        with (
            _named_errors(),
            self.engine.connect() as connection,
            self.writing(connection) as number,
        ):
            yield connection, number

    @contextmanager
    def writing(self, connection: Connection) -> Iterator[int]:
        """The same on a connection that the caller holds, say for its temporary tables."""
        connection.execution_options(lookalike_begin=self.begin_write)
        try:
            with connection.begin():
                # Taking the row first makes writers queue here, so that sequences commit in order.
                sequence = connection.execute(
                    update(CounterRow)
                    .where(CounterRow.id == 1)
                    .values(value=CounterRow.value + 1)
                    .returning(CounterRow.value)
                ).scalar_one()
                mark = secrets.token_hex(16)
                connection.execute(insert(CommitRow).values(sequence=sequence, mark=mark))
                yield sequence
        finally:
            connection.execution_options(lookalike_begin="")

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection without a transaction, its errors named."""
        with _named_errors(), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _tighten(path: Path) -> None:
    if path.exists() and path.stat().st_mode & 0o077:
        log.warning("%s could be read by others; it is listed hashes, so no longer", path.name)
        path.chmod(0o600)


def _prepare_sqlite(engine: Engine, busy_timeout: float) -> None:
    def on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        assert isinstance(connection, sqlite3.Connection)
        # The driver's own BEGIN comes late and is never IMMEDIATE: take transactions over.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    def on_begin(connection: Connection) -> None:
        # A read that became a write half way could fail at once with "busy": writers say so first.
        statement: Any = connection.get_execution_options().get("lookalike_begin") or "BEGIN"
        connection.exec_driver_sql(statement)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def _prepare_postgres(engine: Engine, busy_timeout: float) -> None:
    def on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(busy_timeout * 1000)}")
        cursor.close()
        connection.commit()

    event.listen(engine, "connect", on_connect)


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn the driver's errors, whose text can hold the values of a statement, into ours."""
    try:
        yield
    except TimeoutError:
        raise StoreBusyError("every connection to the store is in use; try again") from None
    except OperationalError as error:
        said = str(error.orig) or "it does not say why"
        if "is full" in said or "No space left" in said:
            raise StorageFullError("the disk is full: nothing was changed") from None
        if "locked" in said or "busy" in said or "lock timeout" in said:
            raise StoreBusyError("another writer holds the store; try again") from None
        raise StoreUnusableError(f"the database cannot be used: {said.splitlines()[0]}") from None
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise StoreUnusableError("the file is not an SQLite database") from None
        raise
