"""The radius that keeps to a false rate, and what it finds.

The rule is ``calibration.choice.largest_within``, with none at all where even 0 bits exceed the
target, and never more bits than ``MOST``. Whether the radius's rate was measured or extrapolated is
kept with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from evaluation.base.errors import CalibrationError
from evaluation.base.hashers import PDQ_RADIUS
from evaluation.radii.calibration.choice import FAST_RADIUS, largest_within
from evaluation.radii.calibration.rates import pairs_needed

MOST: Final = {"pdq": PDQ_RADIUS, "code": FAST_RADIUS}
"""Bits, inclusive: what the makers of PDQ advise; and beyond what an index must read every code."""


@dataclass(frozen=True)
class ChosenRadius:
    """An operating point: a radius, what it finds, and what it falsely matches."""

    space: str
    signal: str
    imagery: str
    radius: int
    """Bits, inclusive; -1 where none keeps to the target."""
    recall: float
    recall_low: float
    recall_high: float
    false_rate: float
    """Per pair."""
    false_low: float
    false_high: float
    basis: str
    """``measured``, ``extrapolated`` or ``bounded``; ``none`` where there is no radius."""
    pairs: int
    """Untrue pairs that were compared."""
    target: float


def target_rate(alerts: float, uploads: float, entries: float) -> float:
    """The rate per pair at which ``uploads`` a day against ``entries`` give ``alerts`` a day.

    Raises ``CalibrationError`` unless all are above 0 and the rate comes out below 1.
    """
    if not min(alerts, uploads, entries) > 0:
        raise CalibrationError("alerts, uploads and entries must all be above 0")
    rate = alerts / (uploads * entries)
    if not rate < 1:
        raise CalibrationError("there are fewer pairs a day than alerts allowed: any radius does")
    return rate


def choose(curve: pd.DataFrame, target: float, most: int | None = None) -> ChosenRadius:
    """The largest radius of one operating curve that keeps to ``target`` false matches per pair.

    ``most``: bits, inclusive; ``None``: what ``MOST`` says of the signal.

    Raises ``CalibrationError`` unless ``target`` lies between 0 and 1.
    """
    first = curve.iloc[0]
    bound = MOST[str(first["signal"])] if most is None else most
    # One row a radius, from 0 up.
    radius = largest_within(curve["false_high"].to_numpy(float)[: bound + 1], target)
    names = str(first["space"]), str(first["signal"]), str(first["imagery"])
    if radius < 0:
        nothing = (math.nan,) * 6
        return ChosenRadius(*names, -1, *nothing, "none", int(first["pairs"]), target)
    row = curve.iloc[radius]
    figures = ("recall", "recall_low", "recall_high", "false_rate", "false_low", "false_high")
    recall, recall_low, recall_high, rate, low, high = (float(row[name]) for name in figures)
    return ChosenRadius(
        *names,
        radius,
        recall,
        recall_low,
        recall_high,
        rate,
        low,
        high,
        str(row["basis"]),
        int(row["pairs"]),
        target,
    )


def table(choices: Iterable[ChosenRadius]) -> pd.DataFrame:
    """The choices as a frame, one a row."""
    return pd.DataFrame([vars(one) for one in choices])


def images_needed(target: float, edits: int = 3, share: float = 0.6) -> int:
    """How many images it takes to *measure* a rate of ``target`` per pair, none matching.

    ``edits``: copies made of each image. ``share``: of the images that are references. All queries
    meet all references but their own.
    """
    # n images make about edits * n * share * n pairs.
    return math.ceil(math.sqrt(pairs_needed(target) / (edits * share)))
