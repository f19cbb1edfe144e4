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

from service.domain.errors import BankNotFoundError, EmptyListError, VersionExistsError
from service.domain.values import (
    DEFAULT_LIST,
    LOCAL_PROVIDER,
    ImportRow,
    Policy,
    RejectedLine,
    check_bank_name,
    check_text,
)
from service.store.banks import find_bank, insert_bank
from service.store.database import Database
from service.store.diffs import ImportDiff, ListShrinksError, NoValidLineError, TooManyRejectedError
from service.store.entries import find_list, note_spaces
from service.store.models import CounterRow, EntryRow, ListRow, Moment, VersionRow
from service.store.rows import version_of_moment
from service.store.staging import CONTENT, STAGED, Reading, stage, staged_count

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
class Allowed:
    """What an import may do that could be a mistake."""

    rejected: int = 0
    """Lines that may be rejected."""
    shrink: bool = False
    """Whether much of what the list held may go."""


def apply_import(
    database: Database,
    target: ImportTarget,
    rows: Iterable[ImportRow | RejectedLine],
    allowed: Allowed = Allowed(),
    dry_run: bool = False,
) -> ImportDiff:
    """Make ``rows`` the new version of a list, or with ``dry_run`` say what that would change.

    Raises ``TooManyRejectedError`` and ``ListShrinksError`` (not in a dry run),
    ``NoValidLineError`` where every line was rejected, ``EmptyListError`` for a list without lines
    where the list holds entries, ``VersionExistsError``, ``BankNotFoundError``, ``BadNameError``,
    and whatever ``rows`` raises. Whenever it raises, nothing was committed.
    """
    check_bank_name(target.bank)
    check_text("provider", target.provider, 128)
    check_text("list", target.list, 128)
    if target.version is not None:
        check_text("version", target.version, 128)
    bulk = database.deadlines.bulk
    with database.connect() as connection:
        with connection.begin():
            _find_list(connection, target)
        with connection.begin(), database.allowing(connection, bulk):
            STAGED.create(connection, checkfirst=False)
            reading = stage(connection, rows)
        try:
            if not dry_run and reading.rejected_count <= allowed.rejected:
                with database.writing(connection, bulk) as sequence:
                    return _apply(connection, target, reading, allowed, sequence)
            with connection.begin(), database.allowing(connection, bulk):
                diff = _look(connection, target, reading, allowed, dry_run)
            if dry_run:
                return diff
            raise TooManyRejectedError(diff)
        finally:
            if not connection.invalidated:  # a connection that broke took its table with it
                with connection.begin():
                    STAGED.drop(connection, checkfirst=False)


def _look(
    connection: Connection, target: ImportTarget, reading: Reading, allowed: Allowed, dry_run: bool
) -> ImportDiff:
    list_id = _find_list(connection, target)
    diff = _compared(connection, target, list_id, reading, allowed, dry_run)
    if not diff.too_many_rejected:
        _refuse(connection, target, list_id, diff)
    return diff


def _compared(
    connection: Connection,
    target: ImportTarget,
    list_id: int,
    reading: Reading,
    allowed: Allowed,
    dry_run: bool,
) -> ImportDiff:
    """What the staged rows change, while nothing is changed yet."""

    def count(*which: ColumnElement[bool]) -> int:
        return connection.execute(
            select(func.count()).select_from(EntryRow).where(*which)
        ).scalar_one()

    staged_new = select(func.count()).select_from(STAGED).where(not_(_known(list_id)))
    return ImportDiff(
        bank=target.bank,
        provider=target.provider,
        list=target.list,
        list_version=target.version or version_of_moment(datetime.now(UTC)),
        dry_run=dry_run,
        added=connection.execute(staged_new).scalar_one(),
        updated=count(_same_item(list_id), _differs()),
        held=count(_held(list_id)),
        removed=count(_gone(list_id)),
        unchanged=count(_same_item(list_id), not_(_differs())),
        duplicates=reading.duplicates,
        digest_only=reading.digest_only,
        rejected=tuple(sorted(reading.rejected, key=lambda line: line.line)),
        rejected_count=reading.rejected_count,
        max_rejected=allowed.rejected,
        allow_shrink=allowed.shrink,
        # Of a commit that is under way its own, otherwise of the newest.
        sequence=connection.execute(select(CounterRow.value)).scalar_one(),
    )


def _apply(
    connection: Connection, target: ImportTarget, reading: Reading, allowed: Allowed, sequence: int
) -> ImportDiff:
    now = datetime.now(UTC)
    known = _find_list(connection, target)
    diff = _compared(connection, target, known, reading, allowed, dry_run=False)
    _refuse(connection, target, known, diff)
    try:
        bank_id = find_bank(connection, target.bank).id
    except BankNotFoundError:
        bank_id = insert_bank(connection, target.bank, Policy(), sequence, now)
    list_id = find_list(connection, bank_id, target.provider, target.list)
    version = diff.list_version
    stamp: dict[str, Any] = {"version": version, "sequence": sequence, "updated_at": now}
    connection.execute(
        update(EntryRow)
        .where(_gone(list_id))
        .values(deleted=True, sequence=sequence, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    connection.execute(
        update(EntryRow)
        .where(_same_item(list_id), _differs())
        .values(deleted=False, **stamp, **{name: STAGED.c[name] for name in CONTENT})
    )
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
            entries=diff.added + diff.updated + diff.unchanged,
            added=diff.added,
            updated=diff.updated,
            removed=diff.removed,
            unchanged=diff.unchanged,
            rejected=diff.rejected_count,
        )
    )
    return diff


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


def _refuse(connection: Connection, target: ImportTarget, list_id: int, diff: ImportDiff) -> None:
    """Raise for a version that was there before, and for entries that would vanish by mistake.

    That a list shrinks is not raised in a dry run, whose diff says it.
    """
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
        if diff.rejected_count:
            raise NoValidLineError(diff)
        if diff.held:
            raise EmptyListError(
                "no line of an entry: this would remove every entry of the list; disable or delete"
                " the bank if that is what you want"
            )
    if diff.shrinks and not diff.dry_run:
        raise ListShrinksError(diff)


def _same_item(list_id: int) -> ColumnElement[bool]:
    return and_(EntryRow.list_id == list_id, EntryRow.provider_id == STAGED.c.provider_id)


def _differs() -> ColumnElement[bool]:
    return or_(EntryRow.content != STAGED.c.content, EntryRow.deleted.is_(True))


def _known(list_id: int) -> ColumnElement[bool]:
    """Of a staged row: the list has, or had, this item."""
    return exists().where(_same_item(list_id)).correlate(STAGED)


def _held(list_id: int) -> ColumnElement[bool]:
    """Of an entry: the list holds it until now."""
    return and_(EntryRow.list_id == list_id, EntryRow.deleted.is_(False))


def _gone(list_id: int) -> ColumnElement[bool]:
    """Of an entry: the list held it, and its new version does not."""
    staged = exists().where(EntryRow.provider_id == STAGED.c.provider_id).correlate(EntryRow)
    return and_(_held(list_id), not_(staged))
