"""The scrub: what the indexes keep is looked at round after round, in memory and in their files.

It runs in a thread of its own that gives way to all others, at a bounded rate. What changed in
memory is a failing check at once, and is not searched again before it was built anew from the
store; a damaged file is written anew from memory. It knows indexes by their contract; not how they
are kept or fed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from embeddings.cores import give_way
from index.contract.numbered import Fed
from service.domain.errors import ServiceError
from service.domain.health import Health
from service.replica.columns import IndexName

log = logging.getLogger(__name__)

CHECK: Final = "scrub"
RATE: Final = 64 << 20
"""Bytes a second: ten million codes take 19 seconds, and a hundredth of one core."""
PAUSE: Final = 2.0
"""Seconds between two rounds."""
FILES_EVERY: Final = 3600.0
"""Seconds after which files are read again that nobody touched, as far as can be seen."""

_DAMAGED: Final = "an index was damaged in memory and is being built anew"
_FILES: Final = "a file of an index was damaged and is being written anew"


class _StoppedError(Exception):
    """The round was given up because the replica stops."""


class Scrub:
    """The thread, and what it found."""

    def __init__(
        self,
        indexes: Callable[[], Mapping[IndexName, Fed]],
        health: Health,
        mend: Callable[[], None],
        pause: float = PAUSE,
    ) -> None:
        """``mend`` has what is damaged in memory built anew; ``pause``: seconds between rounds."""
        self._indexes, self._health, self._mend, self._pause = indexes, health, mend, pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrub", daemon=True)
        self._read_at = time.monotonic()
        self._rounds = threading.Lock()
        health.sound(CHECK)

    def start(self) -> None:
        """Begin, unless it did. The first round sums up what is there, for later ones to compare
        with."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> None:
        """Look at everything once, and tell. Raises what mending does."""
        with self._rounds:
            self._round()

    def _round(self) -> None:
        deep = time.monotonic() - self._read_at >= FILES_EVERY
        if deep:
            self._read_at = time.monotonic()
        said = [index.scrub(self._pace, self._alarm, deep) for index in self._all()]
        if self._lost():
            self._mend()
        if self._lost():
            return  # the alarm stands
        if damaged := "; ".join(sorted(filter(None, said))):
            self._health.degraded(CHECK, _FILES, damaged)
        else:
            self._health.sound(CHECK)

    def _run(self) -> None:
        give_way()
        told = ""
        while not self._stopping.is_set():
            try:
                self.round()
                told = ""
            except _StoppedError:
                return
            except ServiceError:
                pass  # the store is away, and its own check says so; the alarm stands
            except Exception as error:
                self._health.degraded(CHECK, "it cannot look at the indexes", repr(error))
                if told != (told := repr(error)):
                    log.exception("cannot look at the indexes")
            self._stopping.wait(self._pause)

    def _all(self) -> list[Fed]:
        return list(self._indexes().values())

    def _lost(self) -> bool:
        return any(index.needs_rebuild for index in self._all())

    def _alarm(self, reason: str) -> None:
        self._health.failing(CHECK, _DAMAGED, reason, incomplete=True)

    def _pace(self, size: int) -> None:
        if self._stopping.wait(size / RATE):
            raise _StoppedError
