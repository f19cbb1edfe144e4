"""How long anything may wait for the database, and whether it is worth asking at all.

A database that is overloaded answers late; one whose processes are frozen, or whose packets are
dropped on the way, never answers and never closes a connection. So every wait has an end that is
kept here, in this process, whatever the other side does; and once one came to such an end, nobody
else asks for a while, or every thread would soon wait for the same nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_HELD: Final = 5.0
"""Seconds until somebody may ask again a database that did not answer: longer than the look of a
server that follows the store takes, so that it is this look that finds it back."""

_WAIT_UNTIL: ContextVar[float | None] = ContextVar("wait_until", default=None)


@dataclass(frozen=True)
class Deadlines:
    """Seconds."""

    connect: float = 5.0
    """Until a connection is made; PostgreSQL's library knows no less than 2."""
    statement: float = 10.0
    """That one statement of a request may take."""
    bulk: float = 3600.0
    """The same for migrations, imports and whatever else goes through a whole table."""
    busy: float = 10.0
    """That a writer waits for another."""
    lookup: float = 2.0
    """Until a match is answered without its provenance, and a look for changes given up."""


@contextmanager
def writing_begins_within(seconds: float | None) -> Iterator[None]:
    """Within it, writers wait for others no longer than until ``seconds`` from now, all told.

    Whoever waited for a thread has waited already. ``None``: each for ``Deadlines.busy``.
    """
    token = _WAIT_UNTIL.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _WAIT_UNTIL.reset(token)


def patience(busy: float) -> float:
    """Seconds that a writer may still wait for another, of ``busy`` at most."""
    until = _WAIT_UNTIL.get()
    return busy if until is None else min(busy, max(0.0, until - time.monotonic()))


class Reach:
    """Whether the database answers; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """It does, until somebody says otherwise; ``clock`` gives seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._away = ""
        self._held_until = 0.0

    @property
    def away(self) -> str:
        """Why it is not worth asking now; empty if it is."""
        with self._lock:
            return self._away if self._clock() < self._held_until else ""

    def lost(self, reason: str) -> None:
        """It did not answer."""
        with self._lock:
            self._away, self._held_until = reason, self._clock() + _HELD

    def answered(self) -> None:
        """It did: said after each statement, so it is quick."""
        if not self._away:
            return
        with self._lock:
            self._away, self._held_until = "", 0.0

    def admitted(self) -> str:
        """``away``; and where it is worth asking again, whoever heard so is the one to ask."""
        with self._lock:
            if not self._away:
                return ""
            now = self._clock()
            if now < self._held_until:
                return self._away
            self._held_until = now + _HELD
            return ""
