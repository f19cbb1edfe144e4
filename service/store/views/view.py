"""What the store holds at one moment, and what changed since another: how an index follows it.

It knows which rows changed; not what an index makes of them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Select, func, or_, select

from service.domain.errors import InvalidValueError, StoreDamagedError
from service.domain.values import Bank, Commit, Key
from service.store.banks.rows import bank_of, bank_rows
from service.store.core.database import Database, identity_of
from service.store.core.faults import driver_errors, readable
from service.store.core.models import (
    EVERY_TABLE,
    RESTORED,
    BankRow,
    CommitRow,
    CounterRow,
    EarlierRow,
    EntryRow,
    KeyRow,
    ListRow,
)
from service.store.core.seals import columns_of, is_whole
from service.store.entries.lists import kinds_of
from service.store.entries.packing import parsed
from service.store.entries.rows import DISABLED, REMOVED
from service.store.keys import key_of, key_rows
from service.store.views.batches import READ, EntryBatch, Reader

log = logging.getLogger(__name__)

START: Final = 0
"""Before the first change."""

_CHUNK: Final = 2_000


@dataclass(frozen=True)
class StoreView:
    """One consistent view of the store."""

    commit: Commit
    """The newest in this view."""
    banks: tuple[Bank, ...]
    """All of them, not only those that changed: they are few."""
    keys: tuple[Key, ...]
    """All of them."""
    kinds: Mapping[int, frozenset[str]]
    """Bank id to the types of signals, with their spaces (``code@lite0-256-7``), that its entries
    have or had once."""
    purged: int
    """The sequence up to which tombstones may be gone for good."""
    identity: str
    """The store's name: no other store has it, and every backup of this one has."""
    secret: bytes = field(repr=False)
    """By which indexes hide what they hold: see ``CounterRow``."""
    newest: int
    """The highest id of an entry; every later entry gets a higher one."""
    incomplete: Mapping[int, str]
    """Banks that are not whole, by id (0 where it is not known which), with what is wrong: the bank
    itself or a list of it is not what was written. Such a bank is not among ``banks``."""
    bad_keys: tuple[str, ...]
    """Ids of keys that are not what was written, and are not among ``keys``."""
    damaged: dict[int, int]
    """Entries that were read and are not what was written, by id with their bank's: they are in no
    batch. Grows while entries are read."""
    lost: dict[int, int]
    """Bank id to how many more entries it should hold than were found; filled once ``entries`` has
    read all of them."""
    _connection: Connection
    _reader: Reader
    _held: Mapping[int, tuple[int, int]]
    """List id to its bank's, and how many entries it holds."""

    @property
    def spaces(self) -> dict[int, frozenset[str]]:
        """Bank id to the code spaces of which it holds codes, or held some once."""
        found = {
            bank: frozenset(kind[5:] for kind in kinds if kind.startswith("code@"))
            for bank, kinds in self.kinds.items()
        }
        return {bank: spaces for bank, spaces in found.items() if spaces}

    def holds(self, commit: Commit) -> bool:
        """Whether this store came by ``commit``, and knows all that was removed since.

        Not so where a backup was restored since, or where later tombstones were purged.
        """
        return (
            self.purged <= commit.sequence <= self.commit.sequence
            and self._connection.execute(
                select(CommitRow.mark).where(CommitRow.sequence == commit.sequence)
            ).scalar()
            == commit.mark
        )

    def restores(self, since: int = START) -> frozenset[str]:
        """The marks of the commits after ``since`` by which a backup was restored."""
        query = select(CommitRow.mark).where(
            CommitRow.sequence > since, CommitRow.actor == RESTORED
        )
        return frozenset(row[0] for row in self._rows(query))

    def entries(self, since: int = START, newest: int | None = None) -> Iterator[EntryBatch]:
        """The entries that changed after ``since``, each once, as they are now, in batches; from
        the start, only live ones. ``newest``: the highest id that there was at ``since``, if known.

        Each is held against its hash; what fails is noted in ``damaged``. Raises
        ``StoreDamagedError``.
        """
        return self._all() if since == START else self._changed(since, newest)

    def _all(self) -> Iterator[EntryBatch]:
        # By id, which is the order of the table: a list's entries share one sequence. What says
        # that it is removed and is not empty is damage.
        here = or_(EntryRow.state != REMOVED, EntryRow.content.is_not(None))
        query = select(*READ).where(here).order_by(EntryRow.id).limit(_CHUNK)
        found = Counter[int]()
        after, full = -1, True
        while full and (rows := self._rows(query.where(EntryRow.id > after))):
            full = len(rows) == _CHUNK
            after = rows[-1][0]
            found.update([row[2] for row in rows])
            yield self._reader.batch(rows)
        for list_id, (bank_id, held) in self._held.items():
            if missing := held - found[list_id]:
                self.lost[bank_id] = self.lost.get(bank_id, 0) + missing

    def _changed(self, since: int, newest: int | None) -> Iterator[EntryBatch]:
        several = self._several(since)
        for rows in chain(self._rows_after(since), self._misnumbered(since, newest)):
            batch = self._reader.batch([row[: len(READ)] for row in rows])
            if several:
                had = {one: several[one] for one in batch.ids.tolist() if one in several}
                batch = replace(batch, several=had)
            yield batch

    def _rows_after(self, since: int) -> Iterator[Sequence[Any]]:
        query = select(*READ, EntryRow.sequence).order_by(EntryRow.sequence, EntryRow.id)
        query = query.limit(_CHUNK)
        rows = self._rows(query.where(EntryRow.sequence > since))
        while rows:
            yield rows
            sequence, after = rows[-1][-1], rows[-1][0]
            # Both at once, as a comparison of tuples, would pass over all of a long list's rows
            # anew for each chunk: SQLite uses the index for the first part only.
            rows = self._rows(query.where(EntryRow.sequence == sequence, EntryRow.id > after))
            rows = rows or self._rows(query.where(EntryRow.sequence > sequence))

    def _misnumbered(self, since: int, newest: int | None) -> Iterator[Sequence[Any]]:
        """Entries that changed after ``since`` though their rows say that they did before: they are
        newer than ``newest``, or what they were until later is kept.

        A hash over a row is no help against that: a row that is not read is not held against it.
        """
        until = select(EarlierRow.entry_id).join(EntryRow, EntryRow.id == EarlierRow.entry_id)
        asked = [until.where(EarlierRow.until > since, EntryRow.sequence <= since)]
        if newest is not None:
            late = EntryRow.id > newest, EntryRow.sequence <= since
            asked.append(select(EntryRow.id).where(*late))
        ids = sorted({row[0] for query in asked for row in self._rows(query)})
        if ids:
            said = "%d entries changed after %d, and their rows say before: they are read anyway"
            log.warning(said, len(ids), since)
        for at in range(0, len(ids), _CHUNK):
            yield self._rows(select(*READ).where(EntryRow.id.in_(ids[at : at + _CHUNK])))

    def _several(self, since: int) -> dict[int, int]:
        """Of the entries that changed after ``since``, those that had several signals of one type
        then or at any time since, with how many at most: of several indexes one may have heard of
        more than another."""
        query = select(EarlierRow.entry_id, EarlierRow.layout).where(
            EarlierRow.until > since, EarlierRow.layout.contains("*")
        )
        found: dict[int, int] = {}
        for number, layout in self._rows(query):
            found[number] = max(found.get(number, 0), parsed(layout).most)
        return found

    def still_damaged(self, ids: Iterable[int]) -> dict[int, int]:
        """Those of the entries ``ids`` that are in the store and not what was written."""
        asked, found = list(ids), {}
        for at in range(0, len(asked), _CHUNK):  # databases take only so many at once
            some = EntryRow.id.in_(asked[at : at + _CHUNK])
            found.update(self._reader.bad(self._rows(select(*READ).where(some))))
        return found

    def _rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        """Plain tuples, as the driver has them: there are a great many."""
        result = self._connection.execute(query)
        try:
            assert result.cursor is not None
            with driver_errors():
                return result.cursor.fetchall()
        finally:
            result.close()


