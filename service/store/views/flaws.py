"""What is wrong with what a database holds: everything that can be told from within it.

Looked for are damaged pages and tables (SQLite), rows that name others that are not there, numbers
that do not follow from each other, lists that hold fewer or more entries than were put on them, and
rows that are not what was written: each carries a hash over all that it says. It knows no index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, exists, func, not_, select, text, tuple_

from service.domain.errors import StoreDamagedError
from service.domain.signals import SECRET_BYTES
from service.domain.values import entry_id
from service.store.core.database import Database
from service.store.core.models import (
    BankRow,
    CommitRow,
    CounterRow,
    EarlierRow,
    EntryRow,
    ListRow,
    VersionRow,
)
from service.store.core.seals import SEALED, columns_of, is_whole
from service.store.entries.rows import REMOVED
from service.store.entries.rows import is_whole as is_whole_content
from service.store.views.batches import READ, Reader

_CHUNK: Final = 10_000
_SHOWN: Final = 20
"""Findings of each kind that are named; the rest is counted."""


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong."""

    what: str
    """``pages``, ``references``, ``counter``, ``seals``, ``lists``, ``entries`` or ``past``."""
    said: str
    entries: tuple[int, ...] = ()
    """Internal ids of the entries it is about, if it is about some."""


def all_flaws(database: Database) -> Iterator[Flaw]:
    """Everything that is wrong, in one consistent view of the store; reads all of it.

    Never raises for damage: that is what it tells of. Raises ``StoreError`` where the database
    cannot be reached.
    """
    told = set[str]()
    looks = [_counter, _references, _seals, _entries, _past]
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
        (EntryRow, EntryRow.bank_id, BankRow.id),
        (EntryRow, EntryRow.list_id, ListRow.id),
        (EarlierRow, EarlierRow.entry_id, EntryRow.id),
    ):
        lost = select(func.count()).select_from(child).where(not_(exists().where(parent == key)))
        if count := connection.execute(lost).scalar_one():
            said = f"{count} rows of {child.__tablename__} name a {parent.table.name} row"
            yield Flaw("references", f"{said} that is not there")
    named = exists().where(VersionRow.list_id == ListRow.id, VersionRow.version == ListRow.version)
    lost = select(func.count()).where(ListRow.version.is_not(None), not_(named))
    if count := connection.execute(lost).scalar_one():
        yield Flaw("references", f"{count} lists name a version in force that is not there")


def _counter(connection: Connection) -> Iterator[Flaw]:
    values = connection.execute(select(CounterRow.value)).scalars().all()
    if len(values) != 1:
        yield Flaw("counter", f"there are {len(values)} counters, not one")
        return
    if len(connection.execute(select(CounterRow.secret)).scalar_one()) != SECRET_BYTES:
        yield Flaw("counter", "the secret by which indexes hide what they hold is not there")
    newest = connection.execute(select(func.max(CommitRow.sequence))).scalar()
    if newest != values[0]:
        yield Flaw("counter", f"the counter is at {values[0]}, and the newest commit is {newest}")
    for table in (EntryRow, BankRow, VersionRow):
        highest = connection.execute(select(func.max(table.sequence))).scalar() or 0
        if highest > values[0]:
            said = f"{table.__tablename__} has a row of change {highest}"
            yield Flaw("counter", f"{said}, and the counter is at {values[0]}")
    before = (
        select(func.count(EarlierRow.entry_id.distinct()))
        .join(EntryRow, EntryRow.id == EarlierRow.entry_id)
        .where(EntryRow.sequence < EarlierRow.until)
    )
    if count := connection.execute(before).scalar_one():
        yield Flaw("counter", f"{count} entries say that they changed before they last did")


def _seals(connection: Connection) -> Iterator[Flaw]:
    """Rows of banks, lists, versions and keys that are not what was written."""
    for table in SEALED:
        rows = connection.execute(select(*columns_of(table)))
        bad = [
            str(row.name if "name" in row._mapping else row[0])
            for row in rows
            if not is_whole(table, row)
        ]
        if bad:
            said = f"{len(bad)} rows of {table.__tablename__} are not what was written"
            yield Flaw("seals", f"{said}: {', '.join(bad[:_SHOWN])}")


def _entries(connection: Connection) -> Iterator[Flaw]:
    """Those that are not what was written, a flaw for each bank, and lists that lack some."""
    lists = connection.execute(select(ListRow.id, ListRow.bank_id, ListRow.name, ListRow.entries))
    held = {row.id: row for row in lists}
    reader = Reader({number: row.bank_id for number, row in held.items()}, {})
    query = select(*READ).order_by(EntryRow.id).limit(_CHUNK)
    found: dict[int, list[int]] = {}
    counts = Counter[int]()
    after, full = -1, True
    while full and (rows := connection.execute(query.where(EntryRow.id > after)).all()):
        counts.update(row.list_id for row in rows if row.state != REMOVED)
        for number, bank_id in reader.bad(rows).items():
            found.setdefault(bank_id, []).append(number)
        after, full = rows[-1].id, len(rows) == _CHUNK
    names = {bank.id: bank.name for bank in connection.execute(select(BankRow.id, BankRow.name))}
    for bank_id, ids in found.items():
        yield Flaw("entries", altered({bank_id: ids}, names), tuple(ids))
    for number, row in held.items():
        if row.entries != counts[number]:
            said = f"list {row.name!r} of bank {names.get(row.bank_id, '?')!r}"
            yield Flaw(
                "lists", f"{said} should hold {row.entries} entries: {counts[number]} are there"
            )


def _past(connection: Connection) -> Iterator[Flaw]:
    """Earlier states that are not what was written."""
    query = (
        select(
            EarlierRow.entry_id,
            EarlierRow.until,
            EarlierRow.state,
            EarlierRow.layout,
            EntryRow.provider_id,
            EarlierRow.labels,
            EarlierRow.signals,
            EarlierRow.content,
        )
        .join(EntryRow, EntryRow.id == EarlierRow.entry_id)
        .order_by(EarlierRow.entry_id, EarlierRow.until)
        .limit(_CHUNK)
    )
    place = tuple_(EarlierRow.entry_id, EarlierRow.until)
    bad, after, full = 0, (-1, -1), True
    while full and (rows := connection.execute(query.where(place > tuple_(*after))).all()):
        bad += sum(not is_whole_content(*row[2:]) for row in rows)
        after, full = (rows[-1].entry_id, rows[-1].until), len(rows) == _CHUNK
    if bad:
        yield Flaw("past", f"{bad} earlier states of entries are not what was written")


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
