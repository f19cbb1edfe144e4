"""Rates of false matches per pair, and what they amount to.

A rate is of pairs of a reference and an unrelated query: it does not depend on how long a list is,
while what an operator sees grows with the list and with the uploads. Intervals are Clopper and
Pearson's, exact for independent pairs. Pairs that share an image are not quite independent, so the
truth may lie outside somewhat more often than the level says.

It knows nothing of codes or images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evaluation.errors import CalibrationError

LEVEL: Final = 0.95
UPLOADS: Final = 1_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FalseRate:
    """What a radius falsely matches."""

    radius: int
    """Bits, inclusive."""
    matches: int
    """Unrelated pairs within it."""
    pairs: int
    """Unrelated pairs in all."""
    rate: float
    """Per pair; nan of no pairs."""
    low: float
    high: float
    """The interval that holds the rate with a confidence of ``LEVEL``."""


def clopper_pearson(
    matches: NDArray[np.integer] | int, pairs: int, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """The exact interval, (...,) each, of the rate behind ``matches`` of ``pairs``.

    Of no pairs anything may be: 0 and 1.
    """
    hits = np.asarray(matches, np.float64)
    if pairs == 0:
        return np.zeros(hits.shape), np.ones(hits.shape)
    tail = (1 - level) / 2
    # The beta distribution has no shape of 0: none, and all, are the ends themselves.
    low = special.betaincinv(np.maximum(hits, 0.5), pairs - hits + 1, tail)
    high = special.betaincinv(hits + 1, np.maximum(pairs - hits, 0.5), 1 - tail)
    return np.where(hits == 0, 0.0, low), np.where(hits == pairs, 1.0, high)


def curve(histogram: NDArray[np.integer]) -> tuple[FalseRate, ...]:
    """The false rate at each radius 0..L-1, of a ``histogram`` (L,) of unrelated pairs."""
    matches, pairs = np.cumsum(histogram, dtype=np.int64), int(histogram.sum())
    low, high = clopper_pearson(matches, pairs)
    return tuple(
        FalseRate(
            radius,
            count,
            pairs,
            count / pairs if pairs else float("nan"),
            float(low[radius]),
            float(high[radius]),
        )
        for radius, count in enumerate(matches.tolist())
    )


def pairs_needed(rate: float, level: float = LEVEL) -> int:
    """How many pairs, none of them matched, it takes to show that ``rate`` is kept to."""
    # With no match the interval ends at 1 - tail ** (1 / pairs).
    return int(np.ceil(np.log((1 - level) / 2) / np.log1p(-rate)))


def expected_false_matches(rate_per_pair: float, list_size: int, uploads: int = UPLOADS) -> float:
    """How many false matches to expect among ``uploads`` unrelated to a list of ``list_size``.

    Each pair counts, so an upload that matches two entries counts twice; no more uploads than this
    are flagged. Raises ``CalibrationError`` for a rate outside 0..1 or a negative number.
    """
    if not 0 <= rate_per_pair <= 1:
        raise CalibrationError(f"a rate per pair lies in 0..1, not {rate_per_pair}")
    if list_size < 0 or uploads < 0:
        raise CalibrationError(f"a list and uploads have no negative size: {list_size}, {uploads}")
    return rate_per_pair * list_size * uploads