def newest_commit(database: Database) -> Commit:
    """The newest commit: the cheap question of a poller."""
    with database.read(database.deadlines.lookup, probe=True) as connection:
        connection.execute(EVERY_TABLE)  # one that is gone is noticed by who polls, not by a match
        return _newest(connection)


def identity(database: Database) -> str:
    """The store's name: no other store has it, and every backup of this one has."""
    with database.read() as connection:
        return identity_of(connection)


def filled_banks(database: Database, bank_ids: Iterable[int]) -> frozenset[int]:
    """Those of the banks ``bank_ids`` that hold an entry that is enabled; where that is damaged
    there is something, so all of them."""
    asked = frozenset(bank_ids)
    query = (
        select(EntryRow.id)
        .where(EntryRow.state.not_in((DISABLED, REMOVED)))
        .order_by(EntryRow.id.desc())  # the oldest are the likeliest to be tombstones
        .limit(1)
    )
    try:
        with database.read(probe=True) as connection:
            return frozenset(
                one
                for one in asked
                if connection.execute(query.where(EntryRow.bank_id == one)).first()
            )
    except StoreDamagedError:
        return asked


@contextmanager
def view_of(database: Database) -> Iterator[StoreView]:
    """The store as it is now. Use it within the ``with``."""
    # What is read is made into indexes before more is read, which takes as long as it takes.
    with database.read(probe=True, pauses=True) as connection:
        with readable(InvalidValueError):
            view = _view(connection)
        yield view


