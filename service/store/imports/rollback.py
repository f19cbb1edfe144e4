"""A list goes back to an earlier version, in one commit, as a new version that names it.

It is an import of what differs from then: entries that were there, withdrawals of those that were
not: compared, guarded and written like any other, so that entries a curator disabled stay disabled.
So it costs what changed since, however long the list is. It knows the past; not how a list is
applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import select

from service.domain.errors import NotFoundError, StoreDamagedError
from service.domain.values import ImportRow, Mode, Withdrawn
from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.models import ListRow, VersionRow
from service.store.entries.history import changed_since
from service.store.imports.diffs import ImportDiff
from service.store.imports.imports import Allowed, ImportTarget, apply_import


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

    Raises ``BankNotFoundError``, ``VersionNotFoundError``, ``PastUnknownError`` where that version
    was purged, ``StoreDamagedError`` where it is not what was written, and what ``apply_import``
    raises.
    """

    def rows() -> Iterator[ImportRow | Withdrawn]:
        # What a version held never changes, so it may be read beside the transaction that writes.
        with database.read(database.deadlines.bulk, pauses=True) as connection:
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
                raise VersionNotFoundError(f"the list {target.list!r} never had a version {to!r}")
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

    named = replace(target, restores=to, mode=Mode.APPEND)
    return apply_import(database, actor, named, rows(), allowed, dry_run)
