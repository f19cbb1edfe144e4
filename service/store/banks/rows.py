"""A bank as a row of the store, and back.

It knows rows; what a policy means for a match is decided by ``service.policy.matching``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import IntegrityError

from service.domain.errors import BankExistsError, BankNotFoundError, StoreDamagedError
from service.domain.values import (
    Action,
    Bank,
    Imagery,
    Policy,
    Radii,
    Thresholds,
    is_bank_name,
)
from service.store.core.models import BankRow
from service.store.core.seals import columns_of, insert_sealed, is_whole, update_sealed


def changed(
    connection: Connection, bank: Bank, policy: Policy, sequence: int, now: datetime
) -> Bank:
    """``bank`` with another policy, within a writing transaction."""
    values = {"sequence": sequence, "updated_at": now, **_policy_columns(policy)}
    update_sealed(connection, BankRow, BankRow.id == bank.id, values)
    return replace(bank, policy=policy, updated_at=now)


def insert_bank(
    connection: Connection, name: str, policy: Policy, sequence: int, now: datetime
) -> int:
    """Add a bank within a writing transaction; its id. Raises ``BankExistsError``."""
    values = {"name": name, "deleted": False, "sequence": sequence, **_policy_columns(policy)}
    try:
        return int(
            insert_sealed(connection, BankRow, {**values, "created_at": now, "updated_at": now})
        )
    except IntegrityError:
        raise BankExistsError(f"a bank named {name!r} is there already") from None


def find_bank(connection: Connection, name: str) -> Bank:
    """The live bank of this name, within a transaction. Raises ``BankNotFoundError``, and
    ``StoreDamagedError`` where it is not what was written."""
    # What cannot be a name is not shown to the database, which may refuse even to compare it.
    if is_bank_name(name):
        row = connection.execute(
            select(*columns_of(BankRow)).where(BankRow.name == name, BankRow.deleted.is_(False))
        ).one_or_none()
        if row is not None:
            if not is_whole(BankRow, row):
                raise StoreDamagedError(f"the bank {name!r} is not what was written")
            return bank_of(row)
    raise BankNotFoundError(f"no bank is named {name[:80]!r}")


def live_banks(connection: Connection) -> list[Bank]:
    """Every live bank that is what was written, by name, within a transaction."""
    return [
        bank_of(row) for row in bank_rows(connection) if is_whole(BankRow, row) and not row.deleted
    ]


def bank_rows(connection: Connection) -> list[Row[*tuple[Any, ...]]]:
    """All columns of every bank there ever was, by name."""
    return list(connection.execute(select(*columns_of(BankRow)).order_by(BankRow.name)))


def _policy_columns(policy: Policy) -> dict[str, Any]:
    radius: dict[str, Any] = {
        "pdq": policy.radius.pdq,
        "code": {k.value: v for k, v in policy.radius.code.items()},
    }
    if policy.score.code:  # beside the radii, so that the layout of the store stays
        radius["score"] = {k.value: v for k, v in policy.score.code.items()}
    return {
        "action": policy.action.value,
        "imagery": policy.imagery.value,
        "radius": orjson.dumps(radius).decode(),
        "enabled": policy.enabled,
    }


def bank_of(row: Row[*tuple[Any, ...]]) -> Bank:
    """The bank of a row that holds all columns."""
    radius = orjson.loads(row.radius)
    return Bank(
        id=row.id,
        name=row.name,
        policy=Policy(
            action=Action(row.action),
            imagery=Imagery(row.imagery),
            radius=Radii(radius["pdq"], {Imagery(k): v for k, v in radius["code"].items()}),
            enabled=row.enabled,
            score=Thresholds({Imagery(k): v for k, v in radius.get("score", {}).items()}),
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
