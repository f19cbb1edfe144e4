"""A search over all indexes of a replica, and what it finds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain.signals import Signals

Kind = tuple[str, str]
"""A type of signal, and the code space, or an empty text for types that have none: one index."""


@dataclass(frozen=True)
class Search:
    """What to look for, and where."""

    signals: Signals
    exact: frozenset[int]
    """Banks of which all that is matched by equality is searched."""
    allow: frozenset[int]
    """Banks of which only that is searched on which an allow bank acts: SHA-256."""
    near: Mapping[Kind, Mapping[int, int]]
    """Bank to radius, bits, of what is matched by radius; kinds that are absent are not
    searched."""
    limit: int | None = None
    """Entries of each index and bank, the nearest first, ties by id; ``None``: all of them."""
    scores: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Code space to bank to the least score that matches; elsewhere the radius alone decides. A
    space that is here has a descriptor among the signals."""


@dataclass(frozen=True)
class Found:
    """One signal of one entry, within the radius."""

    id: int
    bank_id: int
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
    ordinal: int = 0
    """Which of the signals of its type and space in the entry, from 0: ``Signals.at``."""
    key: str = ""
    """Of a type that is found by keys (``kinds.Keys``): the one that found it."""


@dataclass(frozen=True)
class Searched:
    """What a search came to."""

    found: list[Found]
    """In no order."""
    incomplete: bool
    """Whether an index could not answer, because it was damaged and is being built anew."""
    cut: bool = False
    """Whether ``limit`` cut something off."""
