"""Entries found by what they say, in one bank or over all: signals' exact values, an id, a label.

Values are looked for in the packed bytes of every entry that has such a signal, which takes a third
of a second for a million of them: an operator asks this, and no upload. Nothing is written beside
entries to make it quicker, since every import would pay for that; queries ask the indexes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, func, literal, or_, select

from service.domain.sought import Sought
from service.domain.values import entry_number
from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.faults import readable
from service.store.core.models import BankRow, EntryRow, ListRow
from service.store.entries.entries import EntryPage
from service.store.entries.packing import unpacked
from service.store.entries.rows import ENTRY_COLUMNS, REMOVED, entry


class Finder:
    """Finds entries of one store; pages as ``Entries.page`` has them."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``."""
        self._database = database

    def page(self, sought: Sought, after: int = 0, limit: int = 100) -> EntryPage:
        """Entries that say what is ``sought``, disabled ones too, over all banks but where it names
        one. Raises ``BankNotFoundError``, ``EntryNotFoundError`` for what is no id."""
        query = (
            select(*ENTRY_COLUMNS)
            .join(ListRow, ListRow.id == EntryRow.list_id)
            .join(BankRow, BankRow.id == EntryRow.bank_id)
            .where(*self._conditions(sought), BankRow.deleted.is_(False))
            .order_by(EntryRow.id)
            .limit(limit + 1)
        )
        found: list[Any] = []
        with self._database.read(self._database.deadlines.bulk) as connection:
            if sought.bank is not None:
                query = query.where(EntryRow.bank_id == find_bank(connection, sought.bank).id)
            more, place = True, after
            while more and len(found) <= limit:
                rows = connection.execute(query.where(EntryRow.id > place)).all()
                more = len(rows) > limit
                place = rows[-1].id if rows else place
                with readable():
                    found += [row for row in rows if _says(row, sought)]
            entries = tuple(entry(row) for row in found[:limit])
        return EntryPage(entries, entries[-1].id if entries else after, len(found) > limit)

    def _conditions(self, sought: Sought) -> Iterator[ColumnElement[bool]]:
        """What the database can look at of what is sought; ``_says`` looks at the rest."""
        if not sought.removed:
            yield EntryRow.state != REMOVED
        if sought.entry_id is not None:
            yield EntryRow.id == entry_number(sought.entry_id)
        if sought.provider_id is not None:
            yield EntryRow.provider_id == sought.provider_id
        if sought.label is not None:
            said = orjson.dumps(sought.label).decode()
            yield EntryRow.labels.contains(said, autoescape=True)
        for one in sought.signals:
            # The width first: or a text of one letter would have most of a list of URLs looked at.
            yield and_(or_(*_as_wide(len(one.value))), or_(*_laid_out(one.types)))
            yield self._holds(one.value)

    def _holds(self, value: bytes) -> ColumnElement[bool]:
        if self._database.path is not None:
            return func.instr(EntryRow.signals, literal(value)) > 0
        return func.position(literal(value).op("IN")(EntryRow.signals)) > 0


def _as_wide(width: int) -> Iterator[ColumnElement[bool]]:
    """Of an entry: it has a signal that is so many bytes."""
    yield EntryRow.layout.endswith(f":{width}", autoescape=True)
    for end in ",ift*":
        yield EntryRow.layout.contains(f":{width}{end}", autoescape=True)


def _laid_out(types: tuple[str, ...]) -> Iterator[ColumnElement[bool]]:
    """Of an entry: it has a signal of one of those types."""
    for start in (name + end for name in types for end in ":~@"):
        yield EntryRow.layout.startswith(start, autoescape=True)
        yield EntryRow.layout.contains(f",{start}", autoescape=True)


def _says(row: Any, sought: Sought) -> bool:  # noqa: ANN401 (a row of ``ENTRY_COLUMNS``)
    """Whether it says what is sought, of what SQL cannot tell: where a value begins and ends."""
    if sought.label is not None and sought.label not in orjson.loads(row.labels):
        return False
    if not sought.signals:
        return True
    items, _ = unpacked(row.layout, row.signals)
    return all(
        any(there.type in one.types and there.value == one.value for there in items)
        for one in sought.signals
    )
