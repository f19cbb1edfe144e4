"""What entries were before: kept by whoever changes them, in the same transaction.

``keep`` copies the rows that are about to change to ``earlier_states``; so a state there lasted
from ``since``, inclusive, to ``until``, exclusive, in sequences. It knows no reasons to change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    func,
    insert,
    literal,
    select,
    update,
)

from service.store.core.models import EarlierRow, EntryRow, ListRow
from service.store.core.seals import update_sealed
from service.store.entries.rows import CONTENT, EMPTY, REMOVED


def keep(
    connection: Connection,
    which: ColumnElement[bool],
    sequence: int,
    *beside: FromClause,
) -> int:
    """Copy the entries ``which``, which the change ``sequence`` is about to change; how many.

    ``beside``: other tables that ``which`` compares them with.
    """
    columns: dict[str, Any] = {
        "entry_id": EntryRow.id,
        "since": EntryRow.sequence,
        "list_id": EntryRow.list_id,
        **{name: getattr(EntryRow, name) for name in CONTENT},
        "version": EntryRow.version,
        "state": EntryRow.state,
        "updated_at": EntryRow.updated_at,
    }
    query = select(*columns.values(), literal(sequence)).select_from(EntryRow, *beside)
    # What this very change made is no earlier state.
    query = query.where(which, EntryRow.sequence < sequence)
    return connection.execute(
        insert(EarlierRow).from_select([*columns, "until"], query, include_defaults=False)
    ).rowcount


def remove(connection: Connection, which: ColumnElement[bool], sequence: int, now: datetime) -> int:
    """Tombstone the entries ``which``, none of which is one already; how many. Their lists'
    counts are the caller's."""
    keep(connection, which, sequence)
    return connection.execute(
        update(EntryRow)
        .where(which)
        .values(state=REMOVED, sequence=sequence, updated_at=now, **EMPTY)
        .execution_options(synchronize_session=False)
    ).rowcount


def count_lists(connection: Connection, which: ColumnElement[bool]) -> None:
    """Write down anew how many entries the lists ``which`` hold."""
    held = (
        select(EntryRow.list_id, func.count().label("held"))
        .join(ListRow, ListRow.id == EntryRow.list_id)
        .where(which, EntryRow.state != REMOVED)
        .group_by(EntryRow.list_id)
    )
    counts = {row.list_id: row.held for row in connection.execute(held)}
    for number in connection.execute(select(ListRow.id).where(which)).scalars().all():
        update_sealed(connection, ListRow, ListRow.id == number, {"entries": counts.get(number, 0)})


def before_removal() -> ColumnElement[bool]:
    """Of an entry that is removed and an earlier state: it is what the entry was until then."""
    return and_(EarlierRow.entry_id == EntryRow.id, EarlierRow.until == EntryRow.sequence)
