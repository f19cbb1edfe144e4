"""What rows of layout 0005 look like, kept as it was when that layout came: packing, hashes, seals.

A migration must write what its own layout says, whatever the tables of the newest release have come
to hold since, so nothing here is taken from the code that reads and writes stores today. That the
two agree where they should is tested on a store that migrates to the newest layout. A later layout
that adds a column to a sealed table seals its rows anew, in its own migration.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
import xxhash
from sqlalchemy import Connection

BIG_ID: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT: Final = sa.DateTime(timezone=True)

IN_FORCE: Final = "in_force"
DISABLED: Final = "disabled"
REMOVED: Final = "removed"

_TABLES = sa.MetaData()


def _sealed(name: str, *columns: tuple[str, Any]) -> sa.Table:
    sealed = [sa.Column(one, kind) for one, kind in columns]
    return sa.Table(name, _TABLES, *sealed, sa.Column("seal", sa.LargeBinary))


LISTS: Final = _sealed(
    "lists",
    ("id", sa.Integer),
    ("bank_id", sa.Integer),
    ("provider", sa.Text),
    ("name", sa.Text),
    ("version", sa.Text),
    ("entries", sa.Integer),
    ("kinds", sa.Text),
)
SEALED: Final = (
    _sealed(
        "banks",
        ("id", sa.Integer),
        ("name", sa.Text),
        ("action", sa.Text),
        ("imagery", sa.Text),
        ("radius", sa.Text),
        ("enabled", sa.Boolean),
        ("deleted", sa.Boolean),
        ("sequence", sa.BigInteger),
        ("created_at", MOMENT),
        ("updated_at", MOMENT),
    ),
    LISTS,
    _sealed(
        "list_versions",
        ("id", sa.Integer),
        ("list_id", sa.Integer),
        ("version", sa.Text),
        ("sequence", sa.BigInteger),
        ("activated_at", MOMENT),
        ("superseded_at", MOMENT),
        ("entries", sa.Integer),
        ("added", sa.Integer),
        ("updated", sa.Integer),
        ("removed", sa.Integer),
        ("unchanged", sa.Integer),
        ("rejected", sa.Integer),
        ("restores", sa.Text),
    ),
    _sealed(
        "keys",
        ("id", sa.Text),
        ("name", sa.Text),
        ("roles", sa.Text),
        ("secret_hash", sa.LargeBinary),
        ("created_at", MOMENT),
        ("revoked_at", MOMENT),
    ),
)
"""The sealed tables, with their columns in the order in which a seal takes them."""


class OldSignal(NamedTuple):
    """One signal of an entry; an entry had at most one of each type and space."""

    type: str
    value: bytes
    space: str = ""
    quality: float | int | None = None
    role: str | None = None


def packed(signals: Iterable[OldSignal], structure: float | None) -> tuple[str, bytes]:
    """The layout's text of signals, and their bytes."""
    parts, raw = [], b""
    for one in sorted(signals, key=lambda one: (one.type, one.space)):
        kind = f"{one.type}@{one.space}" if one.space else one.type
        role = f"~{one.role}" if one.role else ""
        number = "" if one.quality is None else "f" if isinstance(one.quality, float) else "i"
        parts.append(f"{kind}{role}:{len(one.value)}{number}")
        raw += one.value
        if one.quality is not None:
            raw += struct.pack("<d" if number == "f" else "<i", one.quality)
    if structure is not None:
        parts.append("structure")
        raw += struct.pack("<d", structure)
    return ",".join(parts), raw


def content_hash(state: str, layout: str, provider_id: str, labels: str, raw: bytes) -> bytes:
    """The hash of an entry, 16 bytes."""
    said = f"{state}\n{layout}\n{provider_id}\n{labels}\n".encode()
    return xxhash.xxh3_128_digest(said + raw)


def describe_lists(connection: Connection) -> None:
    """Write down of each list how many entries it holds, and signals of which types and spaces."""
    held: dict[int, int] = {}
    kinds: dict[int, set[str]] = {}
    query = "SELECT list_id, layout, count(*) FROM entries WHERE state != :gone GROUP BY 1, 2"
    for number, layout, count in connection.execute(sa.text(query), {"gone": REMOVED}):
        held[number] = held.get(number, 0) + count
        parts = [part for part in layout.split(",") if part not in ("", "structure")]
        kinds.setdefault(number, set()).update(p.rsplit(":", 1)[0].split("~")[0] for p in parts)
    for number in connection.execute(sa.select(LISTS.c.id)).scalars().all():
        said = {"entries": held.get(number, 0), "kinds": ",".join(sorted(kinds.get(number, ())))}
        connection.execute(sa.update(LISTS).where(LISTS.c.id == number).values(said))


def seal_rows(connection: Connection) -> None:
    """Seal every row of the sealed tables as it is: none ever had a seal."""
    for table in SEALED:
        for row in connection.execute(sa.select(table)).all():
            values = [row._mapping[column] for column in table.c if column.name != "seal"]
            parts = [table.name.encode(), *map(_told, values)]
            joined = b"".join(b"%d:%b" % (len(part), part) for part in parts)
            one = sa.update(table).where(table.c.id == row._mapping[table.c.id])
            connection.execute(one.values(seal=xxhash.xxh3_128_digest(joined)))


def _told(value: object) -> bytes:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return b"t" + moment.isoformat(timespec="microseconds").encode()
    if isinstance(value, bytes | memoryview):
        return b"b" + bytes(value)
    if isinstance(value, str):
        return b"s" + value.encode(errors="surrogatepass")
    return repr(value).encode()
