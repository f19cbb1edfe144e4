"""Entries of layout 0004 become entries of layout 0005, some at a time.

They are written to a table beside the old one, with the place that was reached, so that whoever was
interrupted goes on from there; ``finish`` puts the new table in the place of the old one. If the
store changed since it was begun, it is begun anew.

Each row is held against the hash that it was written with. One that is not what was written is
carried over as one that is not, and never gets a hash that says otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import NoneType
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from service.store.core.loading import load
from service.store.migrations.layout_0005 import (
    BIG_ID,
    DISABLED,
    IN_FORCE,
    MOMENT,
    REMOVED,
    OldSignal,
    content_hash,
    describe_lists,
    packed,
    seal_rows,
)

STEP: Final = 20_000
"""Rows that one transaction converts."""

DAMAGED: Final = bytes(16)
"""The hash of a row that is not what was written: no row has this one."""

_BESIDE: Final = sa.Table(
    "entries_0005",
    sa.MetaData(),
    sa.Column("id", BIG_ID, primary_key=True, autoincrement=True),
    sa.Column("bank_id", sa.Integer, nullable=False),
    sa.Column("list_id", sa.Integer, nullable=False),
    sa.Column("provider_id", sa.String(256), nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("signals", sa.LargeBinary),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sa.ForeignKeyConstraint(["bank_id"], ["banks.id"]),
    sa.ForeignKeyConstraint(["list_id"], ["lists.id"]),
    sqlite_autoincrement=True,
)
_EARLIER: Final = sa.Table(
    "earlier_states",
    sa.MetaData(),
    sa.Column("entry_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("until", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("list_id", sa.Integer, nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("signals", sa.LargeBinary),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("earlier_states_by_until", _EARLIER.c.until)
_PLACE: Final = sa.Table(
    "conversion_0005",
    sa.MetaData(),
    sa.Column("after", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

_OLD: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(("md5", "sha1", "sha256", "pdq"), (bytes, NoneType)),
    "pdq_quality": (int, NoneType),
    "quality": (float, int, NoneType),
    **dict.fromkeys(("url", "codes", "code_role"), (str, NoneType)),
    "labels": (str,),
}
"""What an entry was: columns and the types of their values."""

_READ: Final = (
    "id",
    "bank_id",
    "list_id",
    "provider_id",
    *_OLD,
    "content",
    "version",
    "enabled",
    "deleted",
    "sequence",
    "created_at",
    "updated_at",
)


def begin(connection: Connection) -> None:
    """Make the tables, or go on with those that are there, within a writing transaction."""
    sequence = connection.execute(sa.text("SELECT value FROM counter")).scalar_one()
    if sa.inspect(connection).has_table(_PLACE.name):
        if connection.execute(sa.select(_PLACE.c.sequence)).scalar() == sequence:
            return
        for table in (_BESIDE, _EARLIER, _PLACE):
            connection.execute(sa.text(f"DROP TABLE {table.name}"))
    for table in (_PLACE, _EARLIER):
        table.create(connection)
    _create_beside(connection)
    connection.execute(sa.insert(_PLACE).values(after=0, sequence=sequence))


def done(connection: Connection) -> int:
    """How many rows are converted."""
    count = sa.select(sa.func.count()).select_from(_BESIDE)
    return connection.execute(count).scalar_one()


def step(connection: Connection) -> int:
    """Convert some rows more, within a writing transaction; how many."""
    after = connection.execute(sa.select(_PLACE.c.after)).scalar_one()
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    with _any_text(connection):
        found = connection.exec_driver_sql(
            f"SELECT {', '.join(_READ)} FROM entries WHERE id > {mark} ORDER BY id LIMIT {STEP:d}",  # noqa: S608
            (after,),
        ).fetchall()
    if not found:
        return 0
    entries, earlier = [], []
    for row in found:
        now, before = _converted(dict(zip(_READ, row, strict=True)))
        entries.append(now)
        if before is not None:
            earlier.append(before)
    load(connection, _BESIDE, entries)
    if earlier:
        load(connection, _EARLIER, earlier)
    connection.execute(sa.update(_PLACE).values(after=found[-1][0]))
    return len(found)


def finish(connection: Connection) -> None:
    """Put what was converted in the place of what was."""
    highest = _highest(connection)
    connection.execute(sa.text("DROP TABLE entries"))
    connection.execute(sa.text("ALTER TABLE entries_0005 RENAME TO entries"))
    connection.execute(sa.text("DROP TABLE conversion_0005"))
    if connection.dialect.name == "sqlite":
        named = {"seq": highest}
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'entries'"))
        connection.execute(sa.text("INSERT INTO sqlite_sequence VALUES ('entries', :seq)"), named)
    else:
        for what, old, new in (
            ("SEQUENCE", "entries_0005_id_seq", "entries_id_seq"),
            ("INDEX", "entries_0005_pkey", "entries_pkey"),
        ):
            connection.execute(sa.text(f"ALTER {what} {old} RENAME TO {new}"))
        if highest:
            query = "SELECT setval(pg_get_serial_sequence('entries', 'id'), :seq)"
            connection.execute(sa.text(query), {"seq": highest})


def seal(connection: Connection) -> None:
    """Write down what lists hold, seal what is sealed, and give commits other marks, since the ids
    in indexes are others: each is built anew."""
    describe_lists(connection)
    seal_rows(connection)
    random = "lower(hex(randomblob(16)))"
    if connection.dialect.name != "sqlite":
        random = "replace(gen_random_uuid()::text, '-', '')"
    connection.execute(sa.text(f"UPDATE commits SET mark = {random} WHERE sequence > 0"))  # noqa: S608
    connection.execute(sa.text("UPDATE counter SET past_from = value"))


def _create_beside(connection: Connection) -> None:
    # Its foreign keys name tables that another ``MetaData`` describes.
    described = sa.MetaData()
    for name in ("banks", "lists"):
        sa.Table(name, described, sa.Column("id", sa.Integer, primary_key=True))
    _BESIDE.to_metadata(described).create(connection)


def _converted(old: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """The row of ``entries``, and of ``earlier_states`` if it is removed."""
    whole = _is_whole(old) and old["deleted"] in (0, 1) and old["enabled"] in (0, 1)
    state = DISABLED if old["enabled"] == 0 else IN_FORCE
    layout, raw, content = "", b"", DAMAGED
    try:
        layout, raw = packed(_signals(old), _structure(old))
    except (ValueError, TypeError, AttributeError, KeyError):
        whole = False
    if whole:
        content = content_hash(state, layout, old["provider_id"], old["labels"], raw)
    provider_id, labels, version = (
        _text(old[name]) for name in ("provider_id", "labels", "version")
    )
    kept = (layout, raw, labels, content, version, state)
    shown: tuple[Any, ...] = kept
    before = None
    if old["deleted"] == 1:
        shown = ("", None, "[]", None, version, REMOVED)
        before = (
            old["id"],
            old["sequence"],
            0,
            old["list_id"],
            *kept,
            old["updated_at"],
        )
    now = (
        old["id"],
        old["bank_id"],
        old["list_id"],
        provider_id,
        *shown,
        old["sequence"],
        old["created_at"],
        old["updated_at"],
    )
    return now, before


def _signals(old: dict[str, Any]) -> list[OldSignal]:
    codes = orjson.loads(old["codes"]) if old["codes"] else {}
    found = [
        OldSignal("code", bytes.fromhex(code), space, role=old["code_role"])
        for space, code in sorted(codes.items())
    ]
    for name in ("md5", "pdq", "sha1", "sha256"):
        if old[name] is not None:
            quality = old["pdq_quality"] if name == "pdq" else None
            found.append(OldSignal(name, bytes(old[name]), quality=quality))
    if old["url"] is not None:
        found.append(OldSignal("url", old["url"].encode()))
    return found


def _structure(old: dict[str, Any]) -> float | None:
    return None if old["quality"] is None else float(old["quality"])


def _is_whole(old: dict[str, Any]) -> bool:
    """Whether a row's hash says that it is what was written."""
    kept, columns = old["content"], {name: old[name] for name in _OLD}
    if not isinstance(kept, bytes):
        return False
    if not all(isinstance(columns[name], types) for name, types in _OLD.items()):
        return False
    try:
        if _hash(columns) == kept:
            return True
        if columns["quality"] in (0.0, 1.0):  # may have been written as a whole number
            columns["quality"] = int(columns["quality"])
            if _hash(columns) == kept:
                return True
        if columns.pop("code_role") is not None:
            return False
        return _hash(columns) == kept  # written when there were no roles
    except UnicodeEncodeError:
        return False


def _hash(columns: dict[str, Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(columns.items()):
        if name == "code_role" and value is None:
            continue
        raw = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        digest.update(f"{name}:{value is None:d}:{len(raw)}:".encode() + raw)
    return digest.digest()


def _text(value: object) -> object:
    """As it was, but for what is no text in any encoding."""
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode(errors="replace")
    return value


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Read even texts that are none, each of which makes its row a damaged one."""
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    raw.text_factory = lambda told: told.decode(errors="surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = str


def _highest(connection: Connection) -> int:
    """The highest id that an entry ever had."""
    if connection.dialect.name == "sqlite":
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'entries'"
        return int(connection.execute(sa.text(query)).scalar() or 0)
    name = connection.execute(sa.text("SELECT pg_get_serial_sequence('entries', 'id')")).scalar()
    row = connection.execute(sa.text(f"SELECT last_value, is_called FROM {name}")).one()  # noqa: S608
    return int(row.last_value) if row.is_called else 0
