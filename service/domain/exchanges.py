"""Exchanges as the store keeps them: what is fetched, from where, how often, and how that went.

A record holds no credential: its settings say where one is found on each machine that syncs
(``service.lists.exchanges.kinds``). It knows values; not how anything is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from service.domain.errors import BadNameError, InvalidValueError
from service.domain.values import check_bank_name, check_text

LEAST_EVERY: Final = 60
MOST_EVERY: Final = 30 * 86_400
DEFAULT_EVERY: Final = 3600
"""Seconds between two syncs."""

DEFAULT_REJECTED: Final = 100
"""Bad lines. A hotline that sends one must not hold up all others; each is told of."""

MOST_EXCHANGES: Final = 200

MOST_RUNS: Final = 100
"""Of one exchange that are kept."""

MOST_WAIT: Final = timedelta(days=1)
"""That an exchange may ask for before it is asked again."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)

_GRACE: Final = timedelta(minutes=10)


class RunState(StrEnum):
    """How far a sync has come."""

    QUEUED = "queued"
    """Somebody asked for it, and nobody began it yet."""
    RUNNING = "running"
    DONE = "done"
    """What is new is in force."""
    UNCHANGED = "unchanged"
    """Nothing was new."""
    FAILED = "failed"
    """Nothing was changed; it is tried again."""
    NEEDS_REVIEW = "needs_review"
    """Nothing was changed: so much of the list would go that somebody must look."""


ENDED: Final = frozenset(RunState) - {RunState.QUEUED, RunState.RUNNING}


@dataclass(frozen=True)
class NewExchange:
    """An exchange to be kept."""

    name: str
    kind: str
    bank: str
    provider: str
    list: str
    settings: Mapping[str, str]
    every: int = DEFAULT_EVERY
    """Seconds."""
    enabled: bool = True
    max_rejected: int = DEFAULT_REJECTED
    """Bad lines to tolerate in one sync."""

    def __post_init__(self) -> None:
        """Raise ``InvalidValueError`` for what cannot be kept."""
        check_exchange_name(self.name)
        check_bank_name(self.bank)
        check_text("provider", self.provider, 128)
        check_text("list", self.list, 128)
        if not LEAST_EVERY <= self.every <= MOST_EVERY:
            raise InvalidValueError(
                f"every must be {LEAST_EVERY} to {MOST_EVERY} seconds, not {self.every}"
            )
        if not 0 <= self.max_rejected <= 10**9:
            raise InvalidValueError("max_rejected must be 0 to 1000000000")


@dataclass(frozen=True)
class ExchangeRun:
    """One sync."""

    id: int
    actor: str
    state: RunState
    asked_at: datetime
    ended_at: datetime | None = None
    allow_shrink: bool = False
    code: str = ""
    """Of what went wrong."""
    said: str = ""
    pages: int = 0
    bytes: int = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    rejected: int = 0
    version: str | None = None
    """That it brought in force."""


@dataclass(frozen=True)
class ExchangeRecord:
    """An exchange, and where its syncs stand."""

    id: int
    new: NewExchange
    """What it is."""
    created_at: datetime
    updated_at: datetime
    checkpoint: str | None = None
    """Up to where its list is in force; only the exchange knows what it means."""
    synced_at: datetime | None = None
    """When a sync last came to its end."""
    next_at: datetime | None = None
    """When the next is due; ``None``: now."""
    failures: int = 0
    """In a row."""
    version: str | None = None
    """The list version that a sync brought in force last."""
    entries: int = 0
    """That the list holds now."""
    last: ExchangeRun | None = field(default=None, compare=False)
    """The newest run that has ended."""
    current: ExchangeRun | None = field(default=None, compare=False)
    """The newest one that has not."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.new.name

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to sync it, or somebody asked for that."""
        if self.current is not None and self.current.state is RunState.QUEUED:
            return True
        if not self.new.enabled:
            return False
        # One that is due later than it ever could be was put off while a clock was ahead.
        return (
            self.next_at is None
            or self.next_at <= now
            or self.next_at > now + timedelta(seconds=self.new.every) + MOST_WAIT
        )

    def is_late(self, now: datetime) -> bool:
        """Whether too long ago a sync last came to its end."""
        since = self.synced_at or self.created_at
        return self.new.enabled and now - since > timedelta(seconds=2 * self.new.every) + _GRACE

    def trouble(self, now: datetime) -> str:
        """The code of what is wrong; empty where nothing is."""
        if not self.new.enabled:
            return ""
        if self.failures and self.last is not None:
            return self.last.code or "failed"
        if self.is_late(now):
            return "late"
        return "" if self.last is None else self.last.code


def check_exchange_name(name: str) -> str:
    """``name`` itself, once it is known to be one. Raises ``BadNameError``."""
    if not _NAME.fullmatch(name):
        raise BadNameError(
            "an exchange's name is 1 to 64 of letters, digits, '_', '.' and '-', not starting with"
            f" '.' or '-': not {name[:80]!r}"
        )
    return name
