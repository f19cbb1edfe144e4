"""False rates, pairs and the rule for a radius, against brute force and exact intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from embeddings import codes
from evaluation.base.errors import CalibrationError
from evaluation.radii.calibration import OperatingPoint, expected_false_matches, recommend
from evaluation.radii.calibration import pairs as pairs_module
from evaluation.radii.calibration.choice import FAST_RADIUS, Copies, largest_radius
from evaluation.radii.calibration.pairs import LEVELS, ClosePair, count_pairs
from evaluation.radii.calibration.rates import clopper_pearson, curve, pairs_needed


def _tail(at_least: int, pairs: int, rate: float) -> float:
    """The chance of ``at_least`` matches or more."""
    return sum(
        math.comb(pairs, k) * rate**k * (1 - rate) ** (pairs - k)
        for k in range(at_least, pairs + 1)
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(pairs=st.integers(1, 40), data=st.data())
def test_the_interval_ends_where_the_count_becomes_too_unlikely(
    pairs: int, data: st.DataObject
) -> None:
    matches = data.draw(st.integers(0, pairs))
    low, high = (float(end) for end in clopper_pearson(matches, pairs))
    assert low <= matches / pairs <= high
    if matches:
        assert _tail(matches, pairs, low) == pytest.approx(0.025, abs=1e-9)
    else:
        assert low == 0
    if matches < pairs:
        assert 1 - _tail(matches + 1, pairs, high) == pytest.approx(0.025, abs=1e-9)
    else:
        assert high == 1


def test_intervals_stay_exact_down_to_rates_of_one_in_ten_million() -> None:
    """With no match in n pairs the end is 1 - .025 ** (1 / n); with one the start is as simple."""
    pairs = 300_000_000
    low, high = clopper_pearson(np.array([0, 1, 30]), pairs)
    assert high[0] == pytest.approx(-math.expm1(math.log(0.025) / pairs), rel=1e-6)
    assert low[1] == pytest.approx(-math.expm1(math.log(0.975) / pairs), rel=1e-6)
    # Of 30 seen, Poisson's own exact interval: 20.24 to 42.83.
    assert low[2] * pairs == pytest.approx(20.24, abs=0.01)
    assert high[2] * pairs == pytest.approx(42.83, abs=0.01)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("pairs", [1, 2, 3, 16, 17, 500, 10_000, 10**6, 3 * 10**8])
def test_intervals_are_those_of_the_beta_distribution(pairs: int, level: float) -> None:
    """Against another implementation: none, one, few, half and all of the pairs matched."""
    some = [0, 1, 2, 15, 16, 17, pairs // 1000, pairs // 3, pairs // 2, pairs - 2, pairs - 1, pairs]
    hits = np.array(sorted({n for n in some if 0 <= n <= pairs}))
    low, high = clopper_pearson(hits, pairs, level)
    tail = (1 - level) / 2
    expected_low = special.betaincinv(np.maximum(hits, 0.5), pairs - hits + 1.0, tail)
    expected_high = special.betaincinv(hits + 1.0, np.maximum(pairs - hits, 0.5), 1 - tail)
    assert low[1:] == pytest.approx(expected_low[1:], rel=1e-8)
    assert high[:-1] == pytest.approx(expected_high[:-1], rel=1e-8)
    assert (low[0], high[-1]) == (0, 1)


def test_of_no_pairs_nothing_is_known() -> None:
    low, high = clopper_pearson(0, 0)
    assert (float(low), float(high)) == (0, 1)
    assert math.isnan(curve(np.zeros(3, np.int64))[2].rate)


def test_the_pairs_needed_are_just_enough() -> None:
    for rate in (0.3, 0.01, 1e-6):
        needed = pairs_needed(rate)
        assert float(clopper_pearson(0, needed)[1]) <= rate * (1 + 1e-9)
        assert float(clopper_pearson(0, needed - 1)[1]) > rate


def test_the_curve_counts_the_radius_itself() -> None:
    points = curve(np.array([1, 0, 3, 6]))
    assert [point.matches for point in points] == [1, 1, 4, 10]
    assert [point.rate for point in points] == [0.1, 0.1, 0.4, 1.0]
    assert all(point.low <= point.rate <= point.high for point in points)


def test_expected_false_matches_grow_with_list_and_uploads() -> None:
    assert expected_false_matches(1e-6, 10_000) == pytest.approx(10_000)
    assert expected_false_matches(1e-7, 1_000_000, 1000) == pytest.approx(100)
    assert expected_false_matches(0, 10**9) == 0
    for rate, size, uploads in ((-0.1, 1, 1), (1.1, 1, 1), (math.nan, 1, 1), (0.1, -1, 1),
                                (0.1, 1, -1)):  # fmt: skip
        with pytest.raises(CalibrationError):
            expected_false_matches(rate, size, uploads)


def _codes(count: int, seed: int) -> codes.Codes:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


@pytest.mark.parametrize("block", [1, 50, 2_000_000])
def test_histograms_and_closest_pairs_are_those_of_all_distances(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Blocks of any size; planted near, equal and opposite pairs; a class nobody is in."""
    monkeypatch.setattr(pairs_module, "BLOCK_PAIRS", block)
    queries, references = _codes(41, 0), _codes(29, 1)
    queries[5], queries[6] = references[7], ~references[7]
    queries[9] = references[2]
    queries[9, 0] ^= 0b101
    rng = np.random.default_rng(2)
    mine, theirs = rng.integers(0, 3, 41), rng.integers(1, 4, 29)
    done: list[int] = []
    counts = count_pairs(queries, mine, references, theirs, 5, closest=6, progress=done.append)
    slow = codes.distances(queries, references)
    expected = np.zeros((5, 5, LEVELS), np.int64)
    for row, column in np.ndindex(41, 29):
        expected[mine[row], theirs[column], slow[row, column]] += 1
    assert np.array_equal(counts.histogram, expected)
    assert sum(done) == counts.histogram.sum() == 41 * 29
    ranked = sorted(ClosePair(int(slow[at]), *at) for at in np.ndindex(41, 29))
    assert [pair.distance for pair in counts.closest] == [pair.distance for pair in ranked[:6]]
    assert counts.closest[:2] == (ClosePair(0, 5, 7), ClosePair(2, 9, 2))
    assert counts.histogram[..., 256].sum() == 1


