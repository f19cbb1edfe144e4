"""Recall and false rate at every radius, measured where there are pairs, extrapolated beyond.

A radius is *measured* if at least one untrue pair lies within it. Its interval then covers both the
exact one for independent pairs and what other images could have shown (groups drawn with
replacement). Below the nearest untrue pair rates are *extrapolated* (``tails``), but so many pairs
vouch for no upper end further than ``REACH`` times below what they show without a match. Where even
a tail has too little to go on rates are *bounded*: between 0 and that. It knows nothing of images
or of figures.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.base.policies import Imagery
from evaluation.radii.calibration.rates import clopper_pearson, expected_false_matches
from evaluation.radii.operating import tails
from evaluation.radii.operating.gathering import Pairs
from evaluation.statistics.metrics import histogram, interval, resampled, share_of

Floats = NDArray[np.float64]

REACH: Final = 100.0
"""How far a tail is trusted, as a ratio of rates."""

COLUMNS: Final = (
    "space",
    "signal",
    "imagery",
    "radius",
    "recall",
    "recall_low",
    "recall_high",
    "copies",
    "false_rate",
    "false_low",
    "false_high",
    "false_pairs",
    "pairs",
    "basis",
)
"""Of an operating curve: one row a radius, 0 to 256 bits, inclusive.

``recall``: share of ``copies`` found. ``false_rate``: per pair of a query and a reference that is
not its own, with its 95% interval. ``false_pairs`` of ``pairs`` lie within the radius. ``basis``:
``measured``, ``extrapolated`` or ``bounded``.
"""


def curve(
    pairs: Pairs, imagery: Imagery = "any", samples: int = 400, seed: int = 0
) -> pd.DataFrame:
    """The operating curve of one space and imagery, with ``COLUMNS``.

    A false rate of no pairs at all is nan, and may be anything from 0 to 1.
    """
    grouped = pairs.grouped(imagery)
    counts = grouped.sum(axis=(0, 1))
    within, total = np.cumsum(counts), int(counts.sum())
    rate, low, high, basis = _false(grouped, samples, seed)
    recall, recall_low, recall_high, copies = _recall(pairs, imagery, samples, seed)
    return pd.DataFrame(
        {
            "space": pairs.space.name,
            "signal": pairs.space.signal,
            "imagery": imagery,
            "radius": np.arange(len(counts)),
            "recall": recall,
            "recall_low": recall_low,
            "recall_high": recall_high,
            "copies": copies,
            "false_rate": rate,
            "false_low": low,
            "false_high": high,
            "false_pairs": within,
            "pairs": total,
            "basis": basis,
        },
        columns=list(COLUMNS),
    )


def _false(
    grouped: NDArray[np.int64], samples: int, seed: int
) -> tuple[Floats, Floats, Floats, NDArray[np.str_]]:
    counts = grouped.sum(axis=(0, 1))
    within, total = np.cumsum(counts), int(counts.sum())
    rate = share_of(within.astype(np.float64), float(total))
    low, high = clopper_pearson(within, total)
    if total:
        drawn = tails.redrawn(grouped, samples, seed)
        kept = drawn[drawn.sum(axis=1) > 0]
        shares = np.cumsum(kept, axis=1) / kept.sum(axis=1, keepdims=True)
        ends = np.quantile(shares, [(1 - tails.LEVEL) / 2, (1 + tails.LEVEL) / 2], axis=0)
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
    basis = np.where(within > 0, "measured", "bounded").astype("U12")
    fit = tails.tail(grouped, samples, seed)
    beyond = (within == 0) & ~np.isnan(fit.rate)
    rate, low, high = (
        np.where(beyond, theirs, ours)
        for theirs, ours in ((fit.rate, rate), (fit.low, low), (fit.high, high))
    )
    basis[beyond] = "extrapolated"
    high = np.where(beyond, np.maximum(high, float(clopper_pearson(0, total)[1]) / REACH), high)
    # A smaller radius matches no more: neither end may rise towards it.
    high = np.minimum.accumulate(high[::-1])[::-1]
    low = np.minimum(low, high)
    return np.minimum(rate, high), low, high, basis


def _recall(
    pairs: Pairs, imagery: Imagery, samples: int, seed: int
) -> tuple[Floats, Floats, Floats, int]:
    distances, sources = pairs.copies(imagery)
    levels = pairs.space.levels
    _, place = np.unique(sources, return_inverse=True)
    count = int(place.max()) + 1 if len(place) else 0
    found = np.zeros((count, levels))
    for source in range(count):
        found[source] = histogram(distances[place == source], levels)
    size = np.bincount(place, minlength=count).astype(np.float64)
    weights = np.vstack([np.ones(count), resampled(count, samples, np.random.default_rng(seed))])
    within = np.cumsum(weights @ found, axis=1)
    shares = share_of(within, (weights @ size)[:, None])
    ends = np.array([interval(shares[1:, radius]) for radius in range(levels)])
    return shares[0], ends[:, 0], ends[:, 1], len(distances)


def alerts(curve: pd.DataFrame, uploads: float, entries: float) -> pd.DataFrame:
    """False alerts a day: at each radius of ``curve``, if ``uploads`` a day meet ``entries``.

    Columns: ``radius``, ``alerts``, ``low``, ``high``, ``basis``. An upload that falsely matches
    two entries counts twice, so there are no more flagged uploads than alerts, and never more than
    uploads. Raises ``CalibrationError`` for a negative number.
    """
    # Asked once with a rate of nothing, so that wrong numbers are named even for an empty curve.
    expected_false_matches(0.0, int(entries), int(uploads))
    number = uploads * entries
    return pd.DataFrame(
        {
            "radius": curve["radius"],
            "alerts": curve["false_rate"] * number,
            "low": curve["false_low"] * number,
            "high": curve["false_high"] * number,
            "basis": curve["basis"],
        }
    )
