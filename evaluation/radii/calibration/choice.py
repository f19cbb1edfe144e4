"""From curves to a radius: the rule, written down.

1. *The rate is kept to with confidence.* The largest radius is taken at which the **upper** end of
   the false rate's interval does not exceed the target. Where too few pairs were seen to show the
   target at all, there is no recommendation rather than a lucky one.
2. *The index is about a hundred times faster up to* ``FAST_RADIUS`` *bits; beyond, it scans.* A
   larger radius is recommended only if it finds at least ``MIN_GAIN`` more of all copies.
3. *A bank of any imagery may hold one kind only*, so its radius never exceeds the smaller of the
   two kinds' largest (``at_most``), as far as there were pairs enough to know them.

It knows nothing of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.base.errors import CalibrationError
from evaluation.radii.calibration.rates import curve, pairs_needed
from evaluation.statistics import joint

TARGET: Final = 1e-6
"""False matches per pair."""
FAST_RADIUS: Final = 48
"""Bits, inclusive."""
MIN_GAIN: Final = 0.05
"""Of recall, for which a radius may exceed ``FAST_RADIUS``."""


@dataclass(frozen=True)
class OperatingPoint:
    """A radius, what it finds and what it falsely matches."""

    radius: int
    """Bits, inclusive."""
    recall: float
    """Share of copies found."""
    recall_low: float
    recall_high: float
    """The interval that holds 95% of a bootstrap over source images."""
    false_rate_per_pair: float
    low: float
    high: float
    """The exact 95% interval of the false rate."""


@dataclass(frozen=True)
class Copies:
    """Copies and how far each lies from what it is a copy of."""

    distances: NDArray[np.integer]
    """int (n,), bits; above 256 where the pair may not be matched."""
    sources: NDArray[np.int64]
    """int64 (n,): the image each was made from, any numbers."""

    def recall(self, radius: int) -> float:
        """The share of copies found; nan of none."""
        return float((self.distances <= radius).mean()) if len(self.distances) else float("nan")

    def estimate(self, radius: int, samples: int, seed: int) -> tuple[float, float, float]:
        """Recall with its interval."""
        _, sources = np.unique(self.sources, return_inverse=True)
        hits = self.distances <= radius
        return joint.bootstrap(hits, sources, samples, np.random.default_rng([seed, radius]))


def largest_within(ends: NDArray[np.floating], target: float) -> int:
    """The largest radius at which the upper end of the false rate's interval keeps to ``target``;
    -1 where none does. The one rule from a false rate to a radius, whatever the interval rests on.

    ``ends``: float (L,), the upper end at each radius 0..L-1. Raises ``CalibrationError`` unless
    ``target`` lies between 0 and 1.
    """
    if not 0 < target < 1:
        raise CalibrationError(f"a target rate per pair lies between 0 and 1, not {target}")
    fitting = np.flatnonzero(np.asarray(ends) <= target)
    return int(fitting[-1]) if len(fitting) else -1


def largest_radius(histogram: NDArray[np.integer], target: float = TARGET) -> int:
    """The largest radius whose false rate keeps to ``target`` with confidence: rule 1.

    ``histogram``: int (L,) of unrelated pairs by distance. Raises ``CalibrationError`` if there are
    too few pairs to show the target, or if unrelated pairs match even at 0 bits.
    """
    radius = largest_within(np.array([point.high for point in curve(histogram)]), target)
    pairs, needed = int(histogram.sum()), pairs_needed(target)
    if pairs < needed:
        raise CalibrationError(
            f"{pairs} unrelated pairs are too few to show a false rate of {target:g} per pair: "
            f"at least {needed} are needed"
        )
    if radius < 0:
        raise CalibrationError(
            f"{int(histogram[0])} unrelated pairs have equal codes, more than {target:g} per pair "
            "allows: are there duplicates among the images?"
        )
    return radius


def recommend(
    histogram: NDArray[np.integer],
    copies: Copies,
    target: float = TARGET,
    *,
    at_most: int | None = None,
    fast: int | None = FAST_RADIUS,
    samples: int = 1000,
    seed: int = 0,
) -> OperatingPoint:
    """The radius this module's rule chooses, with its recall and false rate.

    ``histogram``: int (L,) of unrelated pairs by distance. ``at_most``: bits, a bound from
    elsewhere. ``fast``: rule 2's radius, or ``None`` where it does not apply. Raises
    ``CalibrationError`` where ``largest_radius`` does.
    """
    radius = largest_radius(histogram, target)
    if at_most is not None:
        radius = min(radius, at_most)
    if fast is not None and radius > fast:
        gain = copies.recall(radius) - copies.recall(fast)
        # Written so that without copies, where the gain is nan, the fast radius is taken.
        radius = radius if gain >= MIN_GAIN else fast
    false = curve(histogram)[radius]
    return OperatingPoint(
        radius, *copies.estimate(radius, samples, seed), false.rate, false.low, false.high
    )
