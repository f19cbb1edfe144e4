"""Distances of a benchmark's queries to its references, reduced to what the metrics need.

All pairs are compared, block by block: memory stays bounded by a block of ``BLOCK_PAIRS`` distances
plus one histogram a query (1 kB for bits, 8 kB for descriptors), whatever the number of pairs. It
knows nothing of images, nor of which metric is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.base.hashers import Hashes, Space, distances
from evaluation.corpora.related import NO_PAIRS, Pairs

BLOCK_PAIRS: Final = 4_000_000

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Scores:
    """What one space says of ``n`` queries that have a reference and ``m`` strangers."""

    levels: int
    """Distances run 0..levels-1; ``levels`` stands for a pair that may not be matched."""
    references: int
    """How many there are: every query meets them all."""
    true: NDArray[np.int32]
    """int32 (n,): to the true reference."""
    nearest: NDArray[np.int32]
    """int32 (n,): to the nearest other reference; ``levels`` if there is none."""
    outside: NDArray[np.int32]
    """int32 (m,): to the nearest reference."""
    false: NDArray[np.uint32]
    """uint32 (n, levels): how many other references at each distance."""
    outside_false: NDArray[np.uint32]
    """uint32 (m, levels): how many references at each distance."""

    def select(self, inside: Flags, outside: Flags) -> Scores:
        """Of some of the queries only: bool (n,) and bool (m,)."""
        return Scores(
            self.levels,
            self.references,
            self.true[inside],
            self.nearest[inside],
            self.outside[outside],
            self.false[inside],
            self.outside_false[outside],
        )


def score(
    space: Space,
    references: Hashes,
    inside: Hashes,
    truth: Ints,
    outside: Hashes,
    progress: Callable[[int], None] = lambda _rows: None,
    related: tuple[Pairs, Pairs] = (NO_PAIRS, NO_PAIRS),
) -> Scores:
    """Compare every query with every reference.

    ``truth``: int64 (n,), the position of each inside query's reference. ``progress`` is called
    with the number of queries done since the last call. ``related``: of inside and of outside
    queries, positions of a query and a reference that are no strangers and are left out.
    """
    true, nearest, false = _compared(space, inside, references, truth, related[0], progress)
    none = np.full(len(outside.matchable), -1, np.int64)
    _, outside_nearest, outside_false = _compared(
        space, outside, references, none, related[1], progress
    )
    return Scores(
        space.levels,
        len(references.matchable),
        true,
        nearest,
        outside_nearest,
        false,
        outside_false,
    )


def _compared(
    space: Space,
    queries: Hashes,
    references: Hashes,
    truth: Ints,
    related: Pairs,
    progress: Callable[[int], None],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32]]:
    """True distance, nearest other and histogram of the others; ``truth`` -1: all are others."""
    count, levels = len(queries.matchable), space.levels
    true = np.full(count, levels, np.int32)
    nearest = np.full(count, levels, np.int32)
    false = np.zeros((count, levels), np.uint32)
    rows = max(1, BLOCK_PAIRS // max(1, len(references.matchable)))
    for start in range(0, count, rows):
        part = slice(start, min(count, start + rows))
        block = distances(space, Hashes(queries.values[part], queries.matchable[part]), references)
        known = np.flatnonzero(truth[part] >= 0)
        own = truth[part][known]
        true[part][known] = block[known, own]
        # Taken out of the block, the true pair counts as none of the others.
        block[known, own] = levels
        here = related[(related[:, 0] >= part.start) & (related[:, 0] < part.stop)]
        block[here[:, 0] - part.start, here[:, 1]] = levels
        nearest[part] = block.min(axis=1, initial=levels)
        # One bincount for the block: each query has its own stretch of levels + 1 bins.
        place = block + np.arange(len(block))[:, None] * (levels + 1)
        bins = np.bincount(place.ravel(), minlength=len(block) * (levels + 1))
        false[part] = bins.reshape(len(block), levels + 1)[:, :levels]
        progress(len(block))
    return true, nearest, false
