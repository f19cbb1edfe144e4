"""The store: the truth about banks, entries and keys. Everything else is derived from it.

It knows how to open and create a database and gathers what can be done with it; each part's rules
stand in its own module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from time import sleep

from sqlalchemy import Connection

from service.domain.deadlines import Deadlines, Reach
from service.domain.errors import StoreMissingError
from service.domain.values import Commit, ImportRow, ListVersion, RejectedLine, Withdrawn
from service.store.backups.backup import make_backup
from service.store.backups.manifest import BackupManifest
from service.store.backups.restore import Restored, restore_backup
from service.store.banks.banks import Banks
from service.store.core import schema
from service.store.core.database import Database, sqlite_url
from service.store.core.leases import drop_lease, take_lease
from service.store.core.traces import refuse_if_lost
from service.store.entries.counting import ListCounts, list_counts
from service.store.entries.entries import Entries
from service.store.entries.finding import Finder
from service.store.entries.history import History
from service.store.entries.purge import Purged, purge
from service.store.exchanges.exchanges import Exchanges
from service.store.imports.diffs import ImportDiff
from service.store.imports.imports import Allowed, Along, ImportTarget, apply_import
from service.store.imports.pins import Signing
from service.store.imports.rollback import roll_back
from service.store.imports.versions import list_versions
from service.store.keys import Keys
from service.store.views.flaws import Flaw, all_flaws
from service.store.views.view import StoreView, filled_banks, identity, newest_commit, view_of


class Store:
    """One open store; safe to use from several threads."""

    def __init__(self, database: Database, actor: str = "python") -> None:
        """Work on ``database``, whose layout was checked, as ``actor``: who writes is written down
        with every commit."""
        self._database, self._actor = database, actor
        self.banks = Banks(database, actor)
        self.entries = Entries(database, actor)
        self.exchanges = Exchanges(database, actor)
        self.keys = Keys(database, actor)
        self.history = History(database)
        self.find = Finder(database)

    def acting(self, actor: str) -> Store:
        """The same store, written to as ``actor``: ``key:ID``, ``cli:import``,
        ``job:retention``."""
        return Store(self._database, actor)

    def apply_import(
        self,
        target: ImportTarget,
        rows: Iterable[ImportRow | Withdrawn | RejectedLine],
        max_rejected: int = 0,
        dry_run: bool = False,
        allow_shrink: bool = False,
        signing: Signing = Signing(),  # noqa: B008 (frozen)
        along: Along | None = None,
        still: Callable[[Connection], bool] | None = None,
    ) -> ImportDiff:
        """Make ``rows`` the new version of a list; see ``imports.apply_import``."""
        allowed = Allowed(max_rejected, allow_shrink)
        return apply_import(
            self._database, self._actor, target, rows, allowed, dry_run, signing, along, still
        )

    def roll_back(
        self,
        target: ImportTarget,
        to: str,
        dry_run: bool = False,
        allow_shrink: bool = False,
    ) -> ImportDiff:
        """Take a list back to an earlier version; see ``rollback.roll_back``."""
        allowed = Allowed(shrink=allow_shrink)
        return roll_back(self._database, self._actor, target, to, allowed, dry_run)

    def versions(self, bank: str) -> list[ListVersion]:
        """The versions of a bank's lists, newest first. Raises ``BankNotFoundError``."""
        return list_versions(self._database, bank)

    def counts(self, bank: str) -> list[ListCounts]:
        """What a bank's lists hold, by state and kind of signal. Raises ``BankNotFoundError``."""
        return list_counts(self._database, bank)

    @property
    def name(self) -> str:
        """Which store it is, for people: its file, or its URL without the password."""
        return self._database.name

    @property
    def identity(self) -> str:
        """The store's name: no other store has it, and every backup of this one has."""
        return identity(self._database)

    def verify(self) -> Iterator[Flaw]:
        """What is wrong with what the database holds; see ``flaws.all_flaws``."""
        return all_flaws(self._database)

    def newest(self) -> Commit:
        """The newest commit."""
        return newest_commit(self._database)

    def sequence(self) -> int:
        """The sequence of the newest commit."""
        return self.newest().sequence

    def filled(self, bank_ids: Iterable[int]) -> frozenset[int]:
        """Those of the banks ``bank_ids`` that hold an entry that is enabled; where that is damaged
        there is something, so all of them."""
        return filled_banks(self._database, bank_ids)

    def view(self) -> AbstractContextManager[StoreView]:
        """The store as it is now, and what changed since any commit, consistently."""
        return view_of(self._database)

    def purge(
        self, before: datetime, dry_run: bool = False, pause: Callable[[float], object] = sleep
    ) -> Purged:
        """Delete tombstones and commits made before a moment; see ``purge.purge``."""
        return purge(self._database, before, dry_run, pause)

    def take_lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take a lease or keep it; whether ``holder`` has it now."""
        return take_lease(self._database, name, holder, seconds)

    def drop_lease(self, name: str, holder: str) -> None:
        """Let go of a lease, if ``holder`` has it."""
        drop_lease(self._database, name, holder)

    @property
    def deadlines(self) -> Deadlines:
        """How long anything may wait for the database."""
        return self._database.deadlines

    @property
    def reach(self) -> Reach:
        """Whether the database answers."""
        return self._database.reach

    def interrupt(self) -> None:
        """End every statement that runs, in whichever thread, and begin no more: before the end."""
        self._database.interrupt()

    def close(self) -> None:
        """Close every connection."""
        self._database.close()


def open_store(
    data_dir: Path,
    url: str | None = None,
    create: bool = True,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 (frozen)
    actor: str = "python",
) -> Store:
    """Open the store in ``data_dir``, or at ``url`` (``sqlite:///PATH``, ``postgresql://…``), to be
    written to as ``actor``.

    With ``create`` a store that is missing is made, at the newest layout; without, it raises
    ``StoreMissingError``; with or without, ``StoreLostError`` where ``data_dir`` shows that there
    was one. A store of another layout raises ``SchemaOutdatedError`` or ``SchemaTooNewError``; a
    database that cannot be used raises ``StoreUnusableError``, one that does not answer
    ``StoreAwayError``.
    """
    database = Database(url or sqlite_url(data_dir), deadlines)
    try:
        # Files are touched before anything connects: closing a file takes away the locks that
        # SQLite holds on it in this process.
        filled = database.path is None or _filled(database.path)
        if filled and create:
            database.tighten()
        if not (filled and schema.current_revision(database)):
            refuse_if_lost(data_dir, database.path, database.name)
            if not create:
                raise _missing(database)
            if not filled:
                database.create_files()
            schema.migrate(database)
        schema.check(database)
        database.pin()
    except BaseException:
        database.close()
        raise
    return Store(database, actor)


def _filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _missing(database: Database) -> StoreMissingError:
    return StoreMissingError(f"there is no store in {database.name}: `lookalike init` makes one")


def migrate(
    data_dir: Path,
    url: str | None = None,
    dry_run: bool = False,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 (frozen)
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> schema.MigrationPlan:
    """Bring the store to the newest layout, or with ``dry_run`` say what that would execute;
    ``told`` hears how many entries are done, of how many.

    Raises ``StorageFullError``, ``StoreMissingError``, ``SchemaTooNewError``,
    ``StoreUnusableError``.
    """
    database = Database(url or sqlite_url(data_dir), deadlines)
    try:
        filled = database.path is None or _filled(database.path)
        if not (filled and schema.current_revision(database)):
            refuse_if_lost(data_dir, database.path, database.name)
            if database.path is not None and not database.path.exists():
                raise _missing(database)
        return schema.migrate(database, dry_run, told)
    finally:
        database.close()


def backup(
    folder: Path,
    data_dir: Path,
    url: str | None = None,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 (frozen)
) -> BackupManifest:
    """Write what the store holds to ``folder``; see ``backup.make_backup``."""
    database = Database(url or sqlite_url(data_dir), deadlines)
    try:
        if database.path is not None and not database.path.exists():
            refuse_if_lost(data_dir, database.path, database.name)
            raise _missing(database)
        return make_backup(database, folder)
    finally:
        database.close()


def restore(
    folder: Path,
    data_dir: Path,
    url: str | None = None,
    replace: bool = False,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 (frozen)
) -> Restored:
    """Make the store hold what a backup does; see ``restore.restore_backup``."""
    database = Database(url or sqlite_url(data_dir), deadlines)
    try:
        return restore_backup(folder, database, replace)
    finally:
        database.close()
