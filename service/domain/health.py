"""The health of a server: named checks, whether it is ready, and whether its answers are whole.

Each part of the service reports to a check that it owns, again and again, what it sees: all is
*sound*; something is *degraded*, which is shown; or something is *failing*, and then the server is
not ready. A check may be failing in such a way that listed images could be missed: as long as it
is, no answer claims to be complete, so that a client is never told "not listed" in silence, even
one that ignores ``/readyz``. A report may be given a time to last, so that a part that hangs, and
reports nothing, is noticed as well::

    health.sound("fresh", lasts=30)
    health.degraded("store", "the database cannot be reached", lasts=30)
    health.failing("scrub", "a file of the index is damaged", incomplete=True)

It knows no check by name. ``said`` is shown to anybody who asks ``/readyz``, so it names no bank,
entry, host or folder; ``detail`` may, and is shown to callers with a key and in the log.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

log = logging.getLogger(__name__)

_QUIET: Final = 10.0
"""Seconds between two lines in the log about one check, however often it changes."""


class Severity(StrEnum):
    """How grave what a check saw is."""

    SOUND = "sound"
    DEGRADED = "degraded"
    """An operator should know; the server is ready."""
    FAILING = "failing"
    """The server is not ready."""


@dataclass(frozen=True)
class Check:
    """What is known of one check now."""

    name: str
    severity: Severity
    said: str
    """A sentence; empty while sound."""
    detail: str
    """More of it, for operators."""
    incomplete: bool
    """Whether listed images could be missed because of it."""
    since: datetime
    """When it came to be as grave as this."""


@dataclass
class _State:
    severity: Severity
    said: str
    detail: str
    incomplete: bool
    since: datetime
    began: float
    """On the clock: when it was last sound; meaningless while it is."""
    expires: float
    """On the clock; from then on it is failing, unless something else was reported."""
    logged: Severity | None = Severity.SOUND
    """``None``: nothing is to be said before its first report."""
    logged_at: float = -math.inf


class Health:
    """The checks of one server; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """No checks yet; ``clock`` gives seconds."""
        self._clock = clock
        self._checks: dict[str, _State] = {}
        self._lock = threading.Lock()

    def sound(self, name: str, lasts: float = math.inf) -> None:
        """Check ``name`` is sound; failing once nothing was reported for ``lasts`` seconds."""
        self._report(name, Severity.SOUND, "", "", False, lasts)

    def degraded(self, name: str, said: str, detail: str = "", lasts: float = math.inf) -> None:
        """Something is wrong with ``name``, and the server is ready all the same.

        It is not once that went on for ``lasts`` seconds, however often it was reported.
        """
        self._report(name, Severity.DEGRADED, said, detail, False, lasts)

    def failing(self, name: str, said: str, detail: str = "", incomplete: bool = False) -> None:
        """Something is wrong with ``name``, and the server is not ready.

        ``incomplete``: because of it listed images could be missed.
        """
        self._report(name, Severity.FAILING, said, detail, incomplete)

    def starting(self, name: str, said: str) -> None:
        """Nothing is known of ``name`` yet, so the server is not ready; no matter for the log."""
        with self._lock:
            self._checks[name] = _State(
                Severity.FAILING, said, "", False, datetime.now(UTC), 0.0, math.inf, None
            )

    def forget(self, name: str) -> None:
        """Take a check out, say of an index that is gone."""
        with self._lock:
            self._checks.pop(name, None)

    def checks(self) -> tuple[Check, ...]:
        """Every check as it is now, by name."""
        with self._lock:
            for name, state in self._checks.items():
                self._settle(name, state, self._clock())
            return tuple(
                Check(name, one.severity, one.said, one.detail, one.incomplete, one.since)
                for name, one in sorted(self._checks.items())
            )

    @property
    def ready(self) -> bool:
        """Whether no check is failing."""
        return all(check.severity is not Severity.FAILING for check in self.checks())

    @property
    def incomplete(self) -> bool:
        """Whether listed images could be missed now: the question of every answer, so it is
        quick."""
        with self._lock:
            return any(state.incomplete for state in self._checks.values())

    def _report(
        self,
        name: str,
        severity: Severity,
        said: str,
        detail: str,
        incomplete: bool,
        lasts: float = math.inf,
    ) -> None:
        with self._lock:
            now = self._clock()
            state = self._checks.get(name)
            if state is None:
                state = _State(severity, said, detail, incomplete, datetime.now(UTC), now, math.inf)
                self._checks[name] = state
            self._settle(name, state, now)
            if state.logged is None:
                state.logged = Severity.SOUND
            if state.severity is Severity.SOUND or severity is Severity.SOUND:
                state.began = now
            # The time that trouble may last runs from when it began, however often it is reported.
            state.expires = state.began + lasts
            if severity is Severity.DEGRADED and now >= state.expires:
                severity = Severity.FAILING
            if severity is not state.severity:
                state.severity, state.since = severity, datetime.now(UTC)
            state.said, state.detail, state.incomplete = said, detail, incomplete
            self._settle(name, state, now)

    def _settle(self, name: str, state: _State, now: float) -> None:
        """Let time tell, and the log know."""
        if now >= state.expires and state.severity is not Severity.FAILING:
            if state.severity is Severity.SOUND:
                state.said, state.began = "nothing was heard of it for too long", state.expires
            state.severity, state.since = Severity.FAILING, datetime.now(UTC)
        if state.severity is not state.logged is not None and now - state.logged_at >= _QUIET:
            state.logged, state.logged_at = state.severity, now
            told = ": ".join(filter(None, (state.said, state.detail)))
            # A recovery, too, must reach a log that shows warnings only.
            level = logging.ERROR if state.severity is Severity.FAILING else logging.WARNING
            log.log(level, "%s is %s%s", name, state.severity, told and f": {told}")
