"""Bearer keys in the store: made, listed, revoked; only their hashes are kept.

A key reads ``lk_ID_SECRET``: eight hex digits that name it in lists and logs, and 64 that prove it.
It knows no HTTP and no roles' rights: those are ``service.http.door.auth``'s.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from service.domain.errors import InvalidValueError, KeyNotFoundError
from service.domain.values import Key, NewKey, Role, check_text
from service.store.core.database import Database
from service.store.core.models import KeyRow
from service.store.core.seals import columns_of, insert_sealed, is_whole, update_sealed


class Keys:
    """The keys of one store."""

    def __init__(self, database: Database, actor: str) -> None:
        """Work on ``database``, as ``actor``."""
        self._database, self._actor = database, actor

    def create(self, name: str, roles: frozenset[Role]) -> NewKey:
        """Make a key; its text is in the answer and nowhere else. Raises ``BadNameError``,
        ``InvalidValueError``."""
        check_text("a key's name", name, 128)
        if not roles:
            raise InvalidValueError("a key needs at least one role")
        number, secret = secrets.token_hex(4), secrets.token_hex(32)
        key = Key(number, name, roles, secret_hash(secret), datetime.now(UTC), None)
        with self._database.write(self._actor) as (connection, _):
            row = {
                "id": key.id,
                "name": key.name,
                "roles": ",".join(sorted(roles)),
                "secret_hash": key.secret_hash,
                "created_at": key.created_at,
            }
            insert_sealed(connection, KeyRow, row)
        return NewKey(key, f"lk_{number}_{secret}")

    def all(self) -> list[Key]:
        """Every key, revoked ones included, oldest first."""
        with self._database.read() as connection:
            return all_keys(connection)

    def revoke(self, key_id: str) -> Key:
        """Refuse a key from now on. Raises ``KeyNotFoundError``."""
        now = datetime.now(UTC)
        with self._database.write(self._actor) as (connection, _):
            query = select(*columns_of(KeyRow)).where(KeyRow.id == key_id)
            row = connection.execute(query).one_or_none() if key_id.isalnum() else None
            if row is None:
                raise KeyNotFoundError(
                    f"no key has the id {key_id[:32]!r}; a list of keys shows their ids"
                )
            key = key_of(row)
            if key.revoked_at is not None:
                return key
            update_sealed(connection, KeyRow, KeyRow.id == key_id, {"revoked_at": now})
        return replace(key, revoked_at=now)


def all_keys(connection: Connection) -> list[Key]:
    """Every key that is what was written, oldest first, within a transaction."""
    return [key_of(row) for row in key_rows(connection) if is_whole(KeyRow, row)]


def key_rows(connection: Connection) -> list[Row[*tuple[Any, ...]]]:
    """All columns of every key, oldest first."""
    order = KeyRow.created_at, KeyRow.id
    return list(connection.execute(select(*columns_of(KeyRow)).order_by(*order)))


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256, 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def key_of(row: Row[*tuple[Any, ...]]) -> Key:
    """The key of a row that holds all columns."""
    return Key(
        row.id,
        row.name,
        frozenset(Role(role) for role in row.roles.split(",")),
        row.secret_hash,
        row.created_at,
        row.revoked_at,
    )
