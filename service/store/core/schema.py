"""Which layout a store has, and how it is brought to ours. Migrations are explicit.

A new store is created at the newest layout; an older one is refused until ``migrate`` is
called, and a newer one
always. It knows revisions, not what they do: that stands in ``service/store/migrations/versions``.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from service.domain.errors import (
    SchemaOutdatedError,
    SchemaTooNewError,
    StorageFullError,
    StoreMissingError,
    StoreUnusableError,
)
from service.store.core.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0007"
"""The layout that ``models`` describes."""

_BEFORE: Final = "0004"
_REWRITES: Final = "0005"
"""The layout on the way to which every entry is rewritten, and the one before."""

_ROOM: Final = 2.5
"""Times the size of the database that must be free: the new rows, their indexes, and SQLite's log
while the old ones go. Measured: 2.0."""

_SECONDS: Final = 100e-6
"""For an entry, where two cores do other work as well."""

_SCRIPTS: Final = Path(__file__).resolve().parents[1] / "migrations"


@dataclass(frozen=True)
class Migration:
    """One step from a layout to the next."""

    revision: str
    title: str


@dataclass(frozen=True)
class MigrationSize:
    """What a migration that rewrites every entry takes."""

    entries: int
    needed: int
    """Bytes that must be free on the database's disk while it runs."""
    free: int | None
    """Bytes that are; ``None`` where that cannot be seen from here, as of PostgreSQL."""
    seconds: float
    """About; measured on one machine."""


@dataclass(frozen=True)
class MigrationPlan:
    """Where a store stands, and the steps to where it should."""

    current: str
    """Empty for a store with no layout yet."""
    head: str
    steps: tuple[Migration, ...]
    sql: str
    """What a dry run would have executed; empty otherwise."""
    dry_run: bool
    size: MigrationSize | None = None
    """Of a migration that rewrites every entry."""


def current_revision(database: Database) -> str:
    """The store's layout; empty where there is none yet."""
    with database.read() as connection:
        return revision(connection)


def check(database: Database) -> None:
    """Refuse a store whose layout is not ``HEAD``."""
    found = current_revision(database)
    if found == HEAD:
        return
    if not found:
        raise StoreMissingError("the database holds no Lookalike store")
    if found > HEAD:
        raise SchemaTooNewError(f"the store has layout {found}; this release knows up to {HEAD}")
    raise SchemaOutdatedError(f"the store has layout {found}, not {HEAD}: run `lookalike migrate`")


def migrate(
    database: Database,
    dry_run: bool = False,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> MigrationPlan:
    """Bring a store to ``HEAD``, or with ``dry_run`` only say how.

    What rewrites every entry does so some at a time, in transactions of its own, beside what is
    there, and ``told`` hears how many are done, of how many; whoever was interrupted goes on from
    there. All else runs in one transaction: until its end the store is as it was. Raises
    ``StorageFullError`` where the disk has no room, before anything is changed.
    """
    buffer = io.StringIO()
    with database.read() as connection:
        current = revision(connection)
    size = _size(database) if current and current < _REWRITES <= HEAD else None
    if size is not None and not dry_run:
        if size.free is not None and size.free < size.needed:
            raise StorageFullError(
                f"migrating {size.entries} entries needs {size.needed // 10**6} MB on the disk of"
                f" {database.name}, and {size.free // 10**6} MB are free: nothing was changed"
            )
        _convert(database, size.entries, told)
    with (
        database.connect() as connection,
        database.altering(connection, database.deadlines.bulk),
    ):
        steps = upgrade(connection, HEAD, buffer if dry_run else None)
    return MigrationPlan(current, HEAD, steps, buffer.getvalue(), dry_run, size)


def _size(database: Database) -> MigrationSize:
    with database.read(database.deadlines.bulk) as connection:
        entries = connection.execute(text("SELECT count(*) FROM entries")).scalar_one()
        if database.path is None:
            query = text("SELECT pg_total_relation_size('entries')")
            held = int(connection.execute(query).scalar_one())
        else:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            held = pages * connection.execute(text("PRAGMA page_size")).scalar_one()
    free = None if database.path is None else shutil.disk_usage(database.path.parent).free
    return MigrationSize(entries, int(_ROOM * held), free, entries * _SECONDS)


def _convert(database: Database, entries: int, told: Callable[[int, int], None]) -> None:
    from service.store.migrations import conversion

    limit = database.deadlines.bulk
    done = 0
    with database.connect() as connection:
        with database.altering(connection, limit):
            upgrade(connection, _BEFORE)
            conversion.begin(connection)
            done = conversion.done(connection)
        while True:
            told(done, entries)
            with database.altering(connection, limit):
                if not (some := conversion.step(connection)):
                    return
            done += some


def upgrade(
    connection: Connection, to: str, only_sql: io.StringIO | None = None
) -> tuple[Migration, ...]:
    """Bring the store to the layout ``to`` within the caller's transaction; the steps.

    With ``only_sql`` nothing is changed, and what would be executed is written there. Raises
    ``SchemaTooNewError``.
    """
    # Only migrations need Alembic; serving should not pay for importing it.
    from alembic import command
    from alembic.script import ScriptDirectory

    current = revision(connection)
    if current > to:
        raise SchemaTooNewError(f"the store has layout {current}; this release knows up to {to}")
    config = _config(only_sql or io.StringIO())
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    steps = tuple(
        Migration(step.revision, step.doc)
        for step in reversed(list(scripts.iterate_revisions(to, current or "base")))
    )
    if steps:
        dry = only_sql is not None
        command.upgrade(config, f"{current or 'base'}:{to}" if dry else to, sql=dry)
    return steps


def revision(connection: Connection) -> str:
    """The store's layout; empty where there is none yet. Raises ``StoreUnusableError``."""
    if not inspect(connection).has_table("alembic_version"):
        if inspect(connection).has_table("banks"):
            raise StoreUnusableError("the database holds tables that are not Lookalike's")
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _config(buffer: io.StringIO) -> Config:
    from alembic.config import Config

    config = Config(stdout=io.StringIO(), output_buffer=buffer)
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
