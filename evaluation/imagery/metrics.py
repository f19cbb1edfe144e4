"""Metrics of a probability that sorts images into two kinds, as pure functions.

``scores``: float (n,), the probability of being a photograph. ``positive``: bool (n,), whether it
is one. Weights, float (..., n), say how often each image counts; leading axes are independent
samples, so that a bootstrap is one call. A metric of nothing is nan.

It knows nothing of images, styles or reports.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics.metrics import Floats, share_of

Flags = NDArray[np.bool_]
Scores = NDArray[np.floating]

BINS: Final = 15


def _ties(scores: Scores) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """An order by rising score, and where in it each run of equal scores begins."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    return order, starts


def auroc(scores: Scores, positive: Flags, weights: Floats | None = None) -> Floats:
    """Area under the ROC curve, (...,): how often a photograph scores above another image.

    A tie counts half. nan where either kind is missing or weighs nothing.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    if not len(scores):
        return np.full(weights.shape[:-1], np.nan)
    order, starts = _ties(scores)
    ranked = weights[..., order]
    mine = np.add.reduceat(ranked * positive[order], starts, axis=-1)
    others = np.add.reduceat(ranked * ~positive[order], starts, axis=-1)
    below = np.cumsum(others, axis=-1) - others
    won = (mine * (below + others / 2)).sum(axis=-1)
    return share_of(np.asarray(won), mine.sum(axis=-1) * others.sum(axis=-1))


def calibration_error(
    scores: Scores, positive: Flags, weights: Floats | None = None, bins: int = BINS
) -> Floats:
    """Expected calibration error, (...,), over ``bins`` bins of equal count.

    The mean, over images, of the gap between their bin's mean score and its share of photographs.
    Equal scores share a bin, that of the first of them, so that the order of images changes
    nothing; there may then be fewer bins. nan where nothing weighs anything.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    if not len(scores):
        return np.full(weights.shape[:-1], np.nan)
    order, starts = _ties(scores)
    rows = weights.reshape(-1, len(scores))[:, order]
    # What a bin gathers of each image: the excess of its score over what it is.
    gaps = np.asarray(scores, np.float64)[order] - positive[order]
    out = np.full(len(rows), np.nan)
    for place, row in enumerate(rows):
        heavy = np.add.reduceat(row, starts)
        total = heavy.sum()
        if total > 0:
            # A hair is added so that a boundary met exactly is not missed by rounding.
            before = (np.cumsum(heavy) - heavy) * bins / total + 1e-9
            sums = np.bincount(
                np.minimum(before.astype(np.int64), bins - 1), np.add.reduceat(row * gaps, starts)
            )
            out[place] = np.abs(sums).sum() / total
    return out.reshape(weights.shape[:-1])


def labelled(
    scores: Scores, bounds: tuple[float, float], weights: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Shares, each (...,), of ``photographic``, ``uncertain`` and ``non_photographic``.

    An image is ``non_photographic`` up to the first of ``bounds``, ``photographic`` from the second
    on, both inclusive, and ``uncertain`` between. nan of nothing.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    low, high = bounds
    drawn = scores <= low
    taken = (scores >= high) & ~drawn
    total = weights.sum(axis=-1)
    first, second, third = (
        share_of(np.asarray(weights @ flags.astype(np.float64)), total)
        for flags in (taken, ~drawn & ~taken, drawn)
    )
    return first, second, third
