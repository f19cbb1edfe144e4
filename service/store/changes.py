"""What changed since a sequence: how an index follows the store.

It knows which rows changed; not what an index makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, or_, select

from service.store.banks import live_banks
from service.store.database import Database
from service.store.keys import all_keys
from service.store.models import CounterRow, EntryRow
from service.store.rows import SIGNAL_COLUMNS, signals
from service.store.values import Bank, EntryState, Key

START: Final = 0
"""Before the first change."""

_CHUNK: Final = 2000
_NO_ID: Final = 2**63 - 1  # nothing of the sequence that was seen is read again


@dataclass(frozen=True)
class Changes:
    """One consistent view of what changed after ``since``, up to ``sequence``."""

    since: int
    sequence: int
    """Of the newest commit in this view."""
    banks: tuple[Bank, ...]
    """All of them, not only those that changed: they are few."""
    keys: tuple[Key, ...]
    """All of them."""
    _connection: Connection

    def entries(self) -> Iterator[list[EntryState]]:
        """The entries that changed, each once, as they are now, in batches; from the start,
        only live ones.

        Live ones come first: what a list holds under a new id must be in force before the old one
        goes, or it would be missed for as long as a long list takes to apply.
        """
        yield from self._entries(deleted=False)
        if self.since != START:
            yield from self._entries(deleted=True)

    def _entries(self, deleted: bool) -> Iterator[list[EntryState]]:
        after, number = self.since, _NO_ID
        query = (
            select(
                EntryRow.id, EntryRow.bank_id, EntryRow.enabled, EntryRow.sequence, *SIGNAL_COLUMNS
            )
            .where(EntryRow.deleted.is_(deleted))
            .order_by(EntryRow.sequence, EntryRow.id)
        )
        while True:
            rows = self._connection.execute(
                query.where(
                    or_(
                        EntryRow.sequence > after,
                        and_(EntryRow.sequence == after, EntryRow.id > number),
                    )
                ).limit(_CHUNK)
            ).all()
            if not rows:
                return
            yield [
                EntryState(row.id, row.bank_id, not deleted, row.enabled, signals(row))
                for row in rows
            ]
            after, number = rows[-1].sequence, rows[-1].id


def newest_sequence(database: Database) -> int:
    """The sequence of the newest commit: the cheap question of a poller."""
    with database.read() as connection:
        return connection.execute(select(CounterRow.value)).scalar_one()


@contextmanager
def changes_since(database: Database, since: int) -> Iterator[Changes]:
    """A view of what changed after ``since``; ``START`` for everything. Use it within the
    ``with``."""
    with database.read() as connection:
        sequence = connection.execute(select(CounterRow.value)).scalar_one()
        yield Changes(
            since,
            sequence,
            tuple(live_banks(connection)),
            tuple(all_keys(connection)),
            connection,
        )
