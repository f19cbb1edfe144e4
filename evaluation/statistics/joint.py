"""Two signals together: an image is flagged if either is within its radius.

The two radii are chosen together, on one half of the images, and measured on the other; then the
halves change places. So the recall and the false rate that are reported were not chosen on the same
images, and the false rate may come out above the one asked for. One signal alone is the same
procedure beside a signal that never matches.

It knows nothing of what the signals are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics import metrics

Distances = NDArray[np.int32]
"""int32 (n,), 0..levels-1; ``levels``: may not be matched."""

Flags = NDArray[np.bool_]
"""bool (n,)."""


@dataclass(frozen=True)
class RadiusPair:
    """A radius for each of two signals, inclusive; -1 matches nothing."""

    left: int
    right: int


@dataclass(frozen=True)
class Pair:
    """Distances by two signals of the same queries."""

    left: Distances
    right: Distances

    def within(self, radii: RadiusPair) -> Flags:
        """Which queries either signal flags."""
        return (self.left <= radii.left) | (self.right <= radii.right)

    def where(self, rows: Flags) -> Pair:
        """The same for some of the queries only."""
        return Pair(self.left[rows], self.right[rows])


def _missed(pair: Pair, levels: tuple[int, int]) -> NDArray[np.int64]:
    """How many queries neither radius flags, int64 (left + 1, right + 1); index is radius + 1."""
    grid = np.zeros((levels[0] + 1, levels[1] + 1), np.int64)
    # A radius r misses what is at r + 1 or beyond, which is from index r + 1 on.
    np.add.at(grid, (pair.left, pair.right), 1)
    missed: NDArray[np.int64] = grid[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    return missed


def choose(true: Pair, outside: Pair, levels: tuple[int, int], rate: float) -> RadiusPair:
    """The radii that find most of ``true`` while flagging at most ``rate`` of ``outside``.

    Among equals: those that flag fewer strangers, then the smaller sum, then the smaller left
    one. With no strangers nothing is known to be safe, and both are -1.
    """
    if not len(outside.left):
        return RadiusPair(-1, -1)
    flagged = len(outside.left) - _missed(outside, levels)
    found = len(true.left) - _missed(true, levels)
    allowed = flagged <= np.floor(rate * len(outside.left) + 1e-9)
    # Half a million pairs of radii are too many to sort, those that find most are few.
    rows, columns = np.nonzero(allowed & (found == found[allowed].max()))
    order = np.lexsort((rows, rows + columns, flagged[rows, columns]))
    best = order[0]
    return RadiusPair(int(rows[best]) - 1, int(columns[best]) - 1)


@dataclass(frozen=True)
class Halved:
    """What radii chosen on one half do on the other, both ways round."""

    radii: tuple[RadiusPair, RadiusPair]
    """Chosen on the first half, and on the second."""
    found: Flags
    """bool (n,): flagged by the radii chosen on the other half."""
    flagged: Flags
    """bool (m,): strangers flagged by the radii chosen on the other half."""


def halved(
    true: Pair,
    outside: Pair,
    halves: tuple[Flags, Flags],
    levels: tuple[int, int],
    rate: float,
) -> Halved:
    """Choose on each half, measure on the other.

    ``halves``: which of ``true``, and which of ``outside``, are in the first half; all queries of
    one source image belong to one half.
    """
    found, flagged = np.zeros(len(true.left), bool), np.zeros(len(outside.left), bool)
    chosen = []
    for side in (True, False):
        here_true, here_outside = halves[0] == side, halves[1] == side
        radii = choose(true.where(here_true), outside.where(here_outside), levels, rate)
        found[~here_true] = true.where(~here_true).within(radii)
        flagged[~here_outside] = outside.where(~here_outside).within(radii)
        chosen.append(radii)
    return Halved((chosen[0], chosen[1]), found, flagged)


def alone(left: Distances) -> Pair:
    """One signal beside one that never matches; that one has 0 levels."""
    return Pair(left, np.zeros(len(left), np.int32))


def bootstrap(
    hits: Flags, sources: NDArray[np.int64], samples: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """The share of ``hits``, with its 95% interval over source images; nan of none.

    ``sources``: int64 (n,), 0..k-1, the source image of each query.
    """
    if not len(hits):
        return (float("nan"),) * 3
    count = int(sources.max()) + 1
    size = np.bincount(sources, minlength=count).astype(np.float64)
    got = np.bincount(sources, weights=hits, minlength=count)
    weights = metrics.resampled(count, samples, rng)
    total = weights @ size
    shares = np.divide(weights @ got, total, out=np.full(samples, np.nan), where=total > 0)
    low, high = metrics.interval(shares)
    return float(hits.mean()), low, high
