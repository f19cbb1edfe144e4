"""The second stage of a match: thresholds of the score, and how wide the first must look.

A score is turned into a distance, what it falls short of ``MAX_SCORE``, so that one rule
(``choice``) and one set of rates serve both stages. The first stage proposes the codes within a
radius, the second decides by the score. A pair that scores and lies beyond the radius would be
missed: how many of the copies do is measured here, for several radii.

It knows codes, descriptors and rates; not how they were gathered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import MAX_SCORE, Codes, Descriptors, unpack
from evaluation.radii.calibration.pairs import Classes

LEVELS: Final = MAX_SCORE + 1
RATES: Final = (1e-7, 1e-6, 1e-5, 1e-4)
"""False matches per pair at which the two stages are compared."""
CANDIDATES: Final = (72, 76, 80, 84, 88, 92, 96)
"""Bits: radii of the first stage that are tried."""

_BLOCK: Final = 1_000_000
Ints = NDArray[np.int64]
Integers = NDArray[np.integer]


@dataclass(frozen=True)
class DistanceAtRate:
    """What finds most where so many unrelated pairs match, and how much that is."""

    rate: float
    """Per pair, at most."""
    radius: int
    """Bits; -1 where even equal codes match too often."""
    recall: float
    """Of the copies, by distance alone."""
    threshold: int
    """Of the score."""
    scored: float
    """Of the copies, by the score, whatever their distance."""


@dataclass(frozen=True)
class Beyond:
    """Copies that reach the threshold and lie beyond the first stage's radius."""

    radius: int
    """Bits."""
    copies: int
    of: int
    """Copies that reach the threshold."""


def scores_of(asked: Descriptors, codes: Codes) -> Ints:
    """The score of each query, int8 (n, 256), with one code, uint8 (n, 32): int64 (n,)."""
    signs = unpack(codes).astype(np.int64) * 2 - 1
    summed: Ints = (asked.astype(np.int64) * signs).sum(axis=1)
    return summed


def short_of(scores: NDArray[np.integer]) -> Ints:
    """What ``scores`` fall short of the most there is: int64, 0..MAX_SCORE."""
    return np.clip(MAX_SCORE - np.asarray(scores, np.int64), 0, MAX_SCORE)


def count_scores(
    asked: Descriptors,
    asked_classes: Classes,
    codes: Codes,
    code_classes: Classes,
    classes: int,
    without: Iterable[tuple[int, int]] = (),
) -> Ints:
    """All pairs by class of query, class of reference and ``short_of``: int64 (c, c, LEVELS).

    ``without``: positions of pairs that are left out.
    """
    counted = np.zeros((classes, classes, LEVELS), np.int64)
    queries = asked.astype(np.float32)
    for theirs in range(classes):
        columns = np.flatnonzero(code_classes == theirs)
        # float32 holds sums of so few bytes exactly.
        signs = unpack(codes[columns]).astype(np.float32).T * 2 - 1
        for mine in range(classes):
            rows = np.flatnonzero(asked_classes == mine)
            step = max(1, _BLOCK // max(1, len(columns)))
            for start in range(0, len(rows) if len(columns) else 0, step):
                block = short_of((queries[rows[start : start + step]] @ signs).astype(np.int64))
                counted[mine, theirs] += np.bincount(block.ravel(), minlength=LEVELS)
    for query, reference in without:
        short = short_of(scores_of(asked[[query]], codes[[reference]])).item()
        counted[asked_classes[query], code_classes[reference], short] -= 1
    return counted


def at_rates(
    distances: tuple[Integers, Integers],
    shorts: tuple[Integers, Integers],
    rates: Sequence[float] = RATES,
) -> tuple[DistanceAtRate, ...]:
    """Both stages at the same rates.

    ``distances``, ``shorts``: of unrelated pairs a histogram, int (L,), and those of the copies,
    int (n,).
    """
    rows = []
    for rate in rates:
        radius, short = (_within(one[0], rate) for one in (distances, shorts))
        rows.append(
            DistanceAtRate(
                rate,
                radius,
                float((distances[1] <= radius).mean()),
                MAX_SCORE - short,
                float((shorts[1] <= short).mean()),
            )
        )
    return tuple(rows)


def _within(histogram: Integers, rate: float) -> int:
    """The largest level up to which at most ``rate`` of all lie; -1 for none."""
    return int(np.searchsorted(np.cumsum(histogram), rate * histogram.sum(), "right")) - 1


def beyond(distances: Integers, shorts: Integers, threshold: int) -> tuple[Beyond, ...]:
    """How many copies the first stage would lose, at each of ``CANDIDATES``."""
    reached = shorts <= MAX_SCORE - threshold
    return tuple(
        Beyond(radius, int((reached & (distances > radius)).sum()), int(reached.sum()))
        for radius in CANDIDATES
    )
