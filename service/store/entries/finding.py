"""Entries found by what they say, over all banks: a signal's exact value, an id, a label.

Values are looked for in the packed bytes of every entry that has such a signal, which takes half a
second for a million of them: an operator asks this, and no upload. Nothing is written beside
entries to make it quicker, since every import would pay for that. A server asks its indexes
instead, with a radius of 0, where it is to be quick.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select

from service.domain.signals import signal_types
from service.store.core.database import Database
from service.store.core.faults import readable
from service.store.core.models import BankRow, EntryRow, ListRow
from service.store.entries.entries import EntryPage
from service.store.entries.packing import kind_of, unpacked
from service.store.entries.rows import ENTRY_COLUMNS, REMOVED, entry


class Finder:
    """Finds entries of one store; pages as ``Entries.page`` has them."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``."""
        self._database = database

    def by_signal(
        self, type_: str, value: bytes, space: str = "", after: int = 0, limit: int = 100
    ) -> EntryPage:
        """Entries that have a signal of this type, and this canonical value. Without a space, of
        any."""
        head = kind_of(type_, space)
        starts = [EntryRow.layout.startswith(head + end, autoescape=True) for end in (":", "~")]
        starts += [EntryRow.layout.contains(f",{head}{end}", autoescape=True) for end in (":", "~")]
        if not space and any(one.spaced for one in signal_types() if one.name == type_):
            starts = [
                EntryRow.layout.startswith(f"{type_}@", autoescape=True),
                EntryRow.layout.contains(f",{type_}@", autoescape=True),
            ]

        def exact(row: Any) -> bool:  # noqa: ANN401 (a row of ``ENTRY_COLUMNS``)
            items, _ = unpacked(row.layout, row.signals)
            return any(
                (one.type, one.value) == (type_, value) and space in ("", one.space)
                for one in items
            )

        where = and_(or_(*starts), self._holds(value))
        return self._page(where, after, limit, exact)

    def by_provider_id(self, provider_id: str, after: int = 0, limit: int = 100) -> EntryPage:
        """Entries that their providers call by this id."""
        return self._page(EntryRow.provider_id == provider_id, after, limit)

    def by_label(self, label: str, after: int = 0, limit: int = 100) -> EntryPage:
        """Entries that carry a label."""
        import orjson

        said = orjson.dumps(label).decode()
        where = EntryRow.labels.contains(said, autoescape=True)
        return self._page(where, after, limit, lambda row: label in orjson.loads(row.labels))

    def _holds(self, value: bytes) -> ColumnElement[bool]:
        if self._database.path is not None:
            return func.instr(EntryRow.signals, literal(value)) > 0
        return func.position(literal(value).op("IN")(EntryRow.signals)) > 0

    def _page(
        self,
        where: ColumnElement[bool],
        after: int,
        limit: int,
        exact: Any = lambda _: True,  # noqa: ANN401 (a row of ``ENTRY_COLUMNS`` to a bool)
    ) -> EntryPage:
        query = (
            select(*ENTRY_COLUMNS)
            .join(ListRow, ListRow.id == EntryRow.list_id)
            .join(BankRow, BankRow.id == EntryRow.bank_id)
            .where(where, EntryRow.state != REMOVED, BankRow.deleted.is_(False))
            .order_by(EntryRow.id)
            .limit(limit + 1)
        )
        found: list[Any] = []
        with self._database.read(self._database.deadlines.bulk) as connection:
            more, place = True, after
            while more and len(found) <= limit:
                rows = connection.execute(query.where(EntryRow.id > place)).all()
                more = len(rows) > limit
                place = rows[-1].id if rows else place
                with readable():
                    found += [row for row in rows if exact(row)]
            entries = tuple(entry(row) for row in found[:limit])
        return EntryPage(entries, entries[-1].id if entries else after, len(found) > limit)
