"""What was: the states an entry went through, and what a bank held at any moment.

A moment is a sequence, or a time, which is that of the newest commit until then. It reads
``entries`` and ``earlier_states`` together; it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Select, Subquery, and_, func, select, union_all

from service.domain.errors import EntryNotFoundError, InvalidValueError, NotFoundError
from service.domain.signals import Signals
from service.domain.values import Entry, entry_number
from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.faults import readable
from service.store.core.models import (
    BankRow,
    CommitRow,
    CounterRow,
    EarlierRow,
    EntryRow,
    ListRow,
    VersionRow,
)
from service.store.entries.entries import EntryPage
from service.store.entries.packing import unpacked
from service.store.entries.rows import CONTENT, REMOVED, entry, is_whole

_KEPT: Final = (*CONTENT, "version", "state", "updated_at")


class PastUnknownError(NotFoundError):
    """What was at that moment is not known: it was purged, or before the store kept its past."""

    code = "past_unknown"


@dataclass(frozen=True)
class EntryState:
    """What an entry was from one change to another."""

    state: str
    """``in_force``, ``disabled`` or ``removed``."""
    signals: Signals
    """None of what is removed."""
    labels: tuple[str, ...]
    version: str
    """The list version, or the time, in which the content came to be what it is."""
    since: int
    """Sequence of the change that began it; 0 where that was before the past was kept."""
    until: int | None
    """Sequence of the change that ended it; ``None`` of what is."""
    began_at: datetime
    ended_at: datetime | None
    actor: str
    """Who began it; empty where nobody wrote that down, or it was purged."""
    whole: bool
    """Whether it is what was written."""


@dataclass(frozen=True)
class ListedThen:
    """What an entry of a list was: what rolling back reads."""

    provider_id: str
    signals: Signals | None
    """``None``: the list did not hold it."""
    labels: tuple[str, ...]
    whole: bool


class History:
    """The past of one store."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``."""
        self._database = database

    def states(self, bank: str, public_id: str) -> tuple[EntryState, ...]:
        """Every state an entry had, oldest first, also of one that is removed. Raises
        ``BankNotFoundError``, ``EntryNotFoundError``."""
        number = entry_number(public_id)
        with self._database.read() as connection:
            bank_id = find_bank(connection, bank).id
            now = connection.execute(
                select(EntryRow.provider_id, EntryRow.sequence, *_columns(EntryRow)).where(
                    EntryRow.id == number, EntryRow.bank_id == bank_id
                )
            ).one_or_none()
            if now is None:
                raise EntryNotFoundError(f"bank {bank!r} has no entry of this id")
            earlier = connection.execute(
                select(EarlierRow.since, EarlierRow.until, *_columns(EarlierRow))
                .where(EarlierRow.entry_id == number)
                .order_by(EarlierRow.until)
            ).all()
            begun = [row.since for row in earlier] + [now.sequence]
            commits = select(CommitRow.sequence, CommitRow.actor).where(
                CommitRow.sequence.in_(begun)
            )
            actors = {row.sequence: row.actor for row in connection.execute(commits)}
            ends = [*[row.updated_at for row in earlier][1:], now.updated_at]
            with readable(InvalidValueError):
                found = [
                    _state(row, now.provider_id, row.since, row.until, end, actors)
                    for row, end in zip(earlier, ends, strict=False)
                ]
                last = _state(now, now.provider_id, now.sequence, None, None, actors)
        return (*found, last)

    def sequence_at(self, at: int | datetime) -> int:
        """The sequence of the newest commit until then. Raises ``PastUnknownError``."""
        with self._database.read() as connection:
            return _known(connection, at)

    def entry(self, bank: str, public_id: str, at: int | datetime) -> Entry:
        """An entry as it was. Raises ``BankNotFoundError``, ``EntryNotFoundError``,
        ``PastUnknownError``."""
        number = entry_number(public_id)
        found = self.page(bank, at, number - 1, 1).entries
        if not found or found[0].id != number:
            raise EntryNotFoundError(f"bank {bank!r} had no entry of this id then")
        return found[0]

    def page(self, bank: str, at: int | datetime, after: int = 0, limit: int = 100) -> EntryPage:
        """What a bank held, as ``Entries.page``. Raises ``BankNotFoundError``,
        ``PastUnknownError``."""
        with self._database.read(self._database.deadlines.bulk) as connection:
            bank_id = find_bank(connection, bank).id
            sequence = _known(connection, at)
            then = _as_of(sequence, EntryRow.bank_id == bank_id)
            version = (
                select(VersionRow.version)
                .where(VersionRow.list_id == then.c.list_id, VersionRow.sequence <= sequence)
                .order_by(VersionRow.sequence.desc())
                .limit(1)
                .scalar_subquery()
            )
            rows = connection.execute(
                select(
                    then,
                    BankRow.name.label("bank"),
                    ListRow.provider,
                    ListRow.name.label("list"),
                    func.coalesce(version, then.c.version).label("list_version"),
                )
                .join(ListRow, ListRow.id == then.c.list_id)
                .join(BankRow, BankRow.id == ListRow.bank_id)
                .where(then.c.id > after)
                .order_by(then.c.id)
                .limit(limit + 1)
            ).all()
            found = tuple(entry(row) for row in rows[:limit])
        return EntryPage(found, found[-1].id if found else after, len(rows) > limit)


