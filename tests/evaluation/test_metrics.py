"""Metrics against their definitions, written out the slow way, with many ties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.statistics import metrics

LEVELS = 6
DISTANCES = st.lists(st.integers(0, LEVELS), max_size=12)
"""Few levels, so that nearly everything ties; ``LEVELS`` itself is an unmatchable pair."""


def _counts(distances: list[int]) -> NDArray[np.float64]:
    return metrics.histogram(np.array(distances, np.int64), LEVELS)


def _slow_precision(true: list[int], false: list[int]) -> float:
    """Walk down the ranking, false before true where they tie."""
    ranked = sorted([(d, 1) for d in true] + [(d, 0) for d in false])
    found, total = 0, 0.0
    for place, (distance, is_true) in enumerate(ranked, start=1):
        if is_true and distance < LEVELS:
            found += 1
            total += found / place
    return total / len(true)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(true=DISTANCES.filter(bool), false=DISTANCES)
def test_average_precision_is_that_of_the_worst_order(true: list[int], false: list[int]) -> None:
    value = metrics.average_precision(
        _counts(true), _counts([d for d in false if d < LEVELS]), len(true)
    )
    assert float(value) == pytest.approx(_slow_precision(true, false), abs=1e-12)


def test_average_precision_of_large_counts_agrees_with_adding_up() -> None:
    true, false = np.array([300.0, 5000.0, 7.0]), np.array([0.0, 2e5, 4e6])
    total, before, misses = 0.0, 0, 0.0
    for here, wrong in zip(true, false, strict=True):
        misses += wrong
        for _ in range(int(here)):
            before += 1
            total += before / (before + misses)
    value = float(metrics.average_precision(true, false, 6000))
    assert value == pytest.approx(total / 6000, rel=1e-9)


def test_average_precision_at_its_ends() -> None:
    def of(true: list[int], false: list[int], positives: float) -> float:
        value = metrics.average_precision(_counts(true), _counts(false), positives)
        return float(value)

    assert of([0, 1], [2, 3], 2) == 1.0
    assert of([0, 1], [], 2) == 1.0
    assert of([2], [2], 1) == 0.5
    assert of([], [0, 1], 3) == 0.0
    assert math.isnan(of([], [0, 1], 0))


def test_samples_are_independent_rows() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 5, (4, LEVELS)).astype(np.float64)
    false = rng.integers(0, 50, (4, LEVELS)).astype(np.float64)
    positives, total = true.sum(axis=1) + 2, false.sum(axis=1) + 10
    both = metrics.average_precision(true, false, positives)
    recall = metrics.recall_at_rate(true, positives, false, total, 0.3)
    for row in range(4):
        assert both[row] == metrics.average_precision(true[row], false[row], positives[row])
        one = metrics.recall_at_rate(true[row], positives[row], false[row], total[row], 0.3)
        assert recall[row] == one


@settings(max_examples=300, deadline=None, derandomize=True)
@given(false=DISTANCES, extra=st.integers(0, 30), rate=st.sampled_from([0, 0.01, 0.1, 0.29, 1]))
def test_the_radius_at_a_rate_is_the_largest_that_keeps_to_it(
    false: list[int], extra: int, rate: float
) -> None:
    total = len(false) + extra
    radius = int(metrics.radius_at_rate(_counts(false), total, rate))
    if total == 0:
        assert radius == -1
        return
    allowed = math.floor(rate * total + 1e-9)
    assert sum(d <= radius for d in false if d < LEVELS) <= allowed
    larger = radius + 1
    assert larger == LEVELS or sum(d <= larger for d in false) > allowed


def test_a_rate_lets_in_all_of_a_distance_or_none_of_it() -> None:
    """Five of a hundred tie at 3: at 4% none of them is let in, at 5% all are."""
    false = _counts([3] * 5 + [5] * 95)
    assert metrics.radius_at_rate(false, 100, 0.04) == 2
    assert metrics.radius_at_rate(false, 100, 0.05) == 4


def test_a_whole_number_of_false_matches_survives_rounding() -> None:
    """0.29 of 100 is 29, though 0.29 * 100 is less in floating point."""
    assert metrics.radius_at_rate(_counts([2] * 29), 100, 0.29) == LEVELS - 1


def test_recall_within_a_radius_counts_the_radius_itself() -> None:
    true = _counts([0, 2, 2, 5, LEVELS])
    shares = [float(metrics.share_within(true, 5, r)) for r in (-1, 0, 1, 2, 5, 99)]
    assert shares == [0, 0.2, 0.2, 0.6, 0.8, 0.8]


def test_recall_of_nothing_and_against_nothing_is_not_a_number() -> None:
    some, none = _counts([1]), _counts([])
    assert math.isnan(float(metrics.share_within(none, 0, 3)))
    assert math.isnan(metrics.recall_at_rate(none, 0, some, 9, 0.5))
    assert math.isnan(metrics.recall_at_rate(some, 1, none, 0, 0.5))


def test_recall_with_no_false_match_allowed_stops_short_of_the_nearest_stranger() -> None:
    true, false = _counts([0, 1, 2, 3]), _counts([2])
    assert float(metrics.recall_at_rate(true, 4, false, 50, 0.01)) == 0.5
    at_zero = _counts([0])
    assert float(metrics.recall_at_rate(true, 4, at_zero, 50, 0.01)) == 0


def test_a_tied_or_unmatchable_reference_is_not_first() -> None:
    true, nearest = np.array([1, 2, 3, LEVELS]), np.array([2, 2, 1, LEVELS])
    assert metrics.first(true, nearest).tolist() == [True, False, False, False]


def test_bootstrap_weights_draw_as_many_sources_as_there_are() -> None:
    weights = metrics.resampled(30, 500, np.random.default_rng(0))
    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(30), abs=0.2)
    assert metrics.resampled(0, 5, np.random.default_rng(0)).shape == (5, 0)


def test_the_interval_leaves_out_what_is_not_a_number() -> None:
    low, high = metrics.interval(np.array([math.nan, *np.linspace(0, 1, 101)]))
    assert (low, high) == pytest.approx((0.025, 0.975))
    assert all(math.isnan(end) for end in metrics.interval(np.array([math.nan])))


def test_the_interval_of_a_share_covers_the_truth_about_as_often_as_it_says() -> None:
    """A hundred draws of 200 coins: the 95% interval misses the true .3 in few of them."""
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(100):
        hits = (rng.random(200) < 0.3).astype(np.float64)
        weights = metrics.resampled(200, 300, rng)
        low, high = metrics.interval(weights @ hits / 200)
        missed += not low <= 0.3 <= high
    assert missed <= 12
