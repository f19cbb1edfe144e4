"""Keys as hashes under a secret: who finds an index alone cannot try out what is listed.

The secret is the store's (``store.core.models.CounterRow``): whoever has the store has what is
listed anyway, and an index, which may lie on another machine or in a lost volume, tells nothing
without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

KEY_BYTES: Final = 16
"""Of a hash: two of ten thousand million keys agree with a chance of 1 in 10**18."""

SECRET_BYTES: Final = 32

UNREAD: Final = ""
"""The key of what this release cannot read, which nobody asks for: so it can be counted."""


class Keyed:
    """Hashes keys with one secret, of at most 64 bytes."""

    def __init__(self, secret: bytes = b"") -> None:
        """``secret``: the store's; whoever has another finds nothing."""
        self._start = hashlib.blake2b(key=secret, digest_size=KEY_BYTES)
        self.name: str = hashlib.blake2b(key=secret, digest_size=4, person=b"name").hexdigest()
        """Which secret it is: an index made with another is noticed by it."""

    def __call__(self, key: str) -> bytes:
        """``KEY_BYTES`` bytes."""
        state = self._start.copy()
        state.update(key.encode())
        return state.digest()

    def many(self, keys: Iterable[str]) -> bytes:
        """The hashes of many, one after the other."""
        return b"".join(map(self, keys))
