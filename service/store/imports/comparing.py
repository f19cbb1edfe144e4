"""What the staged lines of a list change of the entries that are there: found once, then applied.

A list that comes again is mostly what it was. So one pass over it sets down which lines differ, and
which entries go; whatever is done then looks at these few. It changes no entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
)

from service.domain.values import Mode
from service.store.core.models import EntryRow
from service.store.entries.rows import DISABLED, IN_FORCE, REMOVED
from service.store.imports.staging import STAGED

_HERE: Final = MetaData()

CHANGED: Final = Table(
    "changed_rows",
    _HERE,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger),
    Column("relisted", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)
"""Staged lines that are new, without ``entry_id``, or differ from their entry, which may have been
removed before."""

GONE: Final = Table(
    "gone_rows",
    _HERE,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    prefixes=["TEMPORARY"],
)
"""Entries that the list held, and its new version does not."""


@dataclass(frozen=True)
class Comparison:
    """How many entries a new version concerns."""

    added: int
    updated: int
    """Those that come back among them."""
    relisted: int
    """Those that were removed before, and come back."""
    held: int
    """On the list before."""
    removed: int

    @property
    def unchanged(self) -> int:
        """On the list before and after, as they were."""
        return self.held - self.removed - (self.updated - self.relisted)

    @property
    def after(self) -> int:
        """On the list then."""
        return self.held - self.removed + self.added + self.relisted


def create_tables(connection: Connection) -> None:
    """Make ``CHANGED`` and ``GONE``, which are this connection's alone."""
    _HERE.create_all(connection, checkfirst=False)


def drop_tables(connection: Connection) -> None:
    """Let go of them."""
    _HERE.drop_all(connection, checkfirst=False)


def compare(connection: Connection, list_id: int, mode: Mode) -> Comparison:
    """Fill ``CHANGED`` and ``GONE``, in the transaction in which nothing else changes the list."""
    for table in (CHANGED, GONE):
        connection.execute(delete(table))
    same_item = and_(EntryRow.list_id == list_id, EntryRow.provider_id == STAGED.c.provider_id)
    fresh = or_(EntryRow.id.is_(None), _differs())
    connection.execute(
        insert(CHANGED).from_select(
            ["position", "entry_id", "relisted"],
            select(
                STAGED.c.position,
                EntryRow.id,
                case((EntryRow.state == REMOVED, literal(True)), else_=literal(False)),
            )
            .select_from(STAGED)
            .outerjoin(EntryRow, same_item)
            .where(not_(STAGED.c.withdrawn), not_(STAGED.c.unread), fresh),
        )
    )
    connection.execute(insert(GONE).from_select(["entry_id"], _gone(list_id, mode)))
    counts = connection.execute(
        select(
            func.count(),
            func.count(CHANGED.c.entry_id),
            func.count(case((CHANGED.c.relisted, 1))),
        ).select_from(CHANGED)
    ).one()
    return Comparison(
        added=counts[0] - counts[1],
        updated=counts[1],
        relisted=counts[2],
        held=_count(connection, select(func.count()).where(_held(list_id))),
        removed=_count(connection, select(func.count()).select_from(GONE)),
    )


def _gone(list_id: int, mode: Mode) -> Select[Any]:
    same_id = EntryRow.provider_id == STAGED.c.provider_id
    if mode is Mode.APPEND:
        return select(EntryRow.id).join_from(
            STAGED, EntryRow, and_(_held(list_id), same_id, STAGED.c.withdrawn)
        )
    listed = exists().where(same_id, not_(STAGED.c.withdrawn)).correlate(EntryRow)
    return select(EntryRow.id).where(_held(list_id), not_(listed))


def _held(list_id: int) -> ColumnElement[bool]:
    """Of an entry: the list holds it until now."""
    return and_(EntryRow.list_id == list_id, EntryRow.state != REMOVED)


def _differs() -> ColumnElement[bool]:
    """Of an entry and a staged row: it is not in force, or disabled, as the row says."""
    said = case((EntryRow.state == DISABLED, STAGED.c.disabled), else_=STAGED.c.content)
    odd = EntryRow.state.not_in((IN_FORCE, DISABLED))
    return or_(EntryRow.content.is_distinct_from(said), odd)


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
