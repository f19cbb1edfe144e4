"""An exchange and its runs as rows of the store, and back. It knows rows; not what may be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, func, select

from service.domain.errors import ExchangeNotFoundError, StoreDamagedError
from service.domain.exchanges import ENDED, ExchangeRecord, ExchangeRun, NewExchange, RunState
from service.store.core.models import BankRow, ExchangeRow, ExchangeRunRow, ListRow
from service.store.core.seals import columns_of, is_whole

AnyRow = Row[*tuple[Any, ...]]

_PLAIN = ("name", "kind", "bank", "provider", "list", "every", "enabled", "max_rejected")


def columns_for(new: NewExchange) -> dict[str, Any]:
    """What is kept of ``new``."""
    settings = orjson.dumps(dict(new.settings), option=orjson.OPT_SORT_KEYS).decode()
    return {**{name: getattr(new, name) for name in _PLAIN}, "settings": settings}


def find_exchange(connection: Connection, name: str) -> ExchangeRecord:
    """The exchange of this name, within a transaction. Raises ``ExchangeNotFoundError``, and
    ``StoreDamagedError`` where it is not what was written."""
    query = select(*columns_of(ExchangeRow)).where(ExchangeRow.name == name)
    row = connection.execute(query).one_or_none() if name.isprintable() else None
    if row is None:
        raise ExchangeNotFoundError(f"no exchange is named {name[:80]!r}")
    if not is_whole(ExchangeRow, row):
        raise StoreDamagedError(
            f"the exchange {name!r} is not what was written: delete it and make it anew"
        )
    return _record(connection, row)


def all_exchanges(connection: Connection) -> tuple[list[ExchangeRecord], list[str]]:
    """Every exchange that is what was written, by name; and the names of those that are not."""
    rows = connection.execute(select(*columns_of(ExchangeRow)).order_by(ExchangeRow.name)).all()
    damaged = [row.name for row in rows if not is_whole(ExchangeRow, row)]
    whole = [row for row in rows if is_whole(ExchangeRow, row)]
    return [_record(connection, row) for row in whole], damaged


def list_in_force(connection: Connection, new: NewExchange) -> tuple[str | None, int]:
    """The version of an exchange's list that is in force, and how many entries it holds."""
    row = connection.execute(
        select(ListRow.version, ListRow.entries)
        .join(BankRow, and_(BankRow.id == ListRow.bank_id, BankRow.deleted.is_(False)))
        .where(BankRow.name == new.bank, ListRow.provider == new.provider)
        .where(ListRow.name == new.list)
    ).one_or_none()
    return (None, 0) if row is None else (row.version, row.entries)


def _record(connection: Connection, row: AnyRow) -> ExchangeRecord:
    new = NewExchange(
        **{name: row._mapping[name] for name in _PLAIN},
        settings=orjson.loads(row.settings),
    )
    return ExchangeRecord(
        id=row.id,
        new=new,
        created_at=row.created_at,
        updated_at=row.updated_at,
        checkpoint=row.checkpoint,
        synced_at=row.synced_at,
        next_at=row.next_at,
        failures=row.failures,
        version=row.version,
        entries=list_in_force(connection, new)[1],
        last=newest_run(connection, row.id, ended=True),
        current=newest_run(connection, row.id, ended=False),
    )


def newest_run(connection: Connection, exchange_id: int, ended: bool) -> ExchangeRun | None:
    """The newest run of an exchange that has, or has not, ended."""
    states = ENDED if ended else frozenset(RunState) - ENDED
    query = (
        select(*run_columns())
        .where(ExchangeRunRow.exchange_id == exchange_id, ExchangeRunRow.state.in_(states))
        .order_by(ExchangeRunRow.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else run_of(row._mapping)


def run_columns() -> tuple[Any, ...]:
    """All columns of a run."""
    return tuple(ExchangeRunRow.__table__.columns)


def run_of(values: Mapping[Any, Any]) -> ExchangeRun:
    """The run of a row that holds all columns."""
    given = {name: values[name] for name in values if name not in ("exchange_id", "state")}
    return ExchangeRun(**given, state=RunState(values["state"]))


def count(connection: Connection) -> int:
    """How many exchanges there are."""
    return connection.execute(select(func.count()).select_from(ExchangeRow)).scalar_one()
