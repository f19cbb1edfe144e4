"""A list goes back to an earlier version, in one commit, as a new version that names it.

It is an import of what differs from then: entries that were there, withdrawals of those that were
not: compared, guarded and written like any other, so that entries a curator disabled stay disabled.
So it costs what changed since, however long the list is. It knows the past; not how a list is
applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, select

from service.domain.errors import ListChangedError, NotFoundError, StoreDamagedError
from service.domain.values import ImportRow, Mode, Withdrawn
from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.models import CounterRow, EntryRow, ListRow, VersionRow
from service.store.entries.history import changed_since
from service.store.imports.diffs import ImportDiff
from service.store.imports.imports import Allowed, ImportTarget, apply_import

_TRIES: Final = 3


class VersionNotFoundError(NotFoundError):
    """The list has had no such version."""

    code = "version_not_found"


def roll_back(
    database: Database,
    actor: str,
    target: ImportTarget,
    to: str,
    allowed: Allowed = Allowed(),  # noqa: B008 (frozen)
    dry_run: bool = False,
) -> ImportDiff:
    """Make what the list of ``target`` held in its version ``to`` its new version
    ``target.version``, or with ``dry_run`` say what that would change.

    Where somebody else changes the list meanwhile, it begins anew, a few times. Raises
    ``ListChangedError`` after that, ``BankNotFoundError``, ``VersionNotFoundError``,
    ``PastUnknownError`` where that version was purged, ``StoreDamagedError`` where it is not what
    was written, and what ``apply_import`` raises.
    """

    if not to.isprintable():  # PostgreSQL cannot even be asked for some
        raise VersionNotFoundError("the list never had a version of this name")
    named = replace(target, restores=to, mode=Mode.APPEND)
    for left in reversed(range(_TRIES)):
        seen = _Seen()
        rows = _differing(database, target, to, seen)
        try:
            return apply_import(database, actor, named, rows, allowed, dry_run, still=seen.still)
        except ListChangedError:
            if not left:
                raise
    raise AssertionError("the last try returned or raised")


@dataclass
class _Seen:
    """What rows were made from."""

    list_id: int = 0
    sequence: int = 0

    def still(self, connection: Connection) -> bool:
        """Whether nobody changed the list since."""
        later = select(EntryRow.id).where(
            EntryRow.list_id == self.list_id, EntryRow.sequence > self.sequence
        )
        return connection.execute(later.limit(1)).first() is None


def _differing(
    database: Database, target: ImportTarget, to: str, seen: _Seen
) -> Iterator[ImportRow | Withdrawn]:
    """What the list held in the version ``to``, as changes of what it holds now; ``seen`` hears
    what that was."""
    with database.read(database.deadlines.bulk, pauses=True) as connection:
        seen.sequence = connection.execute(select(CounterRow.value)).scalar_one()
        bank_id = find_bank(connection, target.bank).id
        found = connection.execute(
            select(ListRow.id, VersionRow.sequence)
            .join(VersionRow, VersionRow.list_id == ListRow.id)
            .where(
                ListRow.bank_id == bank_id,
                ListRow.provider == target.provider,
                ListRow.name == target.list,
                VersionRow.version == to,
            )
        ).one_or_none()
        if found is None:
            named = f"{target.provider}/{target.list} in bank {target.bank!r}"
            raise VersionNotFoundError(f"the list {named} never had a version {to!r}")
        seen.list_id = found.id
        then = changed_since(connection, found.id, found.sequence)
        for line, one in enumerate(then, 1):
            if one.signals is None:
                yield Withdrawn(line, one.provider_id)
            elif one.whole:
                yield ImportRow(line, one.signals, one.provider_id, one.labels)
            else:
                raise StoreDamagedError(
                    f"version {to!r} of the list is not what was written: nothing was changed"
                )
