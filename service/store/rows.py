"""Between an entry's values and its columns: the one place where signals become a row and back.

It knows the layout of a row; not when rows may be written.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from types import NoneType
from typing import Any, Final

import orjson
from sqlalchemy import Row, func

from service.domain.errors import BadSignalError, InvalidValueError
from service.domain.signals import Signals
from service.domain.values import Entry
from service.store.database import readable
from service.store.models import BankRow, EntryRow, ListRow

SIGNAL_COLUMNS: Final = (
    EntryRow.md5,
    EntryRow.sha1,
    EntryRow.sha256,
    EntryRow.pdq,
    EntryRow.pdq_quality,
    EntryRow.quality,
    EntryRow.url,
    EntryRow.codes,
)

_CONTENT: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(("md5", "sha1", "sha256", "pdq"), (bytes, NoneType)),
    "pdq_quality": (int, NoneType),
    "quality": (float, int, NoneType),
    **dict.fromkeys(("url", "codes", "code_role"), (str, NoneType)),
    "labels": (str,),
}
"""What an entry is: columns and the types of their values. SQLite keeps what a damaged row says,
whatever type the column is of."""

CONTENT_COLUMNS: Final = (*SIGNAL_COLUMNS, EntryRow.code_role, EntryRow.labels, EntryRow.content)
"""What an entry is, and the hash over all of it."""

ENTRY_COLUMNS: Final = (
    EntryRow.id,
    BankRow.name.label("bank"),
    ListRow.provider,
    ListRow.name.label("list"),
    EntryRow.provider_id,
    *SIGNAL_COLUMNS,
    EntryRow.code_role,
    EntryRow.labels,
    func.coalesce(ListRow.version, EntryRow.version).label("list_version"),
    EntryRow.enabled,
    EntryRow.created_at,
    EntryRow.updated_at,
)
"""What ``entry`` reads; select them from entries joined with lists and banks."""


def content_columns(signals: Signals, labels: tuple[str, ...]) -> dict[str, Any]:
    """The columns that hold what an entry is, and ``content``, the hash over all of them.

    Raises ``BadSignalError`` for signals that have no column.
    """
    if signals.frames:
        raise BadSignalError("frames: this store keeps one signal of each type")
    columns: dict[str, Any] = {
        "md5": signals.md5,
        "sha1": signals.sha1,
        "sha256": signals.sha256,
        "pdq": signals.pdq,
        "pdq_quality": signals.pdq_quality,
        "quality": signals.quality,
        "url": signals.url,
        "codes": _codes_text(signals),
        "code_role": signals.code_role if signals.codes else None,
        "labels": orjson.dumps(labels).decode(),
    }
    columns["content"] = _hash(columns)
    return columns


def derived_provider_id(signals: Signals) -> str:
    """An id for an item whose provider gave none: the same signals always get the same.

    It does not reveal the signals, since ids are shown where hashes are not.
    """
    named = content_columns(signals, ())
    # The last is a hash over the others.
    for name in ("pdq_quality", "quality", "code_role", "content"):
        del named[name]
    return f"h_{_hash(named).hex()}"


def signals(row: Row[*tuple[Any, ...]]) -> Signals:
    """The signals of a row that holds ``SIGNAL_COLUMNS`` and the role of its codes."""
    codes = orjson.loads(row.codes) if row.codes else {}
    return Signals.of(
        md5=row.md5,
        sha1=row.sha1,
        sha256=row.sha256,
        pdq=row.pdq,
        codes={space: bytes.fromhex(code) for space, code in codes.items()},
        code_role=row.code_role,
        url=row.url,
        pdq_quality=row.pdq_quality,
        quality=row.quality,
    )


def entry(row: Row[*tuple[Any, ...]]) -> Entry:
    """The entry of a row that holds ``ENTRY_COLUMNS``. Raises ``StoreDamagedError``."""
    with readable(InvalidValueError):
        return _entry(row)


def content_matches(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether a row that holds ``CONTENT_COLUMNS`` is what was written: its hash says so."""
    columns = {name: getattr(row, name) for name in _CONTENT}
    kept = row.content
    if not isinstance(kept, bytes | memoryview):
        return False
    if not all(isinstance(columns[name], types) for name, types in _CONTENT.items()):
        return False
    if _hash(columns) == kept:
        return True
    if columns["quality"] in (0.0, 1.0):  # may have been written as a whole number
        columns["quality"] = int(columns["quality"])
        if _hash(columns) == kept:
            return True
    if columns.pop("code_role") is not None:
        return False
    return _hash(columns) == kept  # of a migrated store: written when there were no roles


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(
        id=row.id,
        bank=row.bank,
        provider=row.provider,
        list=row.list,
        provider_id=row.provider_id,
        signals=signals(row),
        labels=tuple(orjson.loads(row.labels)),
        list_version=row.list_version,
        enabled=row.enabled,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def version_of_moment(moment: datetime) -> str:
    """The name of a version that nobody named: RFC 3339 UTC, to the microsecond."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _codes_text(signals: Signals) -> str | None:
    if not signals.codes:
        return None
    return orjson.dumps({s: c.hex() for s, c in sorted(signals.codes.items())}).decode()


def _hash(columns: dict[str, Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(columns.items()):
        if name == "code_role" and value is None:
            continue  # what was listed before there were roles has the content it had
        raw = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        # Lengths keep two different sets of values from running into the same bytes.
        digest.update(f"{name}:{value is None:d}:{len(raw)}:".encode() + raw)
    return digest.digest()
