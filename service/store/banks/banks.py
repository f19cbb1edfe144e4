"""Banks in the store: made, read, changed, deleted.

It knows rows and sequences; what a policy means for a match is decided by
``service.policy.matching``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import sleep
from typing import Final

from sqlalchemy import and_, exists, select

from service.domain.deadlines import writing_begins_within
from service.domain.values import Bank, Policy, check_bank_name
from service.store.banks.rows import changed, find_bank, insert_bank, live_banks
from service.store.core.database import Database
from service.store.core.models import BankRow, EntryRow, ListRow
from service.store.core.seals import update_sealed
from service.store.entries.past import count_lists, remove
from service.store.entries.rows import REMOVED

_SWEPT: Final = 10_000
"""Entries of a deleted bank that one transaction tombstones."""

_PAUSE: Final = 0.15
"""Seconds between two of them: SQLite's waiting writers try again every 0.1."""


class Banks:
    """The banks of one store."""

    def __init__(self, database: Database, actor: str) -> None:
        """Work on ``database``, as ``actor``."""
        self._database, self._actor = database, actor

    def create(self, name: str, policy: Policy = Policy()) -> Bank:  # noqa: B008 (frozen)
        """Add a bank. Raises ``BadNameError`` and ``BankExistsError``."""
        check_bank_name(name)
        now = datetime.now(UTC)
        with self._database.write(self._actor) as (connection, sequence):
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
        with self._database.write(self._actor) as (connection, sequence):
            bank = find_bank(connection, name)
            return changed(connection, bank, change(bank.policy), sequence, now)

    def apply(self, changes: Mapping[str, Callable[[Policy], Policy]]) -> list[Bank]:
        """Give each bank the policy that its change makes of its present one; all or none.

        A bank that is not there is made, with what the change makes of the default policy. Returns
        the banks in the order of ``changes``. Raises ``BadNameError`` and what a change raises.
        """
        for name in changes:
            check_bank_name(name)
        now = datetime.now(UTC)
        done = []
        with self._database.write(self._actor) as (connection, sequence):
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
                    bank = changed(connection, bank, policy, sequence, now)
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
        with self._database.write(self._actor) as (connection, sequence):
            bank = find_bank(connection, name)
            values = {"deleted": True, "sequence": sequence, "updated_at": now}
            update_sealed(connection, BankRow, BankRow.id == bank.id, values)
        return self._sweep(bank.id)

    def sweep(self) -> int:
        """Tombstone what is left of deleted banks, where that was cut short; how many entries."""
        left = (
            select(BankRow.id)
            .where(
                BankRow.deleted.is_(True),
                exists().where(EntryRow.bank_id == BankRow.id, EntryRow.state != REMOVED),
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
            .where(EntryRow.bank_id == bank_id, EntryRow.state != REMOVED)
            .order_by(EntryRow.id)
            .limit(_SWEPT)
        )
        with self._database.read() as connection:
            ids = connection.execute(some).scalars().all()
        if not ids:
            return 0
        # Whoever asked has waited for the bank itself, and not for all these.
        with (
            writing_begins_within(None),
            self._database.write(self._actor) as (connection, sequence),
        ):
            which = and_(
                EntryRow.bank_id == bank_id,
                EntryRow.id.between(ids[0], ids[-1]),
                EntryRow.state != REMOVED,
            )
            remove(connection, which, sequence, datetime.now(UTC))
            count_lists(connection, ListRow.bank_id == bank_id)
        return len(ids)
