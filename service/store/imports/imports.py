"""A hash list comes in: one new version of one (bank, provider, list), all of it or nothing.

An import is the *whole* list, or what changed of it (``Mode``): entries that it withdraws, or as a
whole list no longer holds, are tombstoned, entries that changed are updated, entries listed again
come back. An entry that a curator disabled stays disabled. Other lists and other providers are
never touched.

Lines are staged in a temporary table first (``staging``), which takes no lock, so that however long
a list takes to read, others read and write meanwhile; then one transaction compares and applies it
with set operations. It knows rows, not formats: parsing is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)

from service.domain.errors import (
    BankNotFoundError,
    EmptyListError,
    InvalidValueError,
    ListChangedError,
    VersionExistsError,
)
from service.domain.values import (
    DEFAULT_LIST,
    LOCAL_PROVIDER,
    ImportRow,
    Mode,
    Policy,
    RejectedLine,
    Withdrawn,
    check_bank_name,
    check_text,
)
from service.store.banks.rows import find_bank, insert_bank
from service.store.core.database import Database
from service.store.core.models import (
    CounterRow,
    EarlierRow,
    EntryRow,
    ListRow,
    UtcTime,
    VersionRow,
)
from service.store.core.seals import insert_sealed, update_sealed
from service.store.entries.lists import find_list, note
from service.store.entries.past import before_removal, keep, remove
from service.store.entries.rows import DISABLED, IN_FORCE, REMOVED, version_of_moment
from service.store.imports.comparing import (
    CHANGED,
    GONE,
    compare,
    create_tables,
    drop_tables,
)
from service.store.imports.diffs import (
    ImportDiff,
    ListShrinksError,
    NoValidLineError,
    TooManyRejectedError,
)
from service.store.imports.pins import Signing, check_pin, keep_pin, write_pin
from service.store.imports.staging import STAGED, Reading, stage, staged_count

Along = Callable[[Connection, str | None], None]
"""What is written down in the transaction of an import, given the list's version in force."""
_NO_LIST: Final = -1  # matches no row


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
    restores: str | None = None
    """The version that this one goes back to, if it does."""
    mode: Mode = Mode.REPLACE
    ordered: bool = False
    """Whether the last line about an entry counts, as of changes; otherwise they must agree."""


@dataclass(frozen=True)
class Allowed:
    """What an import may do that could be a mistake."""

    rejected: int = 0
    """Lines that may be rejected."""
    shrink: bool = False
    """Whether much of what the list held may go."""


def apply_import(
    database: Database,
    actor: str,
    target: ImportTarget,
    rows: Iterable[ImportRow | Withdrawn | RejectedLine],
    allowed: Allowed = Allowed(),
    dry_run: bool = False,
    signing: Signing = Signing(),  # noqa: B008 (frozen)
    along: Along | None = None,
    still: Callable[[Connection], bool] | None = None,
) -> ImportDiff:
    """Make ``rows`` the new version of a list, or with ``dry_run`` say what that would change.

    Where ``still``, asked in the transaction that writes, says that what ``rows`` were made from no
    longer holds, it raises ``ListChangedError``.

    ``along`` is called in the same transaction; what it raises undoes all. With it, rows that
    change nothing make no version: whoever fetches a list again and again has a place of their own
    to say that they did.

    Raises ``TooManyRejectedError`` and ``ListShrinksError`` (not in a dry run),
    ``NoValidLineError`` where every line was rejected, ``EmptyListError`` for a list without lines
    where the list holds entries, ``VersionExistsError``, ``BankNotFoundError``, ``BadNameError``,
    what ``pins.check_pin`` raises, and whatever ``rows`` raises. Whenever it raises, nothing was
    committed.
    """
    check_bank_name(target.bank)
    check_text("provider", target.provider, 128)
    check_text("list", target.list, 128)
    if target.version is not None:
        check_text("version", target.version, 128)
    if signing.version is not None and target.mode is Mode.APPEND:
        raise InvalidValueError("a signed list is whole, and replaces what the list held")
    bulk = database.deadlines.bulk
    with database.connect() as connection:
        with connection.begin():
            _find_list(connection, target)
        with connection.begin(), database.allowing(connection, bulk):
            STAGED.create(connection, checkfirst=False)
            create_tables(connection)
            reading = stage(connection, rows, target.ordered or target.mode is Mode.APPEND)
        try:
            if not dry_run and reading.rejected_count <= allowed.rejected:
                if along is not None:
                    with connection.begin(), database.allowing(connection, bulk):
                        list_id = _find_list(connection, target)
                        check_pin(connection, list_id, signing)
                        version = _in_force(connection, list_id)
                        diff = _compared(connection, target, list_id, reading, allowed, dry_run)
                        if not (diff.added or diff.updated or diff.removed):
                            _refuse(connection, target, list_id, diff)
                    if not (diff.added or diff.updated or diff.removed):
                        with database.altering(connection, bulk):
                            database.lock(connection)
                            _hold(connection, still)
                            keep_pin(connection, list_id, signing)
                            along(connection, version)
                        return diff
                with database.writing(connection, actor, bulk) as sequence:
                    _hold(connection, still)
                    diff = _apply(connection, target, reading, allowed, sequence, signing)
                    if along is not None:
                        along(connection, diff.list_version)
                    return diff
            with connection.begin(), database.allowing(connection, bulk):
                diff = _look(connection, target, reading, allowed, dry_run, signing)
            if dry_run:
                return diff
            raise TooManyRejectedError(diff)
        finally:
            if not connection.invalidated:  # a connection that broke took its table with it
                with connection.begin():
                    drop_tables(connection)
                    STAGED.drop(connection, checkfirst=False)


