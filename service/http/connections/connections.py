"""How many connections and requests there may be at once, in all and from one address.

A connection that waits for a request is worth less than a new one: where there is no room, the one
that has waited longest is closed in its favour, of the address that has most of them. A request
that is being answered is never closed for another; so the last places are kept for requests about
the service's health, which are answered in a moment, and they find room whatever others do.

Pure bookkeeping of one event loop: nothing here reads, writes or closes anything.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Generic, TypeVar

C = TypeVar("C")

RESERVED: Final = 8
"""Of the places in all and of each address, those that only requests about health may take."""


class Connections(Generic[C]):
    """The connections of one server; ``C`` is whatever stands for one."""

    def __init__(self, most: int, most_per_address: int) -> None:
        """At most so many, each number greater than ``RESERVED``."""
        self._most, self._most_per_address = most, most_per_address
        self._peers: dict[C, str] = {}
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, dict[C, None]] = {}  # by peer, in the order they began to wait
        self._busy: Counter[str] = Counter()
        self._busy_in_all = 0

    def __len__(self) -> int:
        """Connections that are open."""
        return len(self._peers)

    @property
    def busy(self) -> int:
        """Requests that are being answered."""
        return self._busy_in_all

    def open(self, connection: C, peer: str, counted: bool = True) -> tuple[bool, C | None]:
        """A new connection: whether there is room for it, and which other must be closed for that.

        ``counted``: whether those of ``peer`` are limited; those of a proxy are not.
        """
        victim: C | None = None
        if counted and self._held[peer] >= self._most_per_address:
            victim = self._longest_waiting(peer)
        elif len(self._peers) >= self._most:
            victim = self._longest_waiting(None)
        else:
            self._add(connection, peer)
            return True, None
        if victim is None:
            return False, None
        self.close(victim)
        self._add(connection, peer)
        return True, victim

    def close(self, connection: C) -> None:
        """The connection is gone, or will be. One that is not known is passed over."""
        peer = self._peers.pop(connection, None)
        if peer is None:
            return
        self._leave(connection, peer)
        self._held[peer] -= 1
        if not self._held[peer]:
            del self._held[peer]

    def room(self, address: str) -> bool:
        """Whether one more request of ``address`` may be answered that is not about health."""
        return (
            self._busy_in_all < self._most - RESERVED
            and self._busy[address] < self._most_per_address - RESERVED
        )

    def begin(self, connection: C, address: str) -> None:
        """A request of ``address`` has begun; the connection waits no longer."""
        peer = self._peers.get(connection)
        if peer is not None:
            self._leave(connection, peer)
        self._busy[address] += 1
        self._busy_in_all += 1

    def end(self, address: str) -> None:
        """A request of ``address`` has been answered, or nobody waits for the answer."""
        self._busy_in_all -= 1
        self._busy[address] -= 1
        if not self._busy[address]:
            del self._busy[address]

    def wait(self, connection: C) -> None:
        """The connection waits for its next request."""
        peer = self._peers.get(connection)
        if peer is not None:
            self._waiting.setdefault(peer, {})[connection] = None

    def _add(self, connection: C, peer: str) -> None:
        self._peers[connection] = peer
        self._held[peer] += 1
        self.wait(connection)

    def _leave(self, connection: C, peer: str) -> None:
        waiting = self._waiting.get(peer)
        if waiting is not None and connection in waiting:
            del waiting[connection]
            if not waiting:
                del self._waiting[peer]

    def _longest_waiting(self, peer: str | None) -> C | None:
        if peer is None:
            if not self._waiting:
                return None
            peer = max(self._waiting, key=lambda one: len(self._waiting[one]))
        return next(iter(self._waiting.get(peer, ())), None)