def test_a_flood_of_equal_codes_keeps_only_so_many_pairs() -> None:
    same = np.zeros((300, 32), np.uint8)
    none = np.zeros(300, np.int64)
    counts = count_pairs(same, none, same, none, 1, closest=4)
    assert counts.closest == tuple(ClosePair(0, 0, column) for column in range(4))


def test_no_queries_and_no_references_are_no_pairs() -> None:
    nobody, none = np.zeros((0, 32), np.uint8), np.zeros(0, np.int64)
    some, zeros = _codes(3, 0), np.zeros(3, np.int64)
    for left, right in (((nobody, none), (some, zeros)), ((some, zeros), (nobody, none))):
        assert count_pairs(*left, *right, 1, closest=3).histogram.sum() == 0


def _histogram(**at: int) -> NDArray[np.int64]:
    """Pairs at distances named ``d40=3``; the others, to ten million in all, at 128."""
    out = np.zeros(LEVELS, np.int64)
    for name, count in at.items():
        out[int(name[1:])] = count
    out[128] += 10_000_000 - out.sum()
    return out


def _copies(*distances: int) -> Copies:
    return Copies(np.array(distances, np.int32), np.arange(len(distances)))


def test_the_largest_radius_keeps_to_the_target_with_confidence() -> None:
    """At 1e-6 ten of ten million are allowed, but only 4 seen show that: 4 reach up to 10.2."""
    assert float(clopper_pearson(4, 10_000_000)[1]) > 1e-6
    assert float(clopper_pearson(3, 10_000_000)[1]) < 1e-6
    assert largest_radius(_histogram(d30=1, d41=2, d44=1), 1e-6) == 43
    assert largest_radius(_histogram(d30=1, d41=2, d44=1), 1e-5) == 127


def test_up_to_the_fast_radius_the_largest_is_taken() -> None:
    point = recommend(_histogram(d44=4), _copies(0, 43, 44, 257), 1e-6)
    assert (point.radius, point.recall) == (43, 0.5)
    assert point.recall_low <= 0.5 <= point.recall_high
    assert point.false_rate_per_pair == 0 == point.low
    assert point.high == pytest.approx(3.69e-7, rel=0.01)


def test_beyond_it_a_radius_must_earn_its_cost() -> None:
    far = _histogram(d61=4)
    few, many = [0] * 96 + [55] * 4, [0] * 95 + [55] * 5
    assert recommend(far, _copies(*few), 1e-6).radius == FAST_RADIUS
    assert recommend(far, _copies(*many), 1e-6).radius == 60
    assert recommend(far, _copies(*many), 1e-6, at_most=50).radius == FAST_RADIUS
    assert recommend(far, _copies(*many), 1e-6, at_most=20).radius == 20


def test_without_copies_there_is_a_radius_but_no_recall() -> None:
    point = recommend(_histogram(d61=4), _copies(), 1e-6)
    assert point.radius == FAST_RADIUS
    assert math.isnan(point.recall)


def test_copies_of_one_image_stand_and_fall_together() -> None:
    """A hundred copies of two images tell no more than two do: the interval is all of 0..1."""
    together = Copies(np.array([0] * 50 + [99] * 50), np.repeat(np.array([4, 9]), 50))
    _, low, high = together.estimate(48, 200, 0)
    assert (low, high) == (0, 1)


def test_too_few_pairs_and_duplicates_are_refused() -> None:
    with pytest.raises(CalibrationError, match="100 unrelated pairs are too few"):
        largest_radius(np.array([0, 100]), 1e-6)
    with pytest.raises(CalibrationError, match="9999 unrelated pairs have equal codes"):
        largest_radius(_histogram(d0=9999), 1e-6)
    for target in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(CalibrationError, match="between 0 and 1"):
            largest_radius(_histogram(), target)


def test_an_operating_point_cannot_be_changed() -> None:
    point = OperatingPoint(40, 0.8, 0.7, 0.9, 1e-7, 0, 1e-6)
    with pytest.raises(AttributeError):
        point.radius = 3  # type: ignore[misc]
