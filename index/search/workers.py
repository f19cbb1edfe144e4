"""The threads that share searches, and their working memory.

It knows how to split work that pays to be split; not what the work is.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from index.search.scratch import ScratchPool

WORTH_SHARING: Final = 500_000.0
"""Nanoseconds of work from which waking another thread pays."""


class Workers:
    """A pool of threads, each search's caller being one more."""

    def __init__(self, threads: int) -> None:
        """``threads``: how many may work on one search, the caller's included."""
        self.threads = threads
        self.scratch = ScratchPool()
        self._pool = _pool(threads)

    def use(self, threads: int) -> None:
        """Let so many threads work on one search from now on; none may be under way."""
        self.close()
        self.threads, self._pool = threads, _pool(threads)

    def share(self, work: Callable[[int, int], None], total: int, cost: float) -> None:
        """Call ``work(first, last)`` on slices of 0..``total``, one for each thread that pays.

        ``cost``: of all the work, nanoseconds.
        """
        slices = min(self.threads, total, 1 + int(cost / WORTH_SHARING))
        if self._pool is None or slices < 2:
            work(0, total)
            return
        edges = [total * part // slices for part in range(slices + 1)]
        others: list[Future[None]] = []
        try:
            for part in range(1, slices):
                try:
                    others.append(self._pool.submit(work, edges[part], edges[part + 1]))
                except RuntimeError:  # closed meanwhile, or no thread to be had: done here
                    work(edges[part], edges[part + 1])
            work(edges[0], edges[1])
        finally:
            # Nothing that writes into arrays of the call may outlive it.
            failures = [other.exception() for other in others]
        for failure in failures:
            if failure is not None:
                raise failure

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def _pool(threads: int) -> ThreadPoolExecutor | None:
    return ThreadPoolExecutor(threads - 1, "search") if threads > 1 else None
