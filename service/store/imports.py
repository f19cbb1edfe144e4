"""A hash list comes in: one new version of one (bank, provider, list), all of it or nothing.

An import is the *whole* list: entries it no longer holds are tombstoned, entries that changed are
updated, entries listed again come back. An entry that a curator disabled stays disabled. Other
lists and other providers are never touched.

Lines are staged in a temporary table first (``staging``), which takes no lock, so that however long
a list takes to read, others read and write meanwhile; then one transaction compares and applies it
with set operations. It knows rows, not formats: parsing is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)

from service.errors import BankNotFoundError, EmptyListError, VersionExistsError
from service.store.banks import find_bank, insert_bank
from service.store.database import Database
from service.store.entries import find_list, note_spaces
from service.store.models import CounterRow, EntryRow, ListRow, Moment, VersionRow
from service.store.rows import version_of_moment
from service.store.staging import CONTENT, STAGED, Reading, stage, staged_count
from service.store.values import (
    DEFAULT_LIST,
    LOCAL_PROVIDER,
    ImportDiff,
    ImportRow,
    Policy,
    RejectedLine,
    TooManyRejectedError,
    check_bank_name,
    check_text,
)

_NO_LIST: Final = -1  # matches no row: a list that is not there yet holds nothing


@dataclass(frozen=True)
class ImportTarget:
    """Which list of which bank an import is a version of."""

    bank: str
    provider: str = LOCAL_PROVIDER
    list: str = DEFAULT_LIST
    version: str | None = None
    """``None``: the moment of the import names it."""
    create_bank: bool = False
    """Make the bank, with the default policy, where it is missing."""


@dataclass(frozen=True)
class _Changes:
    added: int
    updated: int
    removed: int
    unchanged: int


def apply_import(
    database: Database,
    target: ImportTarget,
    rows: Iterable[ImportRow | RejectedLine],
    max_rejected: int = 0,
    dry_run: bool = False,
) -> ImportDiff:
    """Make ``rows`` the new version of a list, or with ``dry_run`` say what that would change.

    Raises ``TooManyRejectedError`` (not in a dry run), ``EmptyListError`` for a list without
    one valid line where the list holds entries, ``VersionExistsError``, ``BankNotFoundError``,
    ``BadNameError``, and whatever ``rows`` raises. Whenever it raises, nothing was committed.
    """
    check_bank_name(target.bank)
    check_text("provider", target.provider, 128)
    check_text("list", target.list, 128)
    if target.version is not None:
        check_text("version", target.version, 128)
    with database.connect() as connection:
        with connection.begin():
            _find_list(connection, target)
        with connection.begin():
            STAGED.create(connection, checkfirst=False)
            reading = stage(connection, rows)
        try:
            if not dry_run and reading.rejected_count <= max_rejected:
                with database.writing(connection) as sequence:
                    return _apply(connection, target, reading, max_rejected, sequence)
            with connection.begin():
                diff = _look(connection, target, reading, max_rejected, dry_run)
            if dry_run:
                return diff
            raise TooManyRejectedError(diff)
        finally:
            with connection.begin():
                STAGED.drop(connection, checkfirst=False)


def _look(
    connection: Connection, target: ImportTarget, reading: Reading, max_rejected: int, dry_run: bool
) -> ImportDiff:
    list_id = _find_list(connection, target)
    if reading.rejected_count <= max_rejected:
        _refuse(connection, target, list_id)
    in_list = select(func.count()).select_from(EntryRow)
    changes = _Changes(
        added=connection.execute(
            select(func.count()).select_from(STAGED).where(not_(_known(list_id)))
        ).scalar_one(),
        updated=connection.execute(in_list.where(_same_item(list_id), _differs())).scalar_one(),
        removed=connection.execute(in_list.where(_gone(list_id))).scalar_one(),
        unchanged=connection.execute(
            in_list.where(_same_item(list_id), not_(_differs()))
        ).scalar_one(),
    )
    sequence = connection.execute(select(CounterRow.value)).scalar_one()
    version = target.version or version_of_moment(datetime.now(UTC))
    return _diff(target, version, reading, max_rejected, changes, sequence, dry_run)


def _apply(
    connection: Connection, target: ImportTarget, reading: Reading, max_rejected: int, sequence: int
) -> ImportDiff:
    now = datetime.now(UTC)
    version = target.version or version_of_moment(now)
    _refuse(connection, target, _find_list(connection, target))
    try:
        bank_id = find_bank(connection, target.bank).id
    except BankNotFoundError:
        bank_id = insert_bank(connection, target.bank, Policy(), sequence, now)
    list_id = find_list(connection, bank_id, target.provider, target.list)
    stamp: dict[str, Any] = {"version": version, "sequence": sequence, "updated_at": now}
    unchanged = connection.execute(
        select(func.count()).select_from(EntryRow).where(_same_item(list_id), not_(_differs()))
    ).scalar_one()
    removed = connection.execute(
        update(EntryRow)
        .where(_gone(list_id))
        .values(deleted=True, sequence=sequence, updated_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount
    updated = connection.execute(
        update(EntryRow)
        .where(_same_item(list_id), _differs())
        .values(deleted=False, **stamp, **{name: STAGED.c[name] for name in CONTENT})
    ).rowcount
    new: dict[str, ColumnElement[Any]] = {
        "bank_id": literal(bank_id),
        "list_id": literal(list_id),
        "provider_id": STAGED.c.provider_id,
        **{name: STAGED.c[name] for name in CONTENT},
        "version": literal(version),
        "enabled": true(),
        "deleted": false(),
        "sequence": literal(sequence),
        "created_at": literal(now, Moment),
        "updated_at": literal(now, Moment),
    }
    connection.execute(
        insert(EntryRow).from_select(
            list(new),
            select(*new.values()).where(not_(_known(list_id))).order_by(STAGED.c.position),
        )
    )
    note_spaces(connection, bank_id, reading.spaces)
    # Not every driver tells how many rows an INSERT made; each staged row is one of three things.
    added = staged_count(connection) - updated - unchanged
    changes = _Changes(added, updated, removed, unchanged)
    connection.execute(update(ListRow).where(ListRow.id == list_id).values(version=version))
    connection.execute(
        update(VersionRow)
        .where(VersionRow.list_id == list_id, VersionRow.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    connection.execute(
        insert(VersionRow).values(
            list_id=list_id,
            version=version,
            sequence=sequence,
            activated_at=now,
            entries=added + updated + unchanged,
            added=added,
            updated=updated,
            removed=removed,
            unchanged=unchanged,
            rejected=reading.rejected_count,
        )
    )
    return _diff(target, version, reading, max_rejected, changes, sequence, dry_run=False)


def _find_list(connection: Connection, target: ImportTarget) -> int:
    """The list's id, ``_NO_LIST`` where it is yet to be made. Raises ``BankNotFoundError``."""
    try:
        bank = find_bank(connection, target.bank)
    except BankNotFoundError:
        if target.create_bank:
            return _NO_LIST
        raise
    found = connection.execute(
        select(ListRow.id).where(
            ListRow.bank_id == bank.id,
            ListRow.provider == target.provider,
            ListRow.name == target.list,
        )
    ).scalar_one_or_none()
    return _NO_LIST if found is None else found


