"""Work that several threads ask for at the same time, done once.

Whoever asks while the same work is being done waits for it and gets what it comes to, an error
too; whoever asks later has it done anew, since nothing is kept. Only what follows from its key
alone may be shared so: the fingerprint of a file, never what it matches, which changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

V = TypeVar("V")


class Shared(Generic[V]):
    """Safe to use from several threads."""

    def __init__(self) -> None:
        """Nothing is being done."""
        self._lock = threading.Lock()
        self._doing: dict[Hashable, Future[V]] = {}
        self.joined = 0
        """How often work was not done, since somebody was doing it."""

    def get(self, key: Hashable, work: Callable[[], V]) -> V:
        """What ``work`` comes to, or the same work that another does now. Raises what it raises."""
        with self._lock:
            doing = self._doing.get(key)
            mine = doing is None
            if doing is None:
                doing = self._doing[key] = Future()
            else:
                self.joined += 1
        if not mine:
            return doing.result()
        try:
            result = work()
        except BaseException as error:
            self._done(key)
            doing.set_exception(error)
            raise
        self._done(key)
        doing.set_result(result)
        return result

    def _done(self, key: Hashable) -> None:
        with self._lock:
            del self._doing[key]
