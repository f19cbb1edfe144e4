"""Entries in the store: added one by one, read, paged, enabled and disabled, tombstoned.

It knows rows and sequences; whole lists come in through ``imports``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Connection,
    Select,
    cast,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    update,
)

from service.domain.errors import (
    BadSignalError,
    EntryExistsError,
    EntryNotFoundError,
    NoSignalsError,
)
from service.domain.values import (
    MAX_PROVIDER_ID,
    Entry,
    NewEntry,
    check_labels,
    check_text,
    entry_number,
)
from service.store.banks import find_bank
from service.store.database import Database, readable
from service.store.models import BankRow, BankSpaceRow, EntryRow, ListRow
from service.store.rows import (
    ENTRY_COLUMNS,
    content_columns,
    derived_provider_id,
    entry,
    version_of_moment,
)

MAX_STORE_SPACES: Final = 64
"""Code spaces of all entries together."""


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

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        self._database = database

    def add(self, bank: str, new: NewEntry) -> Entry:
        """Add one entry, or list again one that was tombstoned.

        Raises ``BankNotFoundError``, ``EntryExistsError``, ``NoSignalsError``, ``BadNameError``.
        """
        if not new.signals:
            raise NoSignalsError("an entry needs at least one signal")
        labels = check_labels(new.labels)
        provider_id = new.provider_id or derived_provider_id(new.signals)
        check_text("provider_id", provider_id, MAX_PROVIDER_ID)
        now = datetime.now(UTC)
        with self._database.write() as (connection, sequence):
            bank_id = find_bank(connection, bank).id
            list_id = find_list(connection, bank_id, new.provider, new.list)
            values: dict[str, Any] = {
                **content_columns(new.signals, labels),
                "version": version_of_moment(now),
                "enabled": new.enabled,
                "deleted": False,
                "sequence": sequence,
                "updated_at": now,
            }
            there = connection.execute(
                select(EntryRow.id, EntryRow.deleted).where(
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
            elif there.deleted:
                number = there.id
                connection.execute(update(EntryRow).where(EntryRow.id == number).values(**values))
            else:
                raise EntryExistsError(
                    f"the list holds an entry with this provider_id already: {provider_id!r};"
                    " delete that one first if this is to take its place"
                )
            note_spaces(connection, bank_id, new.signals.codes)
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
            rows = connection.execute(_joined().where(EntryRow.id.in_(ids)))
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
                    EntryRow.bank_id == find_bank(connection, bank).id, EntryRow.deleted.is_(False)
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
                        EntryRow.deleted.is_(False),
                        EntryRow.enabled.is_(True),
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
        return self._change(bank, public_id, {"enabled": enabled})

    def delete(self, bank: str, public_id: str) -> None:
        """Tombstone an entry. A later version of its list that still holds it lists it again.

        Raises ``BankNotFoundError`` and ``EntryNotFoundError``.
        """
        self._change(bank, public_id, {"deleted": True})

    def _change(self, bank: str, public_id: str, values: dict[str, bool]) -> Entry:
        number = entry_number(public_id)
        with self._database.write() as (connection, sequence):
            find_bank(connection, bank)
            _one(connection, bank, number)
            connection.execute(
                update(EntryRow)
                .where(EntryRow.id == number)
                .values(**values, sequence=sequence, updated_at=datetime.now(UTC))
            )
            row = connection.execute(_joined().where(EntryRow.id == number)).one()
            return entry(row)


def find_list(connection: Connection, bank_id: int, provider: str, name: str) -> int:
    """The id of a bank's list, made if it is new, within a writing transaction. Raises
    ``BadNameError``."""
    check_text("provider", provider, 128)
    check_text("list", name, 128)
    known = connection.execute(
        select(ListRow.id).where(
            ListRow.bank_id == bank_id, ListRow.provider == provider, ListRow.name == name
        )
    ).scalar_one_or_none()
    if known is not None:
        return known
    return connection.execute(
        insert(ListRow).values(bank_id=bank_id, provider=provider, name=name).returning(ListRow.id)
    ).scalar_one()


def note_spaces(connection: Connection, bank_id: int, spaces: Iterable[str]) -> None:
    """Say that a bank holds codes of ``spaces``, within a writing transaction.

    Raises ``BadSignalError`` for one space too many: each has an index of its own. Spaces of which
    no code is left, such as those of a typing mistake that was deleted, do not count.
    """
    known = set(
        connection.execute(
            select(BankSpaceRow.space).where(BankSpaceRow.bank_id == bank_id)
        ).scalars()
    )
    if new := sorted(set(spaces) - known):
        everywhere = set(connection.execute(select(BankSpaceRow.space).distinct()).scalars())
        if len(everywhere.union(new)) > MAX_STORE_SPACES:
            # Goes through all entries, so only when it must be known; what it finds is kept.
            everywhere = _live_spaces(connection)
            connection.execute(delete(BankSpaceRow).where(BankSpaceRow.space.not_in(everywhere)))
        if len(everywhere.union(new)) > MAX_STORE_SPACES:
            raise BadSignalError(f"codes: a store holds codes of at most {MAX_STORE_SPACES} spaces")
        connection.execute(
            insert(BankSpaceRow), [{"bank_id": bank_id, "space": space} for space in new]
        )


def _live_spaces(connection: Connection) -> set[str]:
    """The code spaces of all entries that are not tombstones."""
    if connection.dialect.name == "sqlite":
        keys = func.json_each(EntryRow.codes).table_valued("key")
        query = select(keys.c.key).select_from(EntryRow).join(keys, true())
    else:
        query = select(func.json_object_keys(cast(EntryRow.codes, JSON)))
    live = EntryRow.deleted.is_(False), EntryRow.codes.is_not(None)
    return set(connection.execute(query.where(*live).distinct()).scalars())


def _joined() -> Select[*tuple[Any, ...]]:
    return (
        select(*ENTRY_COLUMNS)
        .join(ListRow, ListRow.id == EntryRow.list_id)
        .join(BankRow, BankRow.id == EntryRow.bank_id)
    )


def _live(bank_id: int, after: int) -> Select[*tuple[Any, ...]]:
    return (
        _joined()
        .where(EntryRow.bank_id == bank_id, EntryRow.id > after, EntryRow.deleted.is_(False))
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
            _live(self.bank_id, after).where(EntryRow.enabled.is_(True)).limit(self.chunk)
        ).all():
            with readable():
                found = [entry(row) for row in rows]
            yield from found
            after = rows[-1].id


def _one(connection: Connection, bank: str, number: int) -> Entry:
    row = connection.execute(
        _joined().where(
            EntryRow.id == number,
            EntryRow.deleted.is_(False),
            BankRow.name == bank,
            BankRow.deleted.is_(False),
        )
    ).one_or_none()
    if row is None:
        raise EntryNotFoundError(f"bank {bank!r} has no entry of this id")
    return entry(row)
