"""Entries in the store: added one by one, read, paged, enabled and disabled, tombstoned.

It knows rows and sequences; whole lists come in through ``imports``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, exists, func, insert, select, update

from service.domain.errors import (
    EntryExistsError,
    EntryNotFoundError,
    NoSignalsError,
    StoreDamagedError,
)
from service.domain.values import (
    MAX_PROVIDER_ID,
    Entry,
    NewEntry,
    check_labels,
    check_text,
    entry_id,
    entry_number,
)
from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.faults import readable
from service.store.core.models import BankRow, EarlierRow, EntryRow, ListRow
from service.store.entries.lists import find_list, note
from service.store.entries.packing import parsed
from service.store.entries.past import before_removal, keep, remove
from service.store.entries.rows import (
    CONTENT,
    DISABLED,
    ENTRY_COLUMNS,
    IN_FORCE,
    REMOVED,
    content_columns,
    derived_provider_id,
    entry,
    is_whole,
    packed_content,
    version_of_moment,
)


@dataclass(frozen=True)
class EntryPage:
    """Some entries of a bank, in the order they were added."""

    entries: tuple[Entry, ...]
    last: int
    """Give it as ``after`` for the next page."""
    more: bool
    """Whether there is a next page."""


@dataclass(frozen=True)
class Export:
    """What a bank holds in force at one moment."""

    lists: frozenset[tuple[str, str]]
    """(provider, list) of the entries."""
    entries: Iterable[Entry]
    """In the order they were added; may be gone through again."""


class Entries:
    """The entries of one store."""

    def __init__(self, database: Database, actor: str) -> None:
        """Work on ``database``, as ``actor``."""
        self._database, self._actor = database, actor

    def add(self, bank: str, new: NewEntry) -> Entry:
        """Add one entry, or list again one that was tombstoned.

        Raises ``BankNotFoundError``, ``EntryExistsError``, ``NoSignalsError``, ``BadNameError``.
        """
        if not new.signals:
            raise NoSignalsError("an entry needs at least one signal")
        labels = check_labels(new.labels)
        provider_id = new.provider_id or derived_provider_id(new.signals)
        check_text("provider_id", provider_id, MAX_PROVIDER_ID)
        packed = packed_content(provider_id, new.signals, labels)
        now = datetime.now(UTC)
        with self._database.write(self._actor) as (connection, sequence):
            bank_id = find_bank(connection, bank).id
            list_id = find_list(connection, bank_id, new.provider, new.list)
            values: dict[str, Any] = {
                **content_columns(packed, new.enabled),
                "version": version_of_moment(now),
                "sequence": sequence,
                "updated_at": now,
            }
            there = connection.execute(
                select(EntryRow.id, EntryRow.state).where(
                    EntryRow.list_id == list_id, EntryRow.provider_id == provider_id
                )
            ).one_or_none()
            if there is None:
                number = connection.execute(
                    insert(EntryRow)
                    .values(
                        bank_id=bank_id,
                        list_id=list_id,
                        provider_id=provider_id,
                        created_at=now,
                        **values,
                    )
                    .returning(EntryRow.id)
                ).scalar_one()
            elif there.state == REMOVED:
                number = there.id
                keep(connection, EntryRow.id == number, sequence)
                connection.execute(update(EntryRow).where(EntryRow.id == number).values(**values))
            else:
                raise EntryExistsError(
                    f"the list holds an entry with this provider_id already: {provider_id!r};"
                    " delete that one first if this is to take its place"
                )
            note(connection, list_id, parsed(packed.layout).kinds, more=1)
            return _one(connection, bank, number)

    def get(self, bank: str, public_id: str) -> Entry:
        """One entry. Raises ``BankNotFoundError`` and ``EntryNotFoundError``."""
        with self._database.read() as connection:
            find_bank(connection, bank)
            return _one(connection, bank, entry_number(public_id))

    def by_ids(self, ids: Sequence[int]) -> dict[int, Entry]:
        """Entries by internal id, tombstoned or not: a match may be of an entry that is just
        gone. Within the deadline of a look-up."""
        with self._database.read(self._database.deadlines.lookup) as connection:
            rows = connection.execute(_as_they_were().where(EntryRow.id.in_(ids)))
            return {row.id: entry(row) for row in rows}

    def page(self, bank: str, after: int = 0, limit: int = 100) -> EntryPage:
        """Up to ``limit`` entries whose internal id is greater than ``after``. Raises
        ``BankNotFoundError``."""
        with self._database.read() as connection:
            bank_id = find_bank(connection, bank).id
            rows = connection.execute(_live(bank_id, after).limit(limit + 1)).all()
            found = tuple(entry(row) for row in rows[:limit])
        return EntryPage(found, found[-1].id if found else after, len(rows) > limit)

    def count(self, bank: str) -> int:
        """How many entries a bank holds, enabled or not. Raises ``BankNotFoundError``."""
        with self._database.read() as connection:
            return connection.execute(
                select(func.count())
                .select_from(EntryRow)
                .where(
                    EntryRow.bank_id == find_bank(connection, bank).id, EntryRow.state != REMOVED
                )
            ).scalar_one()

    def highest(self) -> int:
        """The highest internal id there is: no fewer than there are entries."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(EntryRow.id))).scalar() or 0

    @contextmanager
    def export(self, bank: str, chunk: int = 1000) -> Iterator[Export]:
        """Every entry of a bank that is enabled, as one consistent view; use it within the
        ``with``.

        Raises ``BankNotFoundError``.
        """
        with self._database.read(pauses=True) as connection:
            bank_id = find_bank(connection, bank).id
            lists = connection.execute(
                select(ListRow.provider, ListRow.name).where(
                    ListRow.bank_id == bank_id,
                    exists().where(
                        EntryRow.list_id == ListRow.id,
                        EntryRow.state.not_in((DISABLED, REMOVED)),
                    ),
                )
            )
            yield Export(
                frozenset((row.provider, row.name) for row in lists),
                _Exported(connection, bank_id, chunk),
            )

    def set_enabled(self, bank: str, public_id: str, enabled: bool) -> Entry:
        """Put an entry in or out of force; no later import changes that.

        Raises ``BankNotFoundError`` and ``EntryNotFoundError``.
        """
        with self._changing(bank, public_id) as (connection, sequence, there):
            packed = packed_content(there.provider_id, there.signals, there.labels)
            state = IN_FORCE if enabled else DISABLED
            if enabled is not there.enabled:
                which = EntryRow.id == there.id
                keep(connection, which, sequence)
                values = {**content_columns(packed, enabled), "state": state}
                stamp = {"sequence": sequence, "updated_at": datetime.now(UTC)}
                connection.execute(update(EntryRow).where(which).values(**values, **stamp))
            return _one(connection, bank, there.id)

    def delete(self, bank: str, public_id: str) -> None:
        """Tombstone an entry. A later version of its list that still holds it lists it again.

        Raises ``BankNotFoundError`` and ``EntryNotFoundError``.
        """
        with self._changing(bank, public_id) as (connection, sequence, there):
            remove(connection, EntryRow.id == there.id, sequence, datetime.now(UTC))
            note(connection, _list_of(connection, there.id), (), more=-1)

    @contextmanager
    def _changing(self, bank: str, public_id: str) -> Iterator[tuple[Connection, int, Entry]]:
        """A writing transaction, its sequence, and the entry it is about."""
        number = entry_number(public_id)
        with self._database.write(self._actor) as (connection, sequence):
            find_bank(connection, bank)
            yield connection, sequence, _one(connection, bank, number)


