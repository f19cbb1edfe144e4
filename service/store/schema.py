"""Which layout a store has, and how it is brought to ours. Migrations are explicit.

A new store is created at the newest layout; an older one is refused until ``migrate`` is
called, and a newer one
always. It knows revisions, not what they do: that stands in ``service/store/migrations/versions``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from service.domain.errors import (
    SchemaOutdatedError,
    SchemaTooNewError,
    StoreMissingError,
    StoreUnusableError,
)
from service.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0004"
"""The layout that ``models`` describes."""

_SCRIPTS: Final = Path(__file__).resolve().parent / "migrations"


@dataclass(frozen=True)
class Migration:
    """One step from a layout to the next."""

    revision: str
    title: str


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


def migrate(database: Database, dry_run: bool = False) -> MigrationPlan:
    """Bring a store to ``HEAD``, or with ``dry_run`` only say how.

    Every step runs in one transaction: a failure leaves the store as it was.
    """
    buffer = io.StringIO()
    with (
        database.connect() as connection,
        database.altering(connection, database.deadlines.bulk),
    ):
        current = revision(connection)
        steps = upgrade(connection, HEAD, buffer if dry_run else None)
    return MigrationPlan(current, HEAD, steps, buffer.getvalue(), dry_run)


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
