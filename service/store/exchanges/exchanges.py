"""Exchanges in the store: made, changed, deleted, and each sync begun and ended.

What an exchange is takes a commit of its own, which names who changed it; how syncs go is written
down beside the commits, in runs that name who asked for each. A checkpoint moves in the transaction
that puts what was fetched in force (``landing``), and only if the exchange still is what was
synced. It knows rows; fetching is ``service.work``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.domain.errors import (
    ExchangeChangedError,
    ExchangeExistsError,
    InvalidValueError,
    NotFoundError,
)
from service.domain.exchanges import (
    ENDED,
    MOST_EXCHANGES,
    MOST_RUNS,
    ExchangeRecord,
    ExchangeRun,
    NewExchange,
    RunState,
)
from service.store.core.database import Database
from service.store.core.faults import readable
from service.store.core.models import ExchangeRow, ExchangeRunRow
from service.store.core.seals import insert_sealed, update_sealed
from service.store.exchanges.rows import (
    all_exchanges,
    columns_for,
    count,
    find_exchange,
    list_in_force,
    newest_run,
    run_columns,
    run_of,
)

_ANEW = ("kind", "settings", "bank", "provider", "list")
"""What a checkpoint is not good for once it is another."""

_UNENDED = frozenset(RunState) - ENDED


class Exchanges:
    """The exchanges of one store."""

    def __init__(self, database: Database, actor: str) -> None:
        """Work on ``database``, as ``actor``."""
        self._database, self._actor = database, actor

    def create(self, new: NewExchange) -> ExchangeRecord:
        """Keep an exchange; its first sync is due at once. Raises ``ExchangeExistsError``,
        ``InvalidValueError``."""
        now = datetime.now(UTC)
        with self._database.write(self._actor) as (connection, _):
            if count(connection) >= MOST_EXCHANGES:
                raise InvalidValueError(f"there are {MOST_EXCHANGES} exchanges, the most there may")
            values = {**columns_for(new), "created_at": now, "updated_at": now}
            try:
                insert_sealed(connection, ExchangeRow, {**values, "failures": 0})
            except IntegrityError:
                raise ExchangeExistsError(
                    f"an exchange named {new.name!r} is there already"
                ) from None
            return find_exchange(connection, new.name)

    def all(self) -> list[ExchangeRecord]:
        """Every exchange that is what was written, by name."""
        return self.read()[0]

    def read(self) -> tuple[list[ExchangeRecord], list[str]]:
        """The same, and the names of those that are not."""
        with self._database.read() as connection:
            return all_exchanges(connection)

    def get(self, name: str) -> ExchangeRecord:
        """The exchange of this name. Raises ``ExchangeNotFoundError``."""
        with self._database.read() as connection:
            return find_exchange(connection, name)

    def update(self, name: str, change: Callable[[NewExchange], NewExchange]) -> ExchangeRecord:
        """Make an exchange what ``change`` makes of it, and its next sync due at once.

        Of another source or into another list it begins anew. Raises ``ExchangeNotFoundError``
        and what ``change`` raises.
        """
        now = datetime.now(UTC)
        with self._database.write(self._actor) as (connection, _):
            found = find_exchange(connection, name)
            new = change(found.new)
            if new == found.new:
                return found
            if new.name != name:
                raise InvalidValueError("an exchange keeps its name")
            values = {**columns_for(new), "updated_at": now, "next_at": None, "failures": 0}
            if any(getattr(new, part) != getattr(found.new, part) for part in _ANEW):
                values |= {"checkpoint": None, "version": None}
            update_sealed(connection, ExchangeRow, ExchangeRow.id == found.id, values)
            return find_exchange(connection, name)

    def delete(self, name: str) -> None:
        """Forget an exchange and its runs; what it brought stays. Raises
        ``ExchangeNotFoundError``."""
        with self._database.write(self._actor) as (connection, _):
            # Even one that is not what was written: deleting it is the way out.
            ids = select(ExchangeRow.id).where(ExchangeRow.name == name)
            number = connection.execute(ids).scalar_one_or_none() if name.isprintable() else None
            if number is None:
                find_exchange(connection, "" if not name.isprintable() else name)
            connection.execute(delete(ExchangeRunRow).where(ExchangeRunRow.exchange_id == number))
            connection.execute(delete(ExchangeRow).where(ExchangeRow.id == number))

    def ask(self, name: str, allow_shrink: bool = False) -> ExchangeRun:
        """Have an exchange synced soon, whenever it is due; the run, which may have been asked for
        before. Raises ``ExchangeNotFoundError``."""
        with self._altering() as connection:
            found = find_exchange(connection, name)
            current = newest_run(connection, found.id, ended=False)
            if current is not None and current.state is RunState.QUEUED:
                if allow_shrink and not current.allow_shrink:
                    _note(connection, current.id, {"allow_shrink": True})
                return self._run(connection, current.id)
            return self._insert(connection, found.id, RunState.QUEUED, allow_shrink)

    def runs(self, name: str, limit: int = MOST_RUNS) -> list[ExchangeRun]:
        """The newest runs of an exchange, newest first. Raises ``ExchangeNotFoundError``."""
        with self._database.read() as connection:
            found = find_exchange(connection, name)
            query = (
                select(*run_columns())
                .where(ExchangeRunRow.exchange_id == found.id)
                .order_by(ExchangeRunRow.id.desc())
                .limit(limit)
            )
            return [run_of(row._mapping) for row in connection.execute(query)]

    def begin(self, record: ExchangeRecord, allow_shrink: bool = False) -> ExchangeRun:
        """A run of ``record`` that begins now: the one that somebody asked for, or a new one.

        To be called by whoever holds its lease: a run that still seems to run was cut off.
        """
        now = datetime.now(UTC)
        with self._altering() as connection:
            find_exchange(connection, record.name)
            unended = (
                select(ExchangeRunRow.id, ExchangeRunRow.state)
                .where(ExchangeRunRow.exchange_id == record.id, ExchangeRunRow.state.in_(_UNENDED))
                .order_by(ExchangeRunRow.id)
            )
            chosen = None
            for number, state in connection.execute(unended).all():
                if state == RunState.RUNNING:
                    said = {"code": "interrupted", "said": "it was cut off before its end"}
                    _note(connection, number, {"state": RunState.FAILED, "ended_at": now, **said})
                elif chosen is None:
                    chosen = number
            if chosen is None:
                return self._insert(connection, record.id, RunState.RUNNING, allow_shrink)
            more = {"allow_shrink": True} if allow_shrink else {}
            _note(connection, chosen, {"state": RunState.RUNNING, **more})
            return self._run(connection, chosen)

    def end(self, record: ExchangeRecord, run: ExchangeRun, wait: timedelta) -> None:
        """Write down how a run ended, and that the next is due after ``wait``."""
        now = datetime.now(UTC)
        fine = run.state in (RunState.DONE, RunState.UNCHANGED)
        names = ("code", "pages", "bytes", "added", "updated", "removed", "unchanged", "rejected")
        values: dict[str, Any] = {name: getattr(run, name) for name in names}
        values |= {"state": run.state, "said": run.said[:2000], "version": run.version}
        with self._altering() as connection:
            _note(connection, run.id, {**values, "ended_at": now})
            failures = 0 if fine else record.failures + 1
            state: dict[str, Any] = {"next_at": now + wait, "failures": failures}
            if fine:
                state["synced_at"] = now
            update_sealed(connection, ExchangeRow, ExchangeRow.id == record.id, state)

    def start_of(self, record: ExchangeRecord) -> str | None:
        """Whence to fetch: the checkpoint, as long as the list in force is the one that it is for;
        ``None``, the beginning, where somebody else brought another or took it back."""
        with self._database.read() as connection:
            in_force, _ = list_in_force(connection, record.new)
        return record.checkpoint if in_force == record.version else None

    def untouched(self, record: ExchangeRecord) -> Callable[[Connection], bool]:
        """Whether, in a transaction, the list in force is still the one that the checkpoint is for:
        what changed since that may not be applied to another."""
        return lambda connection: list_in_force(connection, record.new)[0] == record.version

    def landing(
        self, record: ExchangeRecord, checkpoint: str | None
    ) -> Callable[[Connection, str | None], None]:
        """What is to be called within the transaction that puts in force what was fetched, with the
        list's version: the checkpoint moves. Raises ``ExchangeChangedError``, which undoes it all,
        where the exchange is no longer what was synced."""

        def land(connection: Connection, version: str | None) -> None:
            try:
                now = find_exchange(connection, record.name)
            except NotFoundError:
                raise ExchangeChangedError("the exchange was deleted meanwhile") from None
            if (now.id, now.new, now.checkpoint, now.version) != (
                record.id,
                record.new,
                record.checkpoint,
                record.version,
            ):
                raise ExchangeChangedError("the exchange was changed or synced meanwhile")
            values = {"checkpoint": checkpoint, "version": version}
            update_sealed(connection, ExchangeRow, ExchangeRow.id == record.id, values)

        return land

    @contextmanager
    def _altering(self) -> Iterator[Connection]:
        with self._database.connect() as connection, self._database.altering(connection):
            self._database.lock(connection)
            with readable():
                yield connection

    def _insert(
        self, connection: Connection, exchange_id: int, state: RunState, allow_shrink: bool
    ) -> ExchangeRun:
        values = {
            "exchange_id": exchange_id,
            "actor": self._actor[:64],
            "state": state,
            "asked_at": datetime.now(UTC),
            "allow_shrink": allow_shrink,
        }
        statement = insert(ExchangeRunRow).values(**values).returning(ExchangeRunRow.id)
        number = connection.execute(statement).scalar_one()
        older = (
            select(ExchangeRunRow.id)
            .where(ExchangeRunRow.exchange_id == exchange_id)
            .order_by(ExchangeRunRow.id.desc())
            .offset(MOST_RUNS)
        )
        old = connection.execute(older).scalars().all()
        if old:
            connection.execute(delete(ExchangeRunRow).where(ExchangeRunRow.id.in_(old)))
        return self._run(connection, number)

    def _run(self, connection: Connection, number: int) -> ExchangeRun:
        query = select(*run_columns()).where(ExchangeRunRow.id == number)
        return run_of(connection.execute(query).one()._mapping)


def _note(connection: Connection, number: int, values: dict[str, Any]) -> None:
    connection.execute(update(ExchangeRunRow).where(ExchangeRunRow.id == number).values(**values))
