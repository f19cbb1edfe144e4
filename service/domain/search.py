"""A search over all indexes of a replica, and what it finds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain.signals import Signals


@dataclass(frozen=True)
class Search:
    """What to look for, and where."""

    signals: Signals
    exact: frozenset[int]
    """Groups whose digests and URLs are searched."""
    sha256_only: frozenset[int]
    """Groups of which only SHA-256 is searched."""
    pdq: Mapping[int, int]
    """Group to radius, bits; empty: PDQ is not searched."""
    codes: Mapping[str, Mapping[int, int]]
    """Code space to group to radius, bits; spaces that are absent are not searched."""
    limit: int | None = None
    """Entries of each index and group, the nearest first, ties by id; ``None``: all of them."""
    scores: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Code space to group to the least score that matches; elsewhere the radius alone decides. A
    space that is here has a descriptor among the signals."""


@dataclass(frozen=True)
class Found:
    """One signal of one entry, within the radius."""

    id: int
    group: int
    signal: str
    space: str
    """Of a code; empty for other signals."""
    distance: int
    radius: int
    view: str = ""
    """Of the query, by which it was found; empty for the query as it is."""
    score: int | None = None
    """Of a code that was scored; higher = more alike."""
    threshold: int | None = None
    """The least score that matches."""


@dataclass(frozen=True)
class Searched:
    """What a search came to."""

    found: list[Found]
    """In no order."""
    incomplete: bool
    """Whether an index could not answer, because it was damaged and is being built anew."""
