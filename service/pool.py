"""Threads for work that must not run on the event loop, with a bounded queue in front.

What finds the queue full is refused at once: a client that retries later is better served than one
that waits behind a thousand others. It knows nothing of what the work is.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from service.errors import OverloadedError

T = TypeVar("T")


class WorkPool:
    """``workers`` threads, and room for ``queue`` pieces of work to wait."""

    def __init__(self, name: str, workers: int, queue: int) -> None:
        """Start no thread yet; they come with the work."""
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._limit = workers + queue
        self._lock = threading.Lock()
        self._pending = 0

    @property
    def pending(self) -> int:
        """Pieces of work running or waiting."""
        return self._pending

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread. Raises ``OverloadedError``, and whatever ``work`` raises.

        Work whose caller went away runs on, and counts until it is done.
        """
        with self._lock:
            if self._pending >= self._limit:
                raise OverloadedError("too many requests are waiting; try again in a moment")
            self._pending += 1
        try:
            future = self._executor.submit(work)
        except BaseException:
            self._done(None)
            raise
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _done(self, future: Future[T] | None) -> None:
        del future
        with self._lock:
            self._pending -= 1