def _view(connection: Connection) -> StoreView:
    incomplete: dict[int, str] = {}
    banks: list[Bank] = []
    bank_ids = set[int]()
    for row in bank_rows(connection):
        bank_ids.add(row.id)
        if not is_whole(BankRow, row):
            incomplete[row.id] = f"the bank {row.name!r} is not what was written"
        elif not row.deleted:
            banks.append(bank_of(row))
    kinds: dict[int, frozenset[str]] = {}
    held: dict[int, tuple[int, int]] = {}
    for row in connection.execute(select(*columns_of(ListRow))):
        bank_id = row.bank_id if row.bank_id in bank_ids else 0
        if not (bank_id and is_whole(ListRow, row)):
            incomplete.setdefault(bank_id, f"the list {row.name!r} is not what was written")
            continue
        kinds[bank_id] = kinds.get(bank_id, frozenset()) | kinds_of(row.kinds)
        held[row.id] = (bank_id, row.entries)
    keys = [(row, is_whole(KeyRow, row)) for row in key_rows(connection)]
    damaged: dict[int, int] = {}
    # By bank, since an index answers that: the entries themselves may be damaged, and what can be
    # answered without them is.
    highest = select(func.max(EntryRow.id))
    newest = max(
        (
            connection.execute(highest.where(EntryRow.bank_id == one)).scalar() or 0
            for one in bank_ids
        ),
        default=0,
    )
    purged, secret = connection.execute(select(CounterRow.purged, CounterRow.secret)).one()
    return StoreView(
        commit=_newest(connection),
        banks=tuple(bank for bank in banks if bank.id not in incomplete),
        keys=tuple(key_of(row) for row, whole in keys if whole),
        kinds=kinds,
        purged=purged,
        secret=bytes(secret),
        identity=identity_of(connection),
        newest=newest,
        incomplete=incomplete,
        bad_keys=tuple(str(row.id) for row, whole in keys if not whole),
        damaged=damaged,
        lost={},
        _connection=connection,
        _reader=Reader({number: bank_id for number, (bank_id, _) in held.items()}, damaged),
        _held=held,
    )


def _newest(connection: Connection) -> Commit:
    row = connection.execute(
        select(CounterRow.value, CommitRow.mark).outerjoin(
            CommitRow, CommitRow.sequence == CounterRow.value
        )
    ).one()
    return Commit(row.value, row.mark or "")