def _refuse(connection: Connection, target: ImportTarget, list_id: int) -> None:
    """Raise for a version that was there before, and for a list that would vanish by mistake."""
    if (
        target.version is not None
        and connection.execute(
            select(VersionRow.id).where(
                VersionRow.list_id == list_id, VersionRow.version == target.version
            )
        ).first()
    ):
        raise VersionExistsError(f"the list had a version {target.version!r} before")
    if staged_count(connection) == 0:
        held = select(EntryRow.id).where(EntryRow.list_id == list_id, EntryRow.deleted.is_(False))
        if connection.execute(held.limit(1)).first():
            raise EmptyListError(
                "no valid line: this would remove every entry of the list; disable or delete the"
                " bank if that is what you want"
            )


def _same_item(list_id: int) -> ColumnElement[bool]:
    return and_(EntryRow.list_id == list_id, EntryRow.provider_id == STAGED.c.provider_id)


def _differs() -> ColumnElement[bool]:
    return or_(EntryRow.content != STAGED.c.content, EntryRow.deleted.is_(True))


def _known(list_id: int) -> ColumnElement[bool]:
    """Of a staged row: the list has, or had, this item."""
    return exists().where(_same_item(list_id)).correlate(STAGED)


def _gone(list_id: int) -> ColumnElement[bool]:
    """Of an entry: the list held it until now."""
    staged = exists().where(EntryRow.provider_id == STAGED.c.provider_id).correlate(EntryRow)
    return and_(EntryRow.list_id == list_id, EntryRow.deleted.is_(False), not_(staged))


def _diff(
    target: ImportTarget,
    version: str,
    reading: Reading,
    max_rejected: int,
    changes: _Changes,
    sequence: int,
    dry_run: bool,
) -> ImportDiff:
    return ImportDiff(
        bank=target.bank,
        provider=target.provider,
        list=target.list,
        list_version=version,
        dry_run=dry_run,
        added=changes.added,
        updated=changes.updated,
        removed=changes.removed,
        unchanged=changes.unchanged,
        duplicates=reading.duplicates,
        digest_only=reading.digest_only,
        rejected=tuple(sorted(reading.rejected, key=lambda line: line.line)),
        rejected_count=reading.rejected_count,
        max_rejected=max_rejected,
        sequence=sequence,
    )