def _list_of(connection: Connection, number: int) -> int:
    return connection.execute(select(EntryRow.list_id).where(EntryRow.id == number)).scalar_one()


def _joined() -> Select[*tuple[Any, ...]]:
    return (
        select(*ENTRY_COLUMNS)
        .join(ListRow, ListRow.id == EntryRow.list_id)
        .join(BankRow, BankRow.id == EntryRow.bank_id)
    )


def _as_they_were() -> Select[*tuple[Any, ...]]:
    """As ``_joined``; of what is removed, the content that it had until then."""
    gone = EntryRow.state == REMOVED
    told = [
        case((gone, getattr(EarlierRow, column.name)), else_=column).label(column.name)
        if column.name in CONTENT
        else column
        for column in ENTRY_COLUMNS
    ]
    return (
        select(*told)
        .join(ListRow, ListRow.id == EntryRow.list_id)
        .join(BankRow, BankRow.id == EntryRow.bank_id)
        .outerjoin(EarlierRow, and_(gone, before_removal()))
    )


def _live(bank_id: int, after: int) -> Select[*tuple[Any, ...]]:
    return (
        _joined()
        .where(EntryRow.bank_id == bank_id, EntryRow.id > after, EntryRow.state != REMOVED)
        .order_by(EntryRow.id)
    )


@dataclass(frozen=True)
class _Exported:
    """The entries of a bank that are enabled, a chunk of rows at a time."""

    connection: Connection
    bank_id: int
    chunk: int

    def __iter__(self) -> Iterator[Entry]:
        after = 0
        while rows := self.connection.execute(
            _live(self.bank_id, after).where(EntryRow.state != DISABLED).limit(self.chunk)
        ).all():
            with readable():
                found = [entry(row) for row in rows if _told_whole(row)]
            yield from found
            after = rows[-1].id


def _one(connection: Connection, bank: str, number: int) -> Entry:
    row = connection.execute(
        _joined().where(
            EntryRow.id == number,
            EntryRow.state != REMOVED,
            BankRow.name == bank,
            BankRow.deleted.is_(False),
        )
    ).one_or_none()
    if row is None:
        raise EntryNotFoundError(f"bank {bank!r} has no entry of this id")
    return entry(row)


def _told_whole(row: Row[*tuple[Any, ...]]) -> bool:
    """True; an entry that is not what was written is shipped to nobody. Raises
    ``StoreDamagedError``."""
    said = (row.state, row.layout, row.provider_id, row.labels, row.signals, row.content)
    if not is_whole(*said):
        raise StoreDamagedError(f"the entry {entry_id(row.id)} is not what was written")
    return True
