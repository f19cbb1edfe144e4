"""Rates of false matches per pair, and what they amount to.

A rate is of pairs of a reference and an unrelated query: it does not depend on how long a list is,
while what an operator sees grows with the list and with the uploads. Intervals are Clopper and
Pearson's, exact for independent pairs. Pairs that share an image are not quite independent, so the
truth may lie outside somewhat more often than the level says.

It knows nothing of codes or images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.base.errors import CalibrationError

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
    # At the low end so many matches or more have the chance of the tail, at the high end so many
    # or fewer. Of none, and of all, the ends are 0 and 1.
    few, most = np.maximum(hits, 1), np.minimum(hits, pairs - 1)
    low = _crossing(few, pairs, tail, np.zeros(hits.shape), few / pairs)
    high = _crossing(most + 1, pairs, 1 - tail, most / pairs, np.ones(hits.shape))
    return np.where(hits == 0, 0.0, low), np.where(hits == pairs, 1.0, high)


_HALVINGS: Final = 64
_REACH: Final = 40.0
"""Scale lengths after which a tail is left out: what follows is less than e**-40 of it."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def _crossing(least: Floats, trials: int, chance: float, below: Floats, above: Floats) -> Floats:
    """The rate (...,) between two at which ``least`` matches or more have ``chance``, by halving:
    the chance grows with the rate.
    """
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        under = _chance_of_more(least, trials, middle) < chance
        below, above = np.where(under, middle, below), np.where(under, above, middle)
    return np.asarray((below + above) / 2)


def _chance_of_more(least: Floats, trials: int, rate: Floats) -> Floats:
    """The chance (...,) of ``least`` (1..trials) matches or more in ``trials``, each of ``rate``.

    That is the beta distribution's integral up to the rate, for its shapes ``least`` and
    ``trials - least + 1``. Summing the binomial takes as many terms as there are matches; this
    takes the same few for millions. The density's logarithm is concave: on the way from its peak it
    falls at least as fast as where it is entered, so a stretch of some scale lengths holds a tail.
    """
    peak = (least - 1) / max(trials - 1, 1)
    slope = np.abs((least - 1) / rate - (trials - least) / (1 - rate))
    spread = np.sqrt(least * (trials - least + 1) / (trials + 2)) / (trials + 1)
    length = _REACH / np.maximum(slope, 1 / spread)
    left = rate <= peak
    end = np.where(left, np.maximum(rate - length, 0), np.minimum(rate + length, 1))
    half = (end - rate) / 2
    at = rate[..., None] + half[..., None] * (1 + _NODES)
    tail = np.abs(half) * (np.exp(_log_density(least[..., None], trials, at)) @ _WEIGHTS)
    return np.where(left, tail, 1 - tail)


def _log_density(least: Floats, trials: int, rate: Floats) -> Floats:
    """The logarithm of the beta density of ``_chance_of_more`` at a rate in 0..1.

    In terms of how far the counts are from what is expected: logarithms of factorials are in the
    billions at some hundred million trials, and their differences would keep too few digits.
    """
    hits, misses, rest = least - 1, trials - least, trials - 1
    choices = _remainder(np.asarray(rest, float)) - _remainder(hits) - _remainder(misses)
    deviation = _deviation(hits, rest * rate) + _deviation(misses, rest * (1 - rate))
    return np.asarray(math.log(trials) + choices - deviation)


def _remainder(count: Floats) -> Floats:
    """What ``count * log(count) - count`` lacks of the logarithm of the factorial."""
    small = np.array([math.lgamma(n + 1) - (n * math.log(n) - n if n else 0) for n in range(16)])
    n = np.maximum(count, 16)
    large = np.log(2 * math.pi * n) / 2 + 1 / (12 * n) - 1 / (360 * n**3) + 1 / (1260 * n**5)
    return np.where(count < 16, small[np.minimum(count, 15).astype(int)], large)


def _deviation(count: Floats, expected: Floats) -> Floats:
    """``count * log(count / expected) - count + expected``: 0 where they are equal, else more."""
    more = (count - expected) / np.maximum(expected, 1e-300)
    log = np.log1p(np.where(count > 0, more, 0))
    return np.where(count > 0, expected * ((1 + more) * log - more), expected)


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
