"""How many entries a bank's lists hold, by state and by type of signal.

It goes through all entries of the bank: an operator asks this, and no upload.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, select

from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.faults import readable
from service.store.core.models import EntryRow, ListRow
from service.store.entries.packing import parsed
from service.store.entries.rows import DISABLED, IN_FORCE, REMOVED

STATES: Final = (IN_FORCE, DISABLED, REMOVED)


@dataclass(frozen=True)
class ListCounts:
    """What one list of a bank holds."""

    provider: str
    list: str
    version: str | None
    """``None`` of a list that no import made."""
    states: Counter[str] = field(default_factory=Counter)
    """``in_force``, ``disabled`` and ``removed`` to entries; those that were purged are gone."""
    signals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(type of signal, with its code space, state) to entries that have one:
    ``("code@lite0-256-7", "in_force")``. Of removed ones nobody knows."""


def list_counts(database: Database, bank: str) -> list[ListCounts]:
    """Every list of a bank, by provider and name. Raises ``BankNotFoundError``."""
    with database.read(database.deadlines.bulk) as connection:
        bank_id = find_bank(connection, bank).id
        lists = connection.execute(
            select(ListRow.id, ListRow.provider, ListRow.name, ListRow.version)
            .where(ListRow.bank_id == bank_id)
            .order_by(ListRow.provider, ListRow.name)
        )
        found = {row.id: ListCounts(row.provider, row.name, row.version) for row in lists}
        rows = connection.execute(
            select(EntryRow.list_id, EntryRow.state, EntryRow.layout, func.count().label("entries"))
            .where(EntryRow.bank_id == bank_id)
            .group_by(EntryRow.list_id, EntryRow.state, EntryRow.layout)
        ).all()
    with readable():
        for row in rows:
            counts = found[row.list_id]
            counts.states[row.state] += row.entries
            for kind in parsed(row.layout).kinds:
                counts.signals[kind, row.state] += row.entries
    return list(found.values())
