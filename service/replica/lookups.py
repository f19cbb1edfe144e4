"""The provenance of matches, read from the store under a deadline.

What was found stands without it, so an upload never waits for a store that hangs: neither one whose
processes are frozen, nor one on a disk that does not answer, where even the thread that reads can
not be called back. Therefore a few threads read, and those who ask wait for a thread only so long;
while the store is known to be away, nobody asks. It knows no matches.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Final

from service.domain.errors import StoreAwayError
from service.store import Entry, Store

_THREADS: Final = 4
_WAITING: Final = 256


class Lookups:
    """Reads entries by their ids; safe to use from several threads."""

    def __init__(self, store: Store, timeout: float | None = None) -> None:
        """Read from ``store``, within ``timeout`` seconds; by default its own deadline."""
        self._store = store
        self._timeout = store.deadlines.lookup if timeout is None else timeout
        self._asked: queue.Queue[tuple[tuple[int, ...], Future[dict[int, Entry]]] | None]
        self._asked = queue.Queue(_WAITING)
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    def entries(self, ids: Sequence[int]) -> Mapping[int, Entry]:
        """Entries by internal id, tombstoned or not. Raises ``StoreError``."""
        if away := self._store.reach.away:
            raise StoreAwayError(f"the store is away: {away}")
        self._start()
        until = time.monotonic() + self._timeout
        future: Future[dict[int, Entry]] = Future()
        try:
            self._asked.put((tuple(ids), future), timeout=self._timeout)
            return future.result(max(0.0, until - time.monotonic()))
        except (TimeoutError, queue.Full):
            future.cancel()
            reason = f"a look-up took longer than {self._timeout:g} s"
            self._store.reach.lost(reason)
            raise StoreAwayError(f"the store is away: {reason}") from None
        except CancelledError:
            raise StoreAwayError("this process is ending") from None

    def close(self) -> None:
        """Let the threads go once they have read what they read; nobody is waited for."""
        with self._starting:
            for _ in self._threads:
                try:
                    self._asked.put_nowait(None)
                except queue.Full:  # they all hang, and the process ends without them
                    return

    def _start(self) -> None:
        if self._threads:
            return
        with self._starting:
            if not self._threads:
                # Daemons: one that hangs with its disk must not keep the process from its end.
                self._threads = [
                    threading.Thread(target=self._read, name=f"lookup-{n}", daemon=True)
                    for n in range(_THREADS)
                ]
                for thread in self._threads:
                    thread.start()

    def _read(self) -> None:
        while (asked := self._asked.get()) is not None:
            ids, future = asked
            if not future.set_running_or_notify_cancel():
                continue  # whoever asked has given up
            try:
                future.set_result(self._store.entries.by_ids(ids))
            except BaseException as error:  # noqa: BLE001 - whoever asked raises it
                future.set_exception(error)
