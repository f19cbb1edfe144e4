"""The connection to SQLite or PostgreSQL: how it is opened, and the kinds of transaction.

SQLite runs in WAL mode, where readers and the one writer do not wait for each other, and with
``synchronous=FULL``: what was acknowledged survives a power cut. Its files are 0600 in a folder
that is 0700, because listed hashes are sensitive. Every wait has an end (``deadlines``), and a
database that did not answer is not asked again for a while. It knows no table but the counter and
the commits.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,  # noqa: A004 (the pool's own, which is not the built-in one)
)
from sqlalchemy.pool import ConnectionPoolEntry

from service.domain.deadlines import Deadlines, Reach, patience
from service.domain.errors import (
    ServiceError,
    StorageFullError,
    StoreAwayError,
    StoreBusyError,
    StoreReplacedError,
    StoreUnusableError,
)
from service.store.core.faults import damaged, readable, unreachable
from service.store.core.files import Files
from service.store.core.models import CommitRow, CounterRow
from service.store.core.traces import DATABASE_FILE

log = logging.getLogger(__name__)

_ENDING: Final = "this process is ending: nothing was changed"


def sqlite_url(data_dir: Path) -> str:
    """The URL of the store that lives in a data folder."""
    return f"sqlite:///{data_dir / DATABASE_FILE}"


class Database:
    """An engine and its transactions; safe to use from several threads."""

    def __init__(self, url: str, deadlines: Deadlines = Deadlines()) -> None:  # noqa: B008 (frozen)
        """Prepare to open ``url``: ``sqlite:///PATH`` or ``postgresql://…``.

        Raises ``StoreUnusableError``.
        """
        self.deadlines = deadlines
        self.reach = Reach()
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
                pool_timeout=deadlines.lookup,
                hide_parameters=True,  # what a statement holds must not reach a log
            )
        except ValueError:  # of a port; what it says may be a part of the password
            raise StoreUnusableError("the database URL cannot be used: it has a bad port") from None
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreUnusableError(f"the database URL cannot be used: {error}") from error
        self.path = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
        """The SQLite file, if it is one."""
        self.name = str(self.path or parsed.set(drivername="postgresql").render_as_string())
        """For people: the file, or the URL with its password hidden."""
        if self.path is None:
            from service.store.core import postgres

            self.begin_write = ""
            postgres.prepare(self.engine, deadlines)
        else:
            self.begin_write = "BEGIN IMMEDIATE"
            _prepare_sqlite(self.engine, deadlines.busy)
        self._files: Files | None = None
        self._identity = ""
        self._interrupted = threading.Event()
        self._raw: dict[int, Any] = {}
        event.listen(self.engine, "connect", self._opened)
        event.listen(self.engine, "close", self._closed)
        event.listen(self.engine, "before_cursor_execute", self._refuse_if_interrupted)
        event.listen(self.engine, "after_cursor_execute", self._answered)

    def create_files(self) -> None:
        """Make the SQLite file, 0600, and its folder, 0700, where they are missing."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The -wal and -shm files take the mode of the database.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreUnusableError(f"cannot create {self.path}: {error.strerror}") from error
        self.tighten()

    def tighten(self) -> None:
        """Take the SQLite files from others who may read them, say because they were copied
        here."""
        if self.path is None:
            return
        for name in ("", "-wal", "-shm"):
            try:
                _tighten(self.path.with_name(self.path.name + name))
            except OSError as error:
                raise StoreUnusableError(f"cannot use {self.path}: {error.strerror}") from error

    @contextmanager
    def read(
        self, limit: float | None = None, probe: bool = False, pauses: bool = False
    ) -> Iterator[Connection]:
        """One consistent view of the store, however many statements look at it.

        ``limit``: seconds that each of them may take, where it is not ``Deadlines.statement``; in
        SQLite a statement has no such end. ``pauses``: there may be long ones between them.
        ``probe``: ask even a database that is away. Raises ``StoreAwayError`` and other
        ``StoreError``.
        """
        with self.connect(probe) as connection:
            if self.path is None:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin(), self.allowing(connection, limit, pauses):
                if pauses:  # the caller does other things meanwhile, whose errors are its own
                    yield connection
                    return
                with readable():
                    yield connection

    @contextmanager
    def write(self, actor: str, limit: float | None = None) -> Iterator[tuple[Connection, int]]:
        """A transaction that is alone in writing, and the sequence of what it changes.

        ``actor``: who changes it. ``limit`` and errors as for ``read``; also raises
        ``StoreBusyError``.
        """
        with (
            self.connect() as connection,
            self.writing(connection, actor, limit) as number,
            readable(),
        ):
            yield connection, number

    @contextmanager
    def writing(
        self, connection: Connection, actor: str, limit: float | None = None
    ) -> Iterator[int]:
        """The same on a connection that the caller holds, say for its temporary tables."""
        with self.altering(connection, limit):
            # Taking the row first makes writers queue here, so that sequences commit in order.
            sequence = self._counted(connection, limit)
            mark = secrets.token_hex(16)
            now = datetime.now(UTC)
            said = {"sequence": sequence, "mark": mark, "committed_at": now, "actor": actor[:64]}
            connection.execute(insert(CommitRow).values(**said))
            yield sequence

    @contextmanager
    def altering(self, connection: Connection, limit: float | None = None) -> Iterator[None]:
        """A writing transaction on a connection that the caller holds, without a sequence: for what
        no replica follows."""
        connection.execution_options(lookalike_begin=self.begin_write)
        committing = False
        try:
            with connection.begin(), self.allowing(connection, limit):
                if self.path is None:
                    from service.store.core import postgres

                    postgres.wait_for_locks(connection, patience(self.deadlines.busy))
                yield
                committing = True
            self._check_files()  # what went into a file that is gone must not be acknowledged
        except OperationalError as error:
            if committing and error.connection_invalidated:
                self.reach.lost("it did not answer a commit")
                raise StoreAwayError(
                    "the database did not answer a commit: look whether the change was made"
                ) from None
            raise
        finally:
            connection.execution_options(lookalike_begin="")

    @contextmanager
    def connect(self, probe: bool = False) -> Iterator[Connection]:
        """A connection without a transaction, its errors named."""
        if not probe and (away := self.reach.admitted()):
            raise StoreAwayError(f"the database is away: {away}")
        self._check_files()
        with self._named_errors(), self.engine.connect() as connection:
            yield connection

    def pin(self) -> None:
        """From now on refuse everything, should SQLite's files be moved or replaced, and every
        write, should another store be in the place of this one. Raises ``StoreError``."""
        with self._named_errors(), self.engine.connect() as connection:
            self._identity = identity_of(connection)
        if self.path is not None:
            try:
                self._files = Files(self.path)
            except sqlite3.Error as error:
                raise StoreUnusableError(f"the database cannot be used: {error}") from None

    @contextmanager
    def allowing(
        self, connection: Connection, limit: float | None, pauses: bool = False
    ) -> Iterator[None]:
        """Within a transaction that the caller began, ``limit`` and ``pauses`` as for ``read``;
        whoever may take longer may pause as well."""
        if self.path is not None or (limit is None and not pauses):
            yield
            return
        from service.store.core import postgres

        seconds = self.deadlines.statement if limit is None else limit
        longer = seconds > self.deadlines.statement
        if longer:
            postgres.allow_statements(connection, seconds)
        if longer or pauses:
            postgres.allow_pauses(connection, self.deadlines.bulk)
        with postgres.limited(connection, seconds):
            yield

    def lock(self, connection: Connection) -> None:
        """Within ``altering``: wait until no other writer is under way, and keep them out."""
        if self.path is None:  # in SQLite the transaction itself did
            connection.execute(update(CounterRow).values(value=CounterRow.value))
        self._refuse_another(connection)

    def interrupt(self) -> None:
        """End every statement that runs, in whichever thread, and begin no more: before the end."""
        self._interrupted.set()
        for raw in list(self._raw.values()):
            try:
                raw.interrupt() if self.path is not None else raw.cut()
            except sqlite3.ProgrammingError:  # it is closed
                continue

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        if self._files is not None:
            self._files.close()

    def _check_files(self) -> None:
        if self._files is not None:
            self._files.check()

    def _refuse_another(self, connection: Connection) -> None:
        """Within a writing transaction that keeps others out: raise if the store is not the one
        that was opened, say because the backup of another one was restored."""
        if self._identity and identity_of(connection) != self._identity:
            raise StoreReplacedError(
                f"{self.name} holds another store than the one that was opened, so nothing is"
                " written; bring that one back, or restart to use what is there now"
            )

    def _counted(self, connection: Connection, limit: float | None) -> int:
        """The next sequence, once every other writer is done."""
        usual = self.deadlines.statement if limit is None else limit
        waits = patience(self.deadlines.busy)
        add_one = (
            update(CounterRow)
            .where(CounterRow.id == 1)
            .values(value=CounterRow.value + 1)
            .returning(CounterRow.value)
        )
        with self.allowing(connection, waits if waits > usual else None):
            number = connection.execute(add_one).scalar()
            if number is None:  # PostgreSQL: a restore, for which we waited, put another row there
                number = connection.execute(add_one).scalar()
        if number is None:
            raise damaged("the counter of changes is missing")
        self._refuse_another(connection)
        if self.path is None and waits > usual:
            from service.store.core import postgres

            postgres.allow_statements(connection, usual)
        return number

    def _opened(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        self._raw[id(connection)] = connection

    def _closed(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        self._raw.pop(id(connection), None)

    def _refuse_if_interrupted(self, *arguments: object) -> None:
        del arguments
        if self._interrupted.is_set():
            raise StoreAwayError(_ENDING)

    def _answered(self, *arguments: object) -> None:
        del arguments
        self.reach.answered()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Turn the driver's errors, whose text can hold the values of a statement, into ours."""
        try:
            yield
        except TimeoutError:
            raise StoreBusyError("every connection to the store is in use; try again") from None
        except OperationalError as error:
            raise self._named(error) from None
        except DatabaseError as error:
            said = str(error.orig) or "it does not say why"
            if "not a database" in said:
                raise StoreUnusableError("the file is not an SQLite database") from None
            raise damaged(said.splitlines()[0]) from None
        except UnicodeDecodeError:  # of what SQLite says: it quotes what it cannot read
            raise damaged("it cannot be read") from None
        except SQLAlchemyError as error:
            raise StoreUnusableError(
                f"the database cannot be used: {type(error).__name__}"
            ) from None

    def _named(self, error: OperationalError) -> ServiceError:
        said = str(error.orig) or "it does not say why"
        if self._interrupted.is_set():
            return StoreAwayError(_ENDING)
        if self.path is None and unreachable(error):
            # The whole text names the host, which a client of ours must not see.
            reason = said.splitlines()[0].rsplit(": ", 1)[-1]
            log.debug("the database is away: %s", said)
            self.reach.lost(reason)
            return StoreAwayError(f"the database cannot be reached: {reason}")
        if "is full" in said or "No space left" in said:
            return StorageFullError("the disk is full: nothing was changed")
        if "statement timeout" in said:
            return StoreBusyError("the database took too long for this; try again")
        if "locked" in said or "busy" in said or "lock timeout" in said:
            return StoreBusyError("another writer holds the store; try again")
        if "disk I/O" in said or "no such table" in said or "decode to UTF-8" in said:
            # The rest of what is said of a text is that text.
            return damaged(said.splitlines()[0].partition(" with text ")[0])
        return StoreUnusableError(f"the database cannot be used: {said.splitlines()[0]}")


def identity_of(connection: Connection) -> str:
    """The store's name, which is the mark of its first commit; empty where that is gone."""
    query = select(CommitRow.mark).where(CommitRow.sequence == 0)
    return connection.execute(query).scalar() or ""


def _tighten(path: Path) -> None:
    if path.exists() and path.stat().st_mode & 0o077:
        log.warning("%s could be read by others; it is listed hashes, so no longer", path.name)
        path.chmod(0o600)


def _prepare_sqlite(engine: Engine, busy_timeout: float) -> None:
    def be_patient(connection: object) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.execute(f"PRAGMA busy_timeout = {round(patience(busy_timeout) * 1000)}")

    def on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        assert isinstance(connection, sqlite3.Connection)
        # The driver's own BEGIN comes late and is never IMMEDIATE: take transactions over.
        connection.isolation_level = None
        be_patient(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is purged is overwritten, not only forgotten; not so in temporary tables.
        connection.execute("PRAGMA main.secure_delete = ON")

    def on_begin(connection: Connection) -> None:
        be_patient(connection.connection.driver_connection)
        # A read that became a write half way could fail at once with "busy": writers say so first.
        statement: Any = connection.get_execution_options().get("lookalike_begin") or "BEGIN"
        connection.exec_driver_sql(statement)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
