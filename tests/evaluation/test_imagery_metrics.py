"""AUROC, calibration error and labels against their definitions written out the slow way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.imagery.metrics import auroc, calibration_error, labelled

IMAGES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=14)
"""Few scores, so that nearly everything ties."""


def _arrays(
    images: list[tuple[int, bool]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    scores = np.array([score / 4 for score, _ in images], np.float64)
    return scores, np.array([flag for _, flag in images], bool)


def _slow_auroc(images: list[tuple[int, bool]]) -> float:
    mine = [score for score, flag in images if flag]
    others = [score for score, flag in images if not flag]
    won = [(a > b) + (a == b) / 2 for a, b in itertools.product(mine, others)]
    return sum(won) / len(won) if won else math.nan


def _slow_error(images: list[tuple[int, bool]], bins: int) -> float:
    """Deal the ranked images into bins; equal scores follow the first of them."""
    if not images:
        return math.nan
    ranked = sorted(images)
    gathered: dict[int, list[float]] = {}
    for score, flag in ranked:
        first = [other for other, _ in ranked].index(score)
        gathered.setdefault(first * bins // len(ranked), []).append(score / 4 - flag)
    return sum(abs(sum(gaps)) for gaps in gathered.values()) / len(images)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(images=IMAGES)
def test_auroc_is_the_share_of_pairs_won_with_ties_half(images: list[tuple[int, bool]]) -> None:
    assert float(auroc(*_arrays(images))) == pytest.approx(_slow_auroc(images), nan_ok=True)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(images=IMAGES, bins=st.integers(1, 15))
def test_calibration_error_is_the_mean_gap_of_bins_of_equal_count(
    images: list[tuple[int, bool]], bins: int
) -> None:
    value = float(calibration_error(*_arrays(images), bins=bins))
    assert value == pytest.approx(_slow_error(images, bins), nan_ok=True)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(images=IMAGES.filter(bool), data=st.data())
def test_a_weight_counts_an_image_so_often(
    images: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """The bootstrap's weights give what drawing the images again would."""
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images)))
    weights = np.array([times, [1] * len(images)], np.float64)
    repeated = [image for image, count in zip(images, times, strict=True) for _ in range(count)]
    scores, positive = _arrays(images)
    areas = auroc(scores, positive, weights)
    errors = calibration_error(scores, positive, weights, bins=4)
    assert areas.tolist() == pytest.approx(
        [_slow_auroc(repeated), _slow_auroc(images)], nan_ok=True
    )
    assert errors.tolist() == pytest.approx(
        [_slow_error(repeated, 4), _slow_error(images, 4)], nan_ok=True
    )


def test_the_order_of_images_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, 60) / 5
    positive = rng.random(60) < scores
    order = rng.permutation(60)
    assert auroc(scores, positive) == auroc(scores[order], positive[order])
    assert calibration_error(scores, positive) == pytest.approx(
        calibration_error(scores[order], positive[order])
    )


def test_a_true_probability_is_calibrated_and_an_overconfident_one_is_not() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(20_000)
    positive = rng.random(20_000) < scores
    assert float(calibration_error(scores, positive)) < 0.02
    assert float(calibration_error(np.round(scores), positive)) == pytest.approx(0.25, abs=0.01)


def test_metrics_of_one_kind_only() -> None:
    scores = np.array([0.2, 0.9])
    assert math.isnan(auroc(scores, np.array([True, True])))
    assert float(calibration_error(scores, np.array([True, True]))) == pytest.approx(0.45)


def test_both_bounds_are_inclusive() -> None:
    scores = np.array([0.1, 0.2, 0.21, 0.79, 0.8, 1.0, 0.5, 0.0])
    shares = labelled(scores, (0.2, 0.8))
    assert [float(share) for share in shares] == [2 / 8, 3 / 8, 3 / 8]


def test_labels_are_weighted_and_of_nothing_not_a_number() -> None:
    scores, weights = np.array([0.0, 0.5, 1.0]), np.array([[1.0, 0, 3], [0, 0, 0]])
    taken, between, drawn = labelled(scores, (0.2, 0.8), weights)
    assert (taken[0], between[0], drawn[0]) == (0.75, 0, 0.25)
    assert np.isnan([taken[1], between[1], drawn[1]]).all()
    assert all(math.isnan(share) for share in labelled(np.zeros(0), (0.2, 0.8)))
