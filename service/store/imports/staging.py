"""Where the lines of a list wait while it is read: a temporary table of one connection.

It checks each line and sets aside those that cannot be entries, each with its reason. It knows
nothing of what the list held before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Subquery,
    Table,
    Text,
    delete,
    func,
    not_,
    or_,
    select,
)

from service.domain.errors import InvalidValueError, NoSignalsError
from service.domain.values import (
    MAX_PROVIDER_ID,
    ImportRow,
    RejectedLine,
    Withdrawn,
    check_labels,
    check_text,
)
from service.store.core.loading import load
from service.store.entries.packing import parsed
from service.store.entries.rows import derived_provider_id, packed_content

MAX_SHOWN: Final = 1000
"""Rejected lines kept to be shown; the others are counted."""

_BATCH: Final = 2000

STAGED: Final = Table(
    "staged_rows",
    MetaData(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, nullable=False),
    Column("provider_id", String(256), nullable=False, index=True),
    Column("layout", Text, nullable=False),
    Column("signals", LargeBinary, nullable=False),
    Column("labels", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("disabled", LargeBinary, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("unread", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)


@dataclass
class Reading:
    """What was found while a list was read."""

    rejected: list[RejectedLine] = field(default_factory=list)
    rejected_count: int = 0
    duplicates: int = 0
    digest_only: int = 0
    withdrawn: int = 0
    """Lines that say that an item is no longer listed."""
    unread: int = 0
    """Bad lines that name their item."""
    layouts: set[str] = field(default_factory=set)
    """Of the valid rows, and of some that repeat others."""

    @property
    def kinds(self) -> frozenset[str]:
        """The types of signals of these, with their spaces."""
        return frozenset().union(*(parsed(layout).kinds for layout in self.layouts))

    def reject(self, line: int, reason: str) -> None:
        """Set a line aside."""
        self.rejected_count += 1
        if len(self.rejected) < MAX_SHOWN:
            self.rejected.append(RejectedLine(line, reason))


def stage(
    connection: Connection, rows: Iterable[ImportRow | Withdrawn | RejectedLine], last: bool = False
) -> Reading:
    """Fill ``STAGED`` with the valid rows, one for each provider's id.

    Of several with one id a withdrawal, and what comes after one, counts alone; and the first of
    others, which must say the same, or with ``last`` the last. A bad line that names its item is
    ``unread`` unless another line has that id: it says that the item is listed, if not how.
    """
    reading = Reading()
    batch: list[tuple[Any, ...]] = []
    position = 0
    for row in rows:
        if isinstance(row, RejectedLine):
            reading.reject(row.line, row.reason)
            if 1 <= len(row.provider_id) <= MAX_PROVIDER_ID:
                reading.unread += 1
                batch.append((position, row.line, row.provider_id, *_EMPTY, False, True))
                position += 1
            continue
        try:
            found = _columns(row)
        except InvalidValueError as error:
            reading.reject(row.line, str(error))
            continue
        if isinstance(row, Withdrawn):
            reading.withdrawn += 1
        else:
            reading.digest_only += row.signals.digest_only
            reading.layouts.add(found[2])
        batch.append((position, *found))
        position += 1
        if len(batch) >= _BATCH:
            load(connection, STAGED, batch)
            batch = []
    if batch:
        load(connection, STAGED, batch)
    _drop_unread(connection, reading)
    _drop_surpassed(connection, reading, last)
    _drop_repeats(connection, reading)
    return reading


def staged_count(connection: Connection) -> int:
    """How many rows wait that were read."""
    query = select(func.count()).select_from(STAGED).where(not_(STAGED.c.unread))
    return connection.execute(query).scalar_one()


def _columns(row: ImportRow | Withdrawn) -> tuple[Any, ...]:
    """The columns of ``STAGED`` after the first."""
    if isinstance(row, Withdrawn):
        provider_id = check_text("provider_id", row.provider_id, MAX_PROVIDER_ID)
        return (row.line, provider_id, *_EMPTY, True, False)
    if not row.signals:
        raise NoSignalsError("the line has no signal")
    provider_id = check_text(
        "provider_id", row.provider_id or derived_provider_id(row.signals), MAX_PROVIDER_ID
    )
    labels = check_labels(row.labels) if row.labels else ()
    packed = packed_content(provider_id, row.signals, labels)
    return (row.line, provider_id, *packed, False, False)


_EMPTY: Final = ("", b"", "", b"", b"")
"""What stands in the place of an entry's content."""


