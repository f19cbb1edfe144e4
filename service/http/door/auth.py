"""Who is calling, and what their key may do.

Keys come from the replica's knowledge of the store, so a revoked one is refused within the time a
replica takes to follow. It knows keys and roles; not where the header came from.
"""

from __future__ import annotations

import hmac
import re
import shlex
from dataclasses import dataclass
from typing import Final

from service.domain.errors import (
    KeyMissingError,
    KeyRefusedError,
    NoAdminKeyError,
    RoleMissingError,
)
from service.domain.settings import Settings
from service.replica.replica import Replica
from service.store import NewKey, Role, Store
from service.store.keys import secret_hash

EVERYONE: Final = frozenset(Role)
MATCHERS: Final = frozenset({Role.MATCHER, Role.CURATOR, Role.REVIEWER, Role.ADMIN})
"""May send queries."""
READERS: Final = frozenset({Role.CURATOR, Role.REVIEWER, Role.ADMIN})
"""May see banks, entries, entry ids and distances."""
CURATORS: Final = frozenset({Role.CURATOR, Role.ADMIN})
"""May change banks and entries, and see listed hashes."""
ADMINS: Final = frozenset({Role.ADMIN})
"""May make and revoke keys."""

ENVIRONMENT_KEY: Final = "environment"
"""The id under which ``LOOKALIKE_ADMIN_KEY`` acts."""

_KEY: Final = re.compile(r"lk_([0-9a-f]{8})_([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """A key that was accepted."""

    key_id: str
    roles: frozenset[Role]

    def may(self, roles: frozenset[Role]) -> bool:
        """Whether the key has one of ``roles``."""
        return not self.roles.isdisjoint(roles)


class Doorman:
    """Turns an ``Authorization`` header into a caller."""

    def __init__(self, replica: Replica, settings: Settings) -> None:
        """Know the store's keys through ``replica``, and the admin key of ``settings``."""
        self._replica = replica
        admin = settings.admin_key
        self._admin_hash = None if admin is None else secret_hash(admin.get_secret_value())

    def admit(self, header: str, roles: frozenset[Role]) -> Caller:
        """The caller behind ``header``, the value of ``Authorization`` or empty.

        Raises ``KeyMissingError``, ``KeyRefusedError`` or ``RoleMissingError``.
        """
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise KeyMissingError("send a key: Authorization: Bearer KEY")
        caller = self.caller(text.strip())
        if not caller.may(roles):
            needed = ", ".join(sorted(roles))
            raise RoleMissingError(f"this needs a key with one of the roles {needed}")
        return caller

    def caller(self, text: str) -> Caller:
        """Whose key ``text`` is. Raises ``KeyRefusedError``."""
        # Digests are compared, not keys, and in constant time.
        if self._admin_hash is not None and hmac.compare_digest(
            secret_hash(text), self._admin_hash
        ):
            return Caller(ENVIRONMENT_KEY, ADMINS)
        parts = _KEY.fullmatch(text)
        key = self._replica.known.keys.get(parts[1]) if parts else None
        if parts and key and hmac.compare_digest(secret_hash(parts[2]), key.secret_hash):
            return Caller(key.id, key.roles)
        raise KeyRefusedError("the key is unknown or revoked")

    def known(self, key_id: str) -> Caller:
        """The caller of a key that was proved before. Raises ``KeyRefusedError``."""
        if key_id == ENVIRONMENT_KEY and self._admin_hash is not None:
            return Caller(ENVIRONMENT_KEY, ADMINS)
        if (key := self._replica.known.keys.get(key_id)) is not None:
            return Caller(key.id, key.roles)
        raise KeyRefusedError("the key is unknown or revoked")

    def secret_hash_of(self, key_id: str) -> bytes:
        """What is known of a key's secret, 32 bytes. Raises ``KeyRefusedError``."""
        if key_id == ENVIRONMENT_KEY and self._admin_hash is not None:
            return self._admin_hash
        if (key := self._replica.known.keys.get(key_id)) is not None:
            return key.secret_hash
        raise KeyRefusedError("the key is unknown or revoked")


def first_admin_key(store: Store, settings: Settings, terminal: bool) -> NewKey | None:
    """See that somebody can administer the store before it is served.

    Where neither the environment nor the store has an admin key, one is made if somebody is at
    a ``terminal``
    to read it, and returned to be printed once; otherwise raises ``NoAdminKeyError``.
    """
    if settings.admin_key is not None:
        return None
    if any(key.revoked_at is None and Role.ADMIN in key.roles for key in store.keys.all()):
        return None
    if not terminal:
        where = ""
        if settings.store_url is None and "data_dir" in settings.model_fields_set:
            where = f" --data {shlex.quote(str(settings.data_dir))}"
        raise NoAdminKeyError(
            "the store has no admin key: set LOOKALIKE_ADMIN_KEY, or make one with"
            f" `lookalike keys create NAME --role admin{where}`"
        )
    return store.keys.create("first run", ADMINS)
