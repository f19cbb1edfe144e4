"""A backup is made while others read and write: one consistent view of the store, as a folder.

SQLite writes the view itself; of PostgreSQL every row is read in one transaction and written to an
SQLite file, so that a backup needs no program of PostgreSQL's and can be restored to either. The
folder gets its name last: what bears the name is whole. See ``manifest`` for what is in it.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from service.domain.errors import (
    BackupDamagedError,
    BackupError,
    StorageFullError,
    StoreMissingError,
)
from service.store.backups import manifest
from service.store.backups.contents import StoreContents, contents, copy
from service.store.backups.manifest import BackupManifest
from service.store.core import schema
from service.store.core.database import Database, sqlite_url
from service.store.core.faults import driver_errors

_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY


def make_backup(database: Database, folder: Path) -> BackupManifest:
    """Write what ``database`` holds to ``folder``, which must not be there.

    A store of an older layout is backed up as it is. Raises ``BackupError``, of which nothing is
    left behind, ``StoreMissingError``, ``StorageFullError`` and other ``StoreError``.
    """
    if folder.exists() or folder.is_symlink():
        raise BackupError(f"{folder} is there already: a backup replaces nothing")
    if not (layout := schema.current_revision(database)):
        raise StoreMissingError("the database holds no Lookalike store")
    if layout > schema.HEAD:
        schema.check(database)
    with _unfinished(folder) as part:
        if database.path is not None:
            _write_view(database, part / manifest.FILE)
        else:
            _write_rows(database, part, layout)
        held = _looked_at(part / manifest.FILE)
        _sync(part / manifest.FILE)
        length, digest = manifest.digested(part / manifest.FILE)
        made = BackupManifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            made_by=f"lookalike {version('lookalike')}",
            made_from="postgresql" if database.path is None else "sqlite",
            layout=layout,
            identity=held.identity,
            sequence=held.sequence,
            mark=held.mark,
            counts=held.counts,
            bytes=length,
            sha256=digest,
        )
        manifest.write(part, made)
    return made


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """The SQLite file of a backup, which is not touched."""
    # "immutable": not even the files that a reader needs for a moment are made beside it.
    url = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(url, uri=True),
        poolclass=NullPool,
        hide_parameters=True,
    )
    with engine.connect() as connection:
        yield connection


def check_contents(path: Path, made: BackupManifest) -> None:
    """Refuse a file that does not hold what its manifest says. Raises ``BackupDamagedError``."""
    held = _looked_at(path)
    said = StoreContents(made.identity, made.sequence, made.mark, made.counts)
    if held != said:
        raise BackupDamagedError(f"{path} does not hold what {manifest.MANIFEST} says")


def _looked_at(path: Path) -> StoreContents:
    try:
        with reading(path) as connection:
            found = connection.execute(text("PRAGMA integrity_check(1)")).scalar()
            if found != "ok":
                raise BackupDamagedError(f"{path.name} is damaged: {found}")
            return contents(connection)
    except DatabaseError as error:
        raise BackupDamagedError(f"{path.name} is damaged: {error.orig}") from None


def _write_view(database: Database, path: Path) -> None:
    os.close(os.open(path, _CREATE, 0o600))
    with database.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        # A transaction of its own that only reads; pages that nothing uses any more, and what was
        # once deleted from them, are left out.
        with driver_errors():
            raw.execute("VACUUM INTO ?", (str(path),))


def _write_rows(database: Database, folder: Path, layout: str) -> None:
    bulk = database.deadlines.bulk
    copied = Database(sqlite_url(folder), database.deadlines)
    try:
        copied.create_files()
        with (
            database.read(bulk, pauses=True) as source,
            copied.connect() as target,
            copied.altering(target),
        ):
            schema.upgrade(target, layout)
            copy(source, target)
    finally:
        copied.close()


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """A folder that gets its name once all went well, and else is gone."""
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(mode=0o700)
        yield part
        _sync(part)
        part.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if error.errno == errno.ENOSPC:
            raise StorageFullError(f"the disk of {folder} is full: nothing was kept") from None
        raise BackupError(f"cannot write to {folder}: {error.strerror}") from None
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