def _drop_unread(connection: Connection, reading: Reading) -> None:
    """Drop bad lines that share their id with another line."""
    if reading.unread:
        other = STAGED.alias("other")
        also = select(other.c.position).where(
            other.c.provider_id == STAGED.c.provider_id, other.c.position < STAGED.c.position
        )
        read = select(other.c.position).where(
            other.c.provider_id == STAGED.c.provider_id, not_(other.c.unread)
        )
        connection.execute(delete(STAGED).where(STAGED.c.unread, or_(also.exists(), read.exists())))


def _drop_surpassed(connection: Connection, reading: Reading, last: bool) -> None:
    """Drop what a later line of the same id takes the place of."""
    if not (last or reading.withdrawn):
        return
    newest = _newest(STAGED.c.withdrawn.is_not(None))
    older = (
        select(STAGED.c.position)
        .join_from(STAGED, newest, newest.c.provider_id == STAGED.c.provider_id)
        .where(STAGED.c.position < newest.c.position)
    )
    which = [older]
    if not last:
        withdrawn = _newest(STAGED.c.withdrawn)
        before = (
            select(STAGED.c.position)
            .join_from(STAGED, withdrawn, withdrawn.c.provider_id == STAGED.c.provider_id)
            .where(STAGED.c.position < withdrawn.c.position)
        )
        which = [older.where(STAGED.c.withdrawn), before]
    for positions in which:
        dropped = connection.execute(delete(STAGED).where(STAGED.c.position.in_(positions)))
        reading.duplicates += dropped.rowcount


def _newest(which: ColumnElement[bool]) -> Subquery:
    """The last position of each id, of those rows."""
    return (
        select(STAGED.c.provider_id, func.max(STAGED.c.position).label("position"))
        .where(which)
        .group_by(STAGED.c.provider_id)
        .subquery()
    )


def _drop_repeats(connection: Connection, reading: Reading) -> None:
    """Keep the first row of each provider's id; a repeat with other content is a rejected line."""
    # A list may repeat one line a million times: the database counts them, only a few come here.
    first = STAGED.alias("first")
    firsts = (
        select(STAGED.c.provider_id, func.min(STAGED.c.position).label("position"))
        .group_by(STAGED.c.provider_id)
        .having(func.count() > 1)
        .subquery("firsts")
    )

    def repeats(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        return (
            select(*columns)
            .join_from(STAGED, firsts, firsts.c.provider_id == STAGED.c.provider_id)
            .join(first, first.c.position == firsts.c.position)
            .where(STAGED.c.position != firsts.c.position)
        )

    same = STAGED.c.content == first.c.content
    reading.duplicates += connection.execute(repeats(func.count()).where(same)).scalar_one()
    bad = connection.execute(repeats(func.count()).where(not_(same))).scalar_one()
    shown = connection.execute(
        repeats(STAGED.c.line, first.c.line.label("first_line"))
        .where(not_(same))
        .order_by(STAGED.c.position)
        .limit(MAX_SHOWN)
    ).all()
    for line, first_line in shown:
        reading.reject(line, f"line {first_line} has the same id with other content")
    reading.rejected_count += bad - len(shown)
    if reading.duplicates or bad:
        connection.execute(delete(STAGED).where(STAGED.c.position.in_(repeats(STAGED.c.position))))
