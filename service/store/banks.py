"""Banks in the store: made, read, changed, deleted.

It knows rows and sequences; what a policy means for a match is decided by
``service.policy.matching``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from time import sleep
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.domain.deadlines import writing_begins_within
from service.domain.errors import BankExistsError, BankNotFoundError
from service.domain.values import (
    Action,
    Bank,
    Imagery,
    Policy,
    Radii,
    Thresholds,
    check_bank_name,
    is_bank_name,
)
from service.store.database import Database
from service.store.models import BankRow, EntryRow

_SWEPT: Final = 10_000
"""Entries of a deleted bank that one transaction tombstones."""

_PAUSE: Final = 0.15
"""Seconds between two of them: SQLite's waiting writers try again every 0.1."""

_COLUMNS: Final = (
    BankRow.id,
    BankRow.name,
    BankRow.action,
    BankRow.imagery,
    BankRow.radius,
    BankRow.enabled,
    BankRow.created_at,
    BankRow.updated_at,
)


class Banks:
    """The banks of one store."""

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        self._database = database

    def create(self, name: str, policy: Policy = Policy()) -> Bank:  # noqa: B008 (frozen)
        """Add a bank. Raises ``BadNameError`` and ``BankExistsError``."""
        check_bank_name(name)
        now = datetime.now(UTC)
        with self._database.write() as (connection, sequence):
            number = insert_bank(connection, name, policy, sequence, now)
        return Bank(number, name, policy, now, now)

    def get(self, name: str) -> Bank:
        """The bank of this name. Raises ``BankNotFoundError``."""
        with self._database.read() as connection:
            return find_bank(connection, name)

    def all(self) -> list[Bank]:
        """Every bank, by name."""
        with self._database.read() as connection:
            return live_banks(connection)

    def update(self, name: str, change: Callable[[Policy], Policy]) -> Bank:
        """Give a bank the policy that ``change`` makes of its present one.

        Raises ``BankNotFoundError`` and what ``change`` raises.
        """
        now = datetime.now(UTC)
        with self._database.write() as (connection, sequence):
            bank = find_bank(connection, name)
            return _changed(connection, bank, change(bank.policy), sequence, now)

    def apply(self, changes: Mapping[str, Callable[[Policy], Policy]]) -> list[Bank]:
        """Give each bank the policy that its change makes of its present one; all or none.

        A bank that is not there is made, with what the change makes of the default policy. Returns
        the banks in the order of ``changes``. Raises ``BadNameError`` and what a change raises.
        """
        for name in changes:
            check_bank_name(name)
        now = datetime.now(UTC)
        done = []
        with self._database.write() as (connection, sequence):
            there = {bank.name: bank for bank in live_banks(connection)}
            for name, change in changes.items():
                bank = there.get(name)
                if bank is None:
                    policy = change(Policy())
                    number = insert_bank(connection, name, policy, sequence, now)
                    done.append(Bank(number, name, policy, now, now))
                    continue
                policy = change(bank.policy)
                if policy != bank.policy:
                    bank = _changed(connection, bank, policy, sequence, now)
                done.append(bank)
        return done

    def delete(self, name: str) -> int:
        """Take a bank and all its entries out of force; its name is free again. Returns how
        many entries it had.

        The bank goes in one short transaction, and with it everything of it from every answer. Its
        entries are tombstoned after that, a few at a time, so that other writers have their turn.
        Raises ``BankNotFoundError``.
        """
        now = datetime.now(UTC)
        with self._database.write() as (connection, sequence):
            bank = find_bank(connection, name)
            connection.execute(
                update(BankRow)
                .where(BankRow.id == bank.id)
                .values(deleted=True, sequence=sequence, updated_at=now)
            )
        return self._sweep(bank.id)

    def sweep(self) -> int:
        """Tombstone what is left of deleted banks, where that was cut short; how many entries."""
        left = (
            select(BankRow.id)
            .where(
                BankRow.deleted.is_(True),
                exists().where(EntryRow.bank_id == BankRow.id, EntryRow.deleted.is_(False)),
            )
            .order_by(BankRow.id)
        )
        with self._database.read(self._database.deadlines.bulk) as connection:
            banks = connection.execute(left).scalars().all()
        return sum(map(self._sweep, banks))

    def _sweep(self, bank_id: int) -> int:
        count = gone = self._sweep_some(bank_id)
        while gone == _SWEPT:
            sleep(_PAUSE)  # or a writer that waits might never find the store free
            gone = self._sweep_some(bank_id)
            count += gone
        return count

    def _sweep_some(self, bank_id: int) -> int:
        some = (
            select(EntryRow.id)
            .where(EntryRow.bank_id == bank_id, EntryRow.deleted.is_(False))
            .order_by(EntryRow.id)
            .limit(_SWEPT)
        )
        with self._database.read() as connection:
            ids = connection.execute(some).scalars().all()
        if not ids:
            return 0
        # Whoever asked has waited for the bank itself, and not for all these.
        with writing_begins_within(None), self._database.write() as (connection, sequence):
            connection.execute(
                update(EntryRow)
                .where(
                    EntryRow.bank_id == bank_id,
                    EntryRow.id.between(ids[0], ids[-1]),
                    EntryRow.deleted.is_(False),
                )
                .values(deleted=True, sequence=sequence, updated_at=datetime.now(UTC))
            )
        return len(ids)


def _changed(
    connection: Connection, bank: Bank, policy: Policy, sequence: int, now: datetime
) -> Bank:
    """``bank`` with another policy, within a writing transaction."""
    connection.execute(
        update(BankRow)
        .where(BankRow.id == bank.id)
        .values(sequence=sequence, updated_at=now, **_policy_columns(policy))
    )
    return replace(bank, policy=policy, updated_at=now)


def insert_bank(
    connection: Connection, name: str, policy: Policy, sequence: int, now: datetime
) -> int:
    """Add a bank within a writing transaction; its id. Raises ``BankExistsError``."""
    try:
        return connection.execute(
            insert(BankRow)
            .values(
                name=name,
                deleted=False,
                sequence=sequence,
                created_at=now,
                updated_at=now,
                **_policy_columns(policy),
            )
            .returning(BankRow.id)
        ).scalar_one()
    except IntegrityError:
        raise BankExistsError(f"a bank named {name!r} is there already") from None


def find_bank(connection: Connection, name: str) -> Bank:
    """The live bank of this name, within a transaction. Raises ``BankNotFoundError``."""
    # What cannot be a name is not shown to the database, which may refuse even to compare it.
    if is_bank_name(name):
        row = connection.execute(
            select(*_COLUMNS).where(BankRow.name == name, BankRow.deleted.is_(False))
        ).one_or_none()
        if row is not None:
            return _bank(row)
    raise BankNotFoundError(f"no bank is named {name[:80]!r}")


def live_banks(connection: Connection) -> list[Bank]:
    """Every live bank, by name, within a transaction."""
    rows = connection.execute(
        select(*_COLUMNS).where(BankRow.deleted.is_(False)).order_by(BankRow.name)
    )
    return [_bank(row) for row in rows]


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


def _bank(row: Row[*tuple[Any, ...]]) -> Bank:
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
