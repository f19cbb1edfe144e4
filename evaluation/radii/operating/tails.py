"""False rates below what the pairs can show: the tail of the distances, carried on with care.

Fewer than one in a million pairs of unrelated images lie near each other, so the rates that matter
are seldom seen. What is seen is how the counts fall towards small distances. Below a *threshold*
(some hundred pairs lie within it) the excess is taken to follow a generalised Pareto distribution,
which theory gives the tails of almost anything, counted in whole bits. Its shape is uncertain, and
that is stated: everything is fitted again to groups of images drawn with replacement, and the
interval spans the fits of the general form and of its plain case, the exponential tail.

What was never in the data cannot be in its tail: near-identical pictures of a kind that no image
here has (a burst, a template) have a rate of their own. It knows nothing of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics.metrics import resampled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL: Final = 0.95
MIN_PAIRS: Final = 30
"""Pairs within the threshold below which no tail is fitted."""

_SHARE, _FEWEST, _MOST = 1e-3, 100, 10_000
_SHAPES: Final = np.linspace(-0.5, 0.5, 41)
_SCALES: Final = np.geomspace(0.3, 60.0, 80)
_IMPOSSIBLE: Final = -1e4  # a log-probability that no fit survives, and that stays finite times 0


@dataclass(frozen=True)
class Tail:
    """Rates at each radius, carried on below the threshold; float64 (L,) each.

    All nan where there are too few pairs to fit.
    """

    threshold: int
    """Bits: rates up to here come from the fit. -1 where there is none."""
    rate: Floats
    low: Floats
    high: Floats
    """The interval that holds the rate with a confidence of ``LEVEL``, as far as groups of images
    and two forms of the tail can tell."""


def threshold_of(histogram: NDArray[np.integer]) -> int:
    """The radius below which the tail is fitted: one pair in a thousand lies within it, at least a
    hundred and at most ten thousand. -1 where there are too few.
    """
    within = np.cumsum(histogram)
    total = int(within[-1])
    wanted = float(np.clip(total * _SHARE, _FEWEST, _MOST))
    if total < 2 * MIN_PAIRS:
        return -1
    # Where a tenth of all pairs are fewer than a hundred, they are what there is.
    return int(np.searchsorted(within, min(wanted, max(MIN_PAIRS, total / 10))))


def tail(grouped: Ints, samples: int = 400, seed: int = 0) -> Tail:
    """The tail of ``grouped``, int64 (groups, groups, L): untrue pairs by the groups of their two
    images, and distance.
    """
    levels = grouped.shape[2]
    whole = grouped.sum(axis=(0, 1))
    threshold = threshold_of(whole)
    nothing = np.full(levels, np.nan)
    if threshold < 1:
        return Tail(-1, nothing, nothing, nothing)
    drawn = redrawn(grouped, samples, seed)
    counts = np.vstack([whole.astype(np.float64), drawn])
    # Row by row: how many pairs at each excess, threshold minus distance, from 0 up.
    excess = counts[:, threshold::-1]
    total, within = counts.sum(axis=1), excess.sum(axis=1)
    known = (total > 0) & (within > 0)
    share = np.divide(within, total, out=np.zeros(len(total)), where=known)
    reach = np.arange(threshold + 1)
    general = share[:, None] * _survival(*_fitted(excess), reach)
    plain = share[:, None] * _exponential(excess)
    ends = (1 - LEVEL) / 2
    resamples = known[1:]
    spread = [
        np.quantile(form[1:][resamples], [ends, 1 - ends], axis=0) for form in (general, plain)
    ]
    rate, low, high = (np.full(levels, np.nan) for _ in range(3))
    inside = slice(threshold, None, -1)
    rate[inside] = general[0]
    low[inside] = np.minimum(*(form[0] for form in spread))
    high[inside] = np.maximum(np.maximum(*(form[1] for form in spread)), general[0])
    return Tail(threshold, rate, low, high)


def redrawn(grouped: Ints, samples: int, seed: int) -> Floats:
    """Histograms of ``samples`` draws of the groups with replacement: float64 (samples, L).

    A group drawn twice counts twice on both sides of a pair, as an image listed twice would.
    """
    groups, _, levels = grouped.shape
    weights = resampled(groups, samples, np.random.default_rng(seed))
    left = (weights @ grouped.reshape(groups, -1)).reshape(samples, groups, levels)
    return np.asarray(np.einsum("sg,sgl->sl", weights, left), np.float64)


def _fitted(excess: Floats) -> tuple[Floats, Floats]:
    """The shape and scale of most likelihood for each row of ``excess``, (s, k): (s,) each."""
    shapes, scales = (axis.ravel() for axis in np.meshgrid(_SHAPES, _SCALES, indexing="ij"))
    beyond = _survival(shapes, scales, np.arange(excess.shape[1] + 1))
    chance = beyond[:, :-1] - beyond[:, 1:]
    logs = np.full(chance.shape, _IMPOSSIBLE)
    np.log(chance, out=logs, where=chance > 0)
    # The tail ends at 0 bits: what lies beyond has no place, and no chance.
    best = (excess @ logs.T).argmax(axis=1)
    return shapes[best], scales[best]


def _survival(shapes: Floats, scales: Floats, reach: NDArray[np.integer]) -> Floats:
    """The chance that an excess is at least ``reach``, (k,), for each fit, (f,): (f, k)."""
    steps = reach[None, :] / scales[:, None]
    bend = shapes[:, None]
    flat = np.abs(bend) < 1e-9
    base = np.maximum(1 + bend * steps, 0)
    with np.errstate(divide="ignore"):
        powered = np.where(base > 0, base, 1) ** (-1 / np.where(flat, 1, bend))
    return np.where(flat, np.exp(-steps), np.where(base > 0, powered, 0.0))


def _exponential(excess: Floats) -> Floats:
    """The same for the geometric distribution of most likelihood: (s, k)."""
    reach = np.arange(excess.shape[1])
    number = excess.sum(axis=1)
    mean = np.divide(excess @ reach, number, out=np.zeros(len(number)), where=number > 0)
    ratio = (mean / (1 + mean))[:, None]
    return np.asarray(ratio**reach, np.float64)