def changed_since(
    connection: Connection, list_id: int, sequence: int, chunk: int = 2_000
) -> Iterator[ListedThen]:
    """What the entries of a list that changed after ``sequence`` were then, disabled or not, within
    a transaction. Raises ``PastUnknownError``."""
    _known(connection, sequence)
    fresh = and_(EntryRow.list_id == list_id, EntryRow.sequence > sequence)
    then = _earlier(sequence, fresh).subquery("then")
    query = (
        select(EntryRow.id.label("number"), EntryRow.provider_id.label("named"), then)
        .outerjoin(then, then.c.id == EntryRow.id)
        .where(fresh)
        .order_by(EntryRow.id)
        .limit(chunk)
    )
    after, full = -1, True
    while full and (rows := connection.execute(query.where(EntryRow.id > after)).all()):
        after, full = rows[-1].number, len(rows) == chunk
        with readable(InvalidValueError):
            for row in rows:
                if row.id is None:
                    yield ListedThen(row.named, None, (), True)
                    continue
                yield ListedThen(
                    row.named,
                    Signals(*unpacked(row.layout, row.signals or b"")),
                    tuple(orjson.loads(row.labels)),
                    _is_whole(row, row.named),
                )


def _as_of(sequence: int, which: Any) -> Subquery:  # noqa: ANN401 (a condition on EntryRow)
    """The entries that were there at ``sequence``, as they were."""
    same = EntryRow.id, EntryRow.list_id, EntryRow.provider_id, EntryRow.created_at
    now: Select[Any] = select(*same, *_columns(EntryRow)).where(
        which, EntryRow.sequence <= sequence, EntryRow.state != REMOVED
    )
    return union_all(now, _earlier(sequence, which)).subquery("as_of")


def _earlier(sequence: int, which: Any) -> Select[Any]:  # noqa: ANN401
    """The entries that were there at ``sequence`` and changed since, as they were."""
    same = EntryRow.id, EntryRow.list_id, EntryRow.provider_id, EntryRow.created_at
    return (
        select(*same, *_columns(EarlierRow))
        .join(EarlierRow, EarlierRow.entry_id == EntryRow.id)
        .where(
            which,
            EarlierRow.since <= sequence,
            EarlierRow.until > sequence,
            EarlierRow.state != REMOVED,
        )
    )


def _columns(table: type[EntryRow | EarlierRow]) -> list[Any]:
    return [getattr(table, name) for name in _KEPT]


def _known(connection: Connection, at: int | datetime) -> int:
    """The sequence at that moment. Raises ``PastUnknownError``."""
    if isinstance(at, datetime):
        newest = select(func.max(CommitRow.sequence)).where(CommitRow.committed_at <= at)
        at = connection.execute(newest).scalar() or 0
    counter = connection.execute(
        select(CounterRow.value, CounterRow.purged, CounterRow.past_from)
    ).one()
    first = max(counter.purged, counter.past_from)
    if not first <= at <= counter.value:
        raise PastUnknownError(
            f"the past is known from change {first} to {counter.value}, not at {at}"
        )
    return at


def _state(
    row: Row[*tuple[Any, ...]],
    provider_id: str,
    since: int,
    until: int | None,
    ended_at: datetime | None,
    actors: dict[int, str],
) -> EntryState:
    return EntryState(
        state=row.state,
        signals=Signals(*unpacked(row.layout, row.signals or b"")),
        labels=tuple(orjson.loads(row.labels)),
        version=row.version,
        since=since,
        until=until,
        began_at=row.updated_at,
        ended_at=ended_at,
        actor=actors.get(since, ""),
        whole=_is_whole(row, provider_id),
    )


def _is_whole(row: Row[*tuple[Any, ...]], provider_id: str) -> bool:
    return is_whole(row.state, row.layout, provider_id, row.labels, row.signals, row.content)
