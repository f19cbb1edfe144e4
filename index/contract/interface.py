"""What every index of codes offers, and the values it answers with.

An index holds 256-bit codes under stable integer ids, each in one *group* (a bank), and finds,
exactly, every enabled code within a Hamming radius. Faster indexes slide in behind ``CodeIndex``;
the oracle in ``oracle`` says what each must answer. It knows nothing of what made a code, which
image or list an id stands for, or what a match leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import Codes, Descriptors

Ids = NDArray[np.int64]
"""int64 (n,): ids given by the caller, unique within an index, >= 0."""

Groups = NDArray[np.int32]
"""int32 (n,): the group (bank) of each row, >= 0."""

Radius = int | Mapping[int, int]
"""Bits, inclusive.

One radius for every group, or group -> radius: other groups are not searched.
"""


@dataclass(frozen=True)
class Asked:
    """What a search scores the codes within its radius by, and from which score on one matches."""

    descriptors: Descriptors
    """int8 (q, 256): of each query, see ``embeddings.codes``."""
    threshold: Mapping[int, int]
    """Group -> score, inclusive; in groups that are absent the radius alone decides."""


@dataclass(frozen=True)
class Match:
    """One code within the radius."""

    id: int
    group: int
    distance: int
    """Bits."""


@dataclass(frozen=True)
class Hits:
    """The matches of a batch of queries, query after query. Its arrays are not to be written to.

    Matches of query *i* are rows ``offsets[i]:offsets[i + 1]``, ordered by distance, then id.
    """

    offsets: NDArray[np.int64]
    """int64 (q + 1,)."""
    ids: NDArray[np.int64]
    """int64 (m,)."""
    groups: Groups
    """int32 (m,)."""
    distances: NDArray[np.int32]
    """int32 (m,), bits."""
    truncated: frozenset[int] = frozenset()
    """Queries of which a ``limit`` held matches back."""
    scores: NDArray[np.int32] | None = None
    """int32 (m,), higher = more alike; ``None`` where the search had no ``Asked`` descriptors."""

    def of(self, query: int) -> list[Match]:
        """The matches of one query, nearest first."""
        rows = slice(int(self.offsets[query]), int(self.offsets[query + 1]))
        return [
            Match(int(id_), int(group), int(distance))
            for id_, group, distance in zip(
                self.ids[rows], self.groups[rows], self.distances[rows], strict=True
            )
        ]


@dataclass(frozen=True)
class IndexStats:
    """What an index holds now."""

    kind: str
    """Which implementation answers, as ``/v1/status`` shows it."""
    entries: int
    """Codes present, enabled or not."""
    enabled: int
    bytes: Mapping[str, int]
    """Memory by part, bytes."""
    sequence: int = 0
    """The store's number of the last change that is in; 0 where changes are not numbered."""
    trouble: str = ""
    """What an operator should know: damage found, a snapshot that could not be written."""


class CodeIndex(Protocol):
    """Exact search within a radius, safe to change while other threads query it.

    Each change is visible to the next query that starts after the call returns; a query sees all of
    a change or none of it.
    """

    def add(self, ids: Ids, codes: Codes, groups: Groups) -> None:
        """Add enabled codes, uint8 (n, 32).

        Raises ``DuplicateIdError`` and adds none if an id is present or given twice.
        """
        ...

    def remove(self, ids: Ids) -> int:
        """Remove ids; those that are absent are passed over. Returns how many were present."""
        ...

    def set_enabled(self, ids: Ids, enabled: bool) -> int:
        """Enable or disable ids;

        those that are absent are passed over. Returns how many were present.
        """
        ...

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """Every enabled code within ``radius`` of each of ``codes``, uint8 (q, 32).

        With a ``limit``, at most so many a query and group: the nearest, ties by id. Groups never
        crowd each other out, and a flood of equal references never floods memory.
        """
        ...

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """The ``k`` nearest enabled codes (fewer if there are fewer), ties by id, of the given
        groups.
        """
        ...

    def stats(self) -> IndexStats:
        """What the index holds now."""
        ...
