"""What is wrong with what a database holds: everything that can be told from within it.

Looked for are damaged pages and tables (SQLite), rows that name others that are not there, numbers
that do not follow from each other, and entries whose signals or labels are not what was written:
each carries a hash over them. It knows no index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, exists, func, not_, select, text

from service.domain.errors import StoreDamagedError
from service.domain.values import entry_id
from service.store.database import Database
from service.store.models import (
    BankRow,
    BankSpaceRow,
    CommitRow,
    CounterRow,
    EntryRow,
    ListRow,
    VersionRow,
)
from service.store.rows import CONTENT_COLUMNS, content_matches

_CHUNK: Final = 10_000
_SHOWN: Final = 20
"""Findings of each kind that are named; the rest is counted."""


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong."""

    what: str
    """``pages``, ``references``, ``counter`` or ``entries``."""
    said: str
    entries: tuple[int, ...] = ()
    """Internal ids of the entries it is about, if it is about some."""


def all_flaws(database: Database) -> Iterator[Flaw]:
    """Everything that is wrong, in one consistent view of the store; reads all of it.

    Never raises for damage: that is what it tells of. Raises ``StoreError`` where the database
    cannot be reached.
    """
    told = set[str]()
    looks = [_counter, _references, _entries]
    if database.path is not None:
        looks.insert(0, _pages)
    for look in looks:
        try:
            with database.read(pauses=True) as connection:
                yield from look(connection)
        except StoreDamagedError as error:
            if (said := str(error).partition(";")[0]) not in told:
                told.add(said)
                yield Flaw("pages", said)


def _pages(connection: Connection) -> Iterator[Flaw]:
    for (said,) in connection.execute(text(f"PRAGMA integrity_check({_SHOWN})")):
        if said != "ok":
            yield Flaw("pages", said.replace("\n", " "))


def _references(connection: Connection) -> Iterator[Flaw]:
    for child, key, parent in (
        (ListRow, ListRow.bank_id, BankRow.id),
        (VersionRow, VersionRow.list_id, ListRow.id),
        (BankSpaceRow, BankSpaceRow.bank_id, BankRow.id),
        (EntryRow, EntryRow.bank_id, BankRow.id),
        (EntryRow, EntryRow.list_id, ListRow.id),
    ):
        lost = select(func.count()).select_from(child).where(not_(exists().where(parent == key)))
        if count := connection.execute(lost).scalar_one():
            said = f"{count} rows of {child.__tablename__} name a {parent.table.name} row"
            yield Flaw("references", f"{said} that is not there")


def _counter(connection: Connection) -> Iterator[Flaw]:
    values = connection.execute(select(CounterRow.value)).scalars().all()
    if len(values) != 1:
        yield Flaw("counter", f"there are {len(values)} counters, not one")
        return
    newest = connection.execute(select(func.max(CommitRow.sequence))).scalar()
    if newest != values[0]:
        yield Flaw("counter", f"the counter is at {values[0]}, and the newest commit is {newest}")
    for table in (EntryRow, BankRow, VersionRow):
        highest = connection.execute(select(func.max(table.sequence))).scalar() or 0
        if highest > values[0]:
            said = f"{table.__tablename__} has a row of change {highest}"
            yield Flaw("counter", f"{said}, and the counter is at {values[0]}")


def _entries(connection: Connection) -> Iterator[Flaw]:
    """Those whose content is not what was written, a flaw for each bank."""
    query = select(EntryRow.id, EntryRow.bank_id, *CONTENT_COLUMNS)
    query = query.where(EntryRow.deleted.is_(False)).order_by(EntryRow.id).limit(_CHUNK)
    found: dict[int, list[int]] = {}
    after, full = -1, True
    while full and (rows := connection.execute(query.where(EntryRow.id > after)).all()):
        for row in rows:
            if not content_matches(row):
                found.setdefault(row.bank_id, []).append(row.id)
        after, full = rows[-1].id, len(rows) == _CHUNK
    banks = connection.execute(select(BankRow.id, BankRow.name))
    names = {bank.id: bank.name for bank in banks}
    for bank_id, ids in found.items():
        yield Flaw("entries", altered({bank_id: ids}, names), tuple(ids))


def altered(ids: dict[int, list[int]], names: dict[int, str]) -> str:
    """Words for entries that are not what was written; ``ids``: internal ones, by bank id."""
    said = []
    for bank_id, numbers in ids.items():
        shown = ", ".join(entry_id(number) for number in numbers[:_SHOWN])
        more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
        bank = repr(names.get(bank_id, "?"))
        said.append(
            f"{len(numbers)} entries of bank {bank} are not what was written: {shown}{more}"
        )
    return "; ".join(said)
