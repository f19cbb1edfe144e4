"""How many queries a key may send: a steady rate, and a burst above it.

A query that comes too early is refused with the time after which it would not be; nothing is
counted for it. Items of a batch count each. It knows keys and numbers, nothing of requests, and
belongs to one event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from service.domain.errors import TooManyRequestsError

_REMEMBERED: Final = 10_000
"""Keys, before those are forgotten that have their whole burst again."""


class Rates:
    """What each key has left."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``rate``: queries a second, 0 for no limit; ``burst``: at once, after a pause."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: dict[str, tuple[float, float]] = {}  # how many, and when that was so

    def take(self, key: str, queries: int = 1) -> None:
        """Count ``queries`` of ``key``, all or none. Raises ``TooManyRequestsError``."""
        if not self._rate or not queries:
            return
        now = self._clock()
        left, since = self._left.get(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if left < queries:
            seconds = (queries - left) / self._rate
            self._left[key] = left, now
            raise TooManyRequestsError(
                f"this key sends more queries than it may; try again in {seconds:.1f} s", seconds
            )
        if key not in self._left and len(self._left) >= _REMEMBERED:
            self._forget(now)
        self._left[key] = left - queries, now

    def _forget(self, now: float) -> None:
        self._left = {
            key: (left, since)
            for key, (left, since) in self._left.items()
            if left + (now - since) * self._rate < self._burst
        }
