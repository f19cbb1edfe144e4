"""What the store holds at one moment, and what changed since another: how an index follows it.

It knows which rows changed; not what an index makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select, tuple_

from service.domain.errors import InvalidValueError, StoreDamagedError
from service.domain.values import Bank, Commit, EntryBatch, Key
from service.store.banks import live_banks
from service.store.database import Database, identity_of, readable
from service.store.keys import all_keys
from service.store.models import EVERY_TABLE, BankRow, BankSpaceRow, CommitRow, CounterRow, EntryRow
from service.store.rows import CONTENT_COLUMNS, SIGNAL_COLUMNS, content_matches

START: Final = 0
"""Before the first change."""

_CHUNK: Final = 10_000

_COLUMNS: Final = (EntryRow.id, EntryRow.bank_id, EntryRow.enabled, *SIGNAL_COLUMNS)
_CHECKED: Final = (EntryRow.code_role, EntryRow.labels, EntryRow.content)


@dataclass(frozen=True)
class View:
    """One consistent view of the store."""

    commit: Commit
    """The newest in this view."""
    banks: tuple[Bank, ...]
    """All of them, not only those that changed: they are few."""
    keys: tuple[Key, ...]
    """All of them."""
    spaces: Mapping[int, frozenset[str]]
    """Bank id to the code spaces of which it holds codes, or held some once."""
    purged: int
    """The sequence up to which tombstones may be gone for good."""
    identity: str
    """The store's name: no other store has it, and every backup of this one has."""
    damaged: dict[int, int]
    """Entries that were read and are not what was written, by id with their bank's: they are in no
    batch. Grows while entries are read."""
    _connection: Connection
    _bank_ids: frozenset[int]
    """Of every bank there ever was."""

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

    def entries(self, since: int = START) -> Iterator[EntryBatch]:
        """The entries that changed after ``since``, each once, as they are now, in batches; from
        the start, only live ones.

        Each is held against its hash; what fails is noted in ``damaged``. Raises
        ``StoreDamagedError``.
        """
        return self._all() if since == START else self._changed(since)

    def _all(self) -> Iterator[EntryBatch]:
        # By id, which is the order of the table: a list's entries share one sequence.
        query = (
            select(*_COLUMNS, *_CHECKED).where(EntryRow.deleted.is_(False)).order_by(EntryRow.id)
        )
        after, full = -1, True
        while full and (
            rows := self._connection.execute(query.where(EntryRow.id > after).limit(_CHUNK)).all()
        ):
            full = len(rows) == _CHUNK
            after = rows[-1].id
            if kept := self._whole(rows):
                columns = list(zip(*kept, strict=True))[: len(_COLUMNS)]
                yield EntryBatch(*[*columns, (True,) * len(kept)])

    def _changed(self, since: int) -> Iterator[EntryBatch]:
        place = tuple_(EntryRow.sequence, EntryRow.id)
        query = select(*_COLUMNS, *_CHECKED, EntryRow.deleted, EntryRow.sequence).order_by(
            EntryRow.sequence, EntryRow.id
        )
        after, full = (since + 1, -1), True
        while full and (
            rows := self._connection.execute(
                query.where(place > tuple_(*after)).limit(_CHUNK)
            ).all()
        ):
            full = len(rows) == _CHUNK
            after = (rows[-1].sequence, rows[-1].id)
            if kept := self._whole(rows):
                columns = list(zip(*kept, strict=True))[: len(_COLUMNS)]
                yield EntryBatch(*[*columns, tuple(not row.deleted for row in kept)])

    def still_damaged(self, ids: Iterable[int]) -> dict[int, int]:
        """Those of the entries ``ids`` that are in the store and not what was written."""
        query = select(EntryRow.id, EntryRow.bank_id, *CONTENT_COLUMNS).where(
            EntryRow.deleted.is_(False)
        )
        asked, found = list(ids), {}
        for at in range(0, len(asked), _CHUNK):  # databases take only so many at once
            some = EntryRow.id.in_(asked[at : at + _CHUNK])
            rows = self._connection.execute(query.where(some)).all()
            found.update({row.id: self._bank_of(row) for row in rows if not self._is_whole(row)})
        return found

    def _whole(self, rows: Sequence[Any]) -> list[Any]:
        """The rows that are what was written; what is tombstoned need not be."""
        kept = []
        for row in rows:
            if self._is_whole(row) or getattr(row, "deleted", False):
                kept.append(row)
            else:
                self.damaged[row.id] = self._bank_of(row)
        return kept

    def _is_whole(self, row: Any) -> bool:  # noqa: ANN401 (rows of two queries)
        return row.bank_id in self._bank_ids and content_matches(row)

    def _bank_of(self, row: Any) -> int:  # noqa: ANN401
        return row.bank_id if row.bank_id in self._bank_ids else 0


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
        .where(EntryRow.deleted.is_(False), EntryRow.enabled.is_(True))
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
def view_of(database: Database) -> Iterator[View]:
    """The store as it is now. Use it within the ``with``."""
    # What is read is made into indexes before more is read, which takes as long as it takes.
    with database.read(probe=True, pauses=True) as connection:
        with readable(InvalidValueError):
            view = _view(connection)
        yield view


def _view(connection: Connection) -> View:
    spaces: dict[int, set[str]] = {}
    for bank_id, space in connection.execute(select(BankSpaceRow.bank_id, BankSpaceRow.space)):
        spaces.setdefault(bank_id, set()).add(space)
    return View(
        _newest(connection),
        tuple(live_banks(connection)),
        tuple(all_keys(connection)),
        {bank_id: frozenset(held) for bank_id, held in spaces.items()},
        connection.execute(select(CounterRow.purged)).scalar_one(),
        identity_of(connection),
        {},
        connection,
        frozenset(connection.execute(select(BankRow.id)).scalars()),
    )


def _newest(connection: Connection) -> Commit:
    row = connection.execute(
        select(CounterRow.value, CommitRow.mark).outerjoin(
            CommitRow, CommitRow.sequence == CounterRow.value
        )
    ).one()
    return Commit(row.value, row.mark or "")
