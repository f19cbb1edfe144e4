"""Distances of all pairs of queries and references, as histograms.

Never all distances at once: memory holds one block of ``BLOCK_PAIRS`` pairs, the histograms and the
closest pairs, whatever the number of pairs. A hundred million take under ten seconds on one core.
It knows nothing of what made a code or why pairs are unrelated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, Codes, checked, distances

BLOCK_PAIRS: Final = 250_000  # a megabyte of distances stays in the cache
LEVELS: Final = CODE_BITS + 1

Classes = NDArray[np.int64]
"""int64 (n,): the class of each code, 0..classes-1."""


@dataclass(frozen=True, order=True)
class ClosePair:
    """A pair, by positions among the queries and the references."""

    distance: int
    """Bits."""
    query: int
    reference: int


@dataclass(frozen=True)
class PairCounts:
    """What all pairs look like."""

    histogram: NDArray[np.int64]
    """int64 (classes, classes, 257): pairs by class of query, class of reference, distance."""
    closest: tuple[ClosePair, ...]
    """The nearest ones; ties by position."""


def count_pairs(
    queries: Codes,
    query_classes: Classes,
    references: Codes,
    reference_classes: Classes,
    classes: int,
    *,
    closest: int = 0,
    progress: Callable[[int], None] = lambda _rows: None,
) -> PairCounts:
    """Compare every query, uint8 (q, 32), with every reference, uint8 (r, 32).

    ``closest``: how many of the nearest pairs to keep. ``progress`` is called with the number of
    pairs done since the last call.
    """
    histogram = np.zeros((classes, classes, LEVELS), np.int64)
    near: list[ClosePair] = []
    left, right = checked(queries), checked(references)
    columns = [np.flatnonzero(reference_classes == one) for one in range(classes)]
    for theirs in range(classes):
        if not len(columns[theirs]):
            continue
        others = right[columns[theirs]]
        for mine in range(classes):
            rows = np.flatnonzero(query_classes == mine)
            step = max(1, BLOCK_PAIRS // len(others))
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                block = distances(left[part], others)
                counts = np.bincount(block.ravel(), minlength=LEVELS)
                histogram[mine, theirs] += counts
                if closest:
                    near = _nearer(near, block, counts, part, columns[theirs], closest)
                progress(block.size)
    return PairCounts(histogram, tuple(near))


def _nearer(
    near: list[ClosePair],
    block: NDArray[np.int32],
    counts: NDArray[np.int64],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    keep: int,
) -> list[ClosePair]:
    """The ``keep`` nearest of ``near`` and of the pairs of ``block``."""
    within = np.cumsum(counts)
    # The block's own nearest are enough; most blocks hold none nearer than what is kept already.
    bound = int(np.searchsorted(within, min(keep, block.size)))
    if len(near) == keep:
        bound = min(bound, near[-1].distance)
    if not within[bound]:
        return near
    flat = np.flatnonzero(block.ravel() <= bound)
    if len(flat) > keep:
        # More may tie at the bound than there is room for: the first by position stay.
        order = np.lexsort((flat, block.ravel()[flat]))
        flat = flat[order[:keep]]
    found = [
        ClosePair(
            int(block.ravel()[place]),
            int(rows[place // block.shape[1]]),
            int(columns[place % block.shape[1]]),
        )
        for place in flat
    ]
    return sorted([*near, *found])[:keep]
