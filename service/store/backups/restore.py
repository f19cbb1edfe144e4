"""A backup becomes a store again, on SQLite or PostgreSQL, wherever it was made.

Everything is checked before anything is changed: the manifest, the file's length and SHA-256, what
it holds. Then the store is there as a whole or not at all. What stood there before is only replaced
where that was asked for, and an SQLite file is then kept under another name.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, update

from service.domain.errors import (
    BackupDamagedError,
    BackupError,
    RestoreRefusedError,
    SchemaTooNewError,
    StorageFullError,
)
from service.store.backups import manifest
from service.store.backups.backup import check_contents, reading
from service.store.backups.contents import copy
from service.store.backups.manifest import BackupManifest
from service.store.core import schema
from service.store.core.database import Database
from service.store.core.models import RESTORED, CommitRow, CounterRow

_BESIDE: Final = ("", "-wal", "-shm")
"""What SQLite keeps beside a database, the database first."""


@dataclass(frozen=True)
class Restored:
    """What was done."""

    manifest: BackupManifest
    kept: Path | None
    """Where the SQLite file that stood there before is now."""


def restore_backup(folder: Path, database: Database, replace: bool = False) -> Restored:
    """Make ``database`` hold what the backup in ``folder`` does, at the newest layout.

    Raises ``BackupDamagedError``, ``SchemaTooNewError``, ``RestoreRefusedError`` where there is a
    store already and ``replace`` is not set, or where somebody uses the one that is to be replaced,
    ``StorageFullError`` and other ``StoreError``. Whenever it raises, nothing was changed.
    """
    made = manifest.read(folder)
    if made.layout > schema.HEAD:
        raise SchemaTooNewError(
            f"the backup has layout {made.layout}; this release knows up to {schema.HEAD}"
        )
    if database.path is None:
        path = manifest.check_file(folder, made)
        check_contents(path, made)
        _into_postgres(path, made, database, replace)
        return Restored(made, None)
    return Restored(made, _into_sqlite(folder, made, database.path, replace))


def _into_sqlite(folder: Path, made: BackupManifest, path: Path, replace: bool) -> Path | None:
    if path.exists() and path.stat().st_size and not replace:
        raise RestoreRefusedError(
            f"{path} is there already: --replace puts the backup in its place"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=path.parent) as place:
            copied = Path(place, path.name)
            _copy_file(folder, made, copied)
            check_contents(copied, made)
            _bring_forward(copied)
            kept = _put_aside(path)
            if path.exists():
                raise RestoreRefusedError(f"{path} came to be there meanwhile")
            copied.rename(path)
            _sync(path.parent)
        return kept
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFullError(f"the disk of {path} is full: nothing was changed") from None
        raise BackupError(f"cannot restore to {path}: {error.strerror}") from None


def _copy_file(folder: Path, made: BackupManifest, to: Path) -> None:
    descriptor = os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        source = folder / manifest.FILE
        try:
            found = manifest.digested(source, file.write)
        except FileNotFoundError:
            raise BackupDamagedError(f"{source} is missing") from None
        if found != (made.bytes, made.sha256):
            raise BackupDamagedError(f"{source} is not what was backed up: its SHA-256 is another")
        file.flush()
        os.fsync(file.fileno())


def _bring_forward(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    try:
        schema.migrate(database)
    finally:
        database.close()


def _put_aside(path: Path) -> Path | None:
    """Give a store that nobody uses another name, if there is one; which. Raises
    ``RestoreRefusedError``."""
    was_there = path.exists() and path.stat().st_size > 0
    if was_there:
        _refuse_if_used(path)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    kept = path.with_name(f"{path.name}.replaced-{stamp}")
    # What is left of another database's log must not be taken for the restored one's either.
    for more in reversed(_BESIDE):
        beside = path.with_name(path.name + more)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + more))
    return kept if was_there else None


def _refuse_if_used(path: Path) -> None:
    connection = sqlite3.connect(path, timeout=1, isolation_level=None)
    try:
        # In this mode SQLite wants the file for itself; whoever has it open stands in the way.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise RestoreRefusedError(f"somebody has {path} open: stop the servers first") from None
    except sqlite3.DatabaseError:
        pass  # what is damaged may be replaced all the more
    finally:
        connection.close()


def _into_postgres(path: Path, made: BackupManifest, database: Database, replace: bool) -> None:
    with (
        _at_newest_layout(path, made) as newest,
        reading(newest) as source,
        database.connect() as target,
        database.altering(target, database.deadlines.bulk),
    ):
        replaced = bool(schema.revision(target))
        if replaced:
            if not replace:
                raise RestoreRefusedError(
                    "the database holds a store already: --replace puts the backup in its place"
                )
            database.lock(target)
        schema.upgrade(target, schema.HEAD)
        copy(source, target)
        if replaced:
            _note(target)


def _note(connection: Connection) -> None:
    """Commit that this was meant: servers that follow the store would else take it for one that
    lost what they read from it."""
    add_one = update(CounterRow).values(value=CounterRow.value + 1).returning(CounterRow.value)
    said = {
        "sequence": connection.execute(add_one).scalar_one(),
        "mark": secrets.token_hex(16),
        "committed_at": datetime.now(UTC),
        "actor": RESTORED,
    }
    connection.execute(insert(CommitRow).values(**said))


@contextmanager
def _at_newest_layout(path: Path, made: BackupManifest) -> Iterator[Path]:
    """The file, or where it is older a copy of it that was migrated."""
    if made.layout == schema.HEAD:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lookalike-restore-") as folder:
        copied = Path(folder, path.name)
        shutil.copyfile(path, copied)
        _bring_forward(copied)
        yield copied


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