def _look(
    connection: Connection,
    target: ImportTarget,
    reading: Reading,
    allowed: Allowed,
    dry_run: bool,
    signing: Signing,
) -> ImportDiff:
    list_id = _find_list(connection, target)
    if target.restores is None:  # to go back is this store's own decision
        check_pin(connection, list_id, signing)
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

    found = compare(connection, list_id, target.mode)
    return ImportDiff(
        bank=target.bank,
        provider=target.provider,
        list=target.list,
        list_version=target.version or version_of_moment(datetime.now(UTC)),
        dry_run=dry_run,
        mode=target.mode,
        added=found.added,
        updated=found.updated,
        held=found.held,
        removed=found.removed,
        unchanged=found.unchanged,
        after=found.after,
        withdrawn=reading.withdrawn,
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
    connection: Connection,
    target: ImportTarget,
    reading: Reading,
    allowed: Allowed,
    sequence: int,
    signing: Signing,
) -> ImportDiff:
    now = datetime.now(UTC)
    known = _find_list(connection, target)
    if target.restores is None:
        check_pin(connection, known, signing)
    diff = _compared(connection, target, known, reading, allowed, dry_run=False)
    _refuse(connection, target, known, diff)
    try:
        bank_id = find_bank(connection, target.bank).id
    except BankNotFoundError:
        bank_id = insert_bank(connection, target.bank, Policy(), sequence, now)
    list_id = find_list(connection, bank_id, target.provider, target.list)
    version = diff.list_version
    if diff.removed:
        remove(connection, EntryRow.id.in_(select(GONE.c.entry_id)), sequence, now)
    if diff.updated:
        _update(connection, version, sequence, now)
    if diff.added:
        _insert(connection, bank_id, list_id, version, sequence, now)
    note(connection, list_id, reading.kinds, held=diff.after, version=version)
    update_sealed(
        connection,
        VersionRow,
        and_(VersionRow.list_id == list_id, VersionRow.superseded_at.is_(None)),
        {"superseded_at": now},
    )
    row = {
        "list_id": list_id,
        "version": version,
        "sequence": sequence,
        "activated_at": now,
        "entries": diff.after,
        "added": diff.added,
        "updated": diff.updated,
        "removed": diff.removed,
        "unchanged": diff.unchanged,
        "rejected": diff.rejected_count,
        "restores": target.restores,
    }
    insert_sealed(connection, VersionRow, row)
    if target.restores is None:
        write_pin(connection, list_id, signing)
    return diff


def _update(connection: Connection, version: str, sequence: int, now: datetime) -> None:
    """Bring the entries that differ to what their lines say."""
    changed = EntryRow.id.in_(select(CHANGED.c.entry_id).where(CHANGED.c.entry_id.is_not(None)))
    keep(connection, changed, sequence)
    disabled = _stays_disabled()
    connection.execute(
        update(EntryRow)
        .where(EntryRow.id == CHANGED.c.entry_id, STAGED.c.position == CHANGED.c.position)
        .values(
            layout=STAGED.c.layout,
            signals=STAGED.c.signals,
            labels=STAGED.c.labels,
            content=case((disabled, STAGED.c.disabled), else_=STAGED.c.content),
            state=case((disabled, DISABLED), else_=IN_FORCE),
            version=version,
            sequence=sequence,
            updated_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def _insert(
    connection: Connection, bank_id: int, list_id: int, version: str, sequence: int, now: datetime
) -> None:
    """Add the entries that the list never had."""
    new: dict[str, ColumnElement[Any]] = {
        "bank_id": literal(bank_id),
        "list_id": literal(list_id),
        "provider_id": STAGED.c.provider_id,
        "layout": STAGED.c.layout,
        "signals": STAGED.c.signals,
        "labels": STAGED.c.labels,
        "content": STAGED.c.content,
        "version": literal(version),
        "state": literal(IN_FORCE),
        "sequence": literal(sequence),
        "created_at": literal(now, UtcTime),
        "updated_at": literal(now, UtcTime),
    }
    lines = (
        select(*new.values())
        .join_from(CHANGED, STAGED, STAGED.c.position == CHANGED.c.position)
        .where(CHANGED.c.entry_id.is_(None))
        .order_by(CHANGED.c.position)
    )
    connection.execute(insert(EntryRow).from_select(list(new), lines))


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


def _hold(connection: Connection, still: Callable[[Connection], bool] | None) -> None:
    if still is not None and not still(connection):
        raise ListChangedError("somebody else changed the list: try again")


def _in_force(connection: Connection, list_id: int) -> str | None:
    query = select(ListRow.version).where(ListRow.id == list_id)
    return connection.execute(query).scalar_one_or_none()


def _refuse(connection: Connection, target: ImportTarget, list_id: int, diff: ImportDiff) -> None:
    """Raise for a version that was there before, and for entries that would vanish by mistake; that
    a list shrinks not in a dry run, whose diff says it."""
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
        if diff.held and diff.mode is Mode.REPLACE:
            raise EmptyListError(
                "no line of an entry: this would remove every entry of the list; disable or delete"
                " the bank if that is what you want"
            )
    if diff.shrinks and not diff.dry_run:
        raise ListShrinksError(diff)


def _stays_disabled() -> ColumnElement[bool]:
    """Of an entry: a curator disabled it, before it was removed if it was."""
    was = exists().where(before_removal(), EarlierRow.state == DISABLED).correlate(EntryRow)
    return or_(EntryRow.state == DISABLED, and_(EntryRow.state == REMOVED, was))
