"""How long tombstones are kept: a thread that purges the store now and then.

Of all replicas one does it, under a lease in the store that it keeps until the next time. It knows
when to purge; what is purged stands in ``service.store.entries.purge``.
"""

from __future__ import annotations

import logging
import secrets
import threading
from datetime import UTC, datetime, timedelta
from typing import Final

from service.domain.errors import ServiceError
from service.domain.health import Health
from service.store import Store

log = logging.getLogger(__name__)

LEASE: Final = "purge"

_EVERY: Final = 3600.0
"""Seconds."""


class _StoppedError(Exception):
    """The server ends in the middle of a purge; the next does the rest."""


class Retention:
    """Purges one store from time to time."""

    def __init__(
        self, store: Store, days: float | None, health: Health, every: float = _EVERY
    ) -> None:
        """Keep what ``store`` removed for ``days``, or with ``None`` for ever; look ``every`` so
        many seconds. ``health`` hears of it as the check ``retention``."""
        self._store, self._days = store.acting("job:retention"), days
        self._health, self._every = health, every
        self._holder = secrets.token_hex(8)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to look, in a thread."""
        if self._days is not None:
            self._thread.start()

    def stop(self) -> None:
        """End; a purge that is under way stops between two transactions."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> bool:
        """Purge once, if no other replica does; whether it was done here. Raises
        ``StoreError``."""
        assert self._days is not None
        if not self._store.take_lease(LEASE, self._holder, self._every):
            return False
        before = datetime.now(UTC) - timedelta(days=self._days)
        done = self._store.purge(before, pause=self._pause)
        if done.tombstones or done.earlier or done.commits:
            log.info(
                "purged %d tombstones, %d earlier states and %d commits, up to sequence %d",
                done.tombstones,
                done.earlier,
                done.commits,
                done.sequence,
            )
        return True

    def _follow(self) -> None:
        # Not at once: a start has better things to do, and many replicas may start together.
        while not self._stopping.wait(self._every / 60):
            try:
                self.look()
                self._health.sound("retention")
            except _StoppedError:
                return
            except ServiceError as error:
                said = "what was removed from lists is kept for longer than it should be"
                self._health.degraded("retention", said, str(error))
            if self._stopping.wait(self._every):
                return

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError
