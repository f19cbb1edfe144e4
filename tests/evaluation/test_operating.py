"""Operating points: pairs in bounded memory, tails with a known truth, choices, policies."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from embeddings.codes import Codes, distances
from evaluation.base.errors import CalibrationError
from evaluation.base.hashers import Hashes, Space
from evaluation.base.policies import IMAGERY
from evaluation.copies.benchmark import EditedQuery
from evaluation.copies.hashing import Hashed
from evaluation.corpora.corpus import KINDS
from evaluation.corpora.sample_corpus import sample_corpus
from evaluation.radii.calibration.pairs import LEVELS, count_pairs
from evaluation.radii.calibration.rates import pairs_needed
from evaluation.radii.operating import choice, curves, policy, tails
from evaluation.radii.operating.gathering import Pairs, pairs_of
from evaluation.speed.index.code_sets import near, random_codes

SPACE = Space("bits", "code", 20)


def _hashes(codes: Codes) -> Hashes:
    return Hashes(codes, np.ones(len(codes), bool))


@pytest.fixture(scope="module")
def hashed() -> Hashed:
    """Twelve images: eight references with two copies each, four strangers with three."""
    rng = np.random.default_rng(3)
    references, strangers = random_codes(8, rng), random_codes(4, rng)
    inside = [
        EditedQuery(item, "jpeg-30", "mild", outside=False) for item in range(8) for _ in "ab"
    ]
    outside = [
        EditedQuery(item, "jpeg-30", "mild", outside=True) for item in range(8, 12) for _ in "abc"
    ]
    copies = near(np.repeat(references, 2, axis=0), 30, rng)
    matchable = np.ones(16, bool)
    matchable[3] = False
    return Hashed(
        {"bits": _hashes(references)},
        {"bits": Hashes(copies, matchable)},
        {"bits": _hashes(np.repeat(strangers, 3, axis=0))},
        tuple(range(8)),
        tuple(inside),
        tuple(outside),
        (),
    )


def test_pairs_are_those_that_brute_force_counts(hashed: Hashed) -> None:
    """Each query meets every reference but its own; what may not be matched is in no count."""
    corpus = sample_corpus(small=True)
    pairs = pairs_of(hashed, corpus, SPACE)
    kinds = [item.kind for item in corpus.items]
    references = hashed.references["bits"].values
    expected = {imagery: np.zeros(LEVELS, np.int64) for imagery in IMAGERY}
    for side, queries in (
        (hashed.inside["bits"], hashed.inside_queries),
        (hashed.outside["bits"], hashed.outside_queries),
    ):
        for row, query in enumerate(queries):
            for reference in range(8):
                if query.item == reference or not side.matchable[row]:
                    continue
                away = int(distances(side.values[row : row + 1], references[reference, None])[0, 0])
                expected["any"][away] += 1
                if kinds[query.item] == kinds[reference] == "photo":
                    expected["photographic"][away] += 1
                if kinds[query.item] == kinds[reference] == "nonphoto":
                    expected["non_photographic"][away] += 1
    for imagery in IMAGERY:
        assert (pairs.grouped(imagery).sum(axis=(0, 1)) == expected[imagery]).all()
    assert pairs.true[3] == LEVELS
    assert (np.delete(pairs.true, 3) <= 30).all()
    assert len(pairs.copies("photographic")[0]) + len(pairs.copies("non_photographic")[0]) == 16


def test_only_bits_have_a_radius(hashed: Hashed) -> None:
    with pytest.raises(CalibrationError, match="only distances in bits"):
        pairs_of(hashed, sample_corpus(small=True), Space("floats", "descriptor"))


def test_memory_does_not_grow_with_the_number_of_pairs() -> None:
    """Sixteen times the pairs take no more than a few blocks, as a hundred million would."""
    rng = np.random.default_rng(0)
    peaks = []
    for count in (1_000, 4_000):
        left, right = random_codes(count, rng), random_codes(count, rng)
        groups = np.arange(count) % 20
        tracemalloc.start()
        counted = count_pairs(left, groups, right, groups, 20)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert counted.histogram.sum() == count**2
    # All distances of the larger one at once would be sixteen million times two bytes.
    assert peaks[1] < 16_000_000
    assert peaks[1] < 2 * peaks[0]


def _coins(count: int, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    groups = np.arange(count) % 20
    left, right = random_codes(count, rng), random_codes(count, rng)
    return count_pairs(left, groups, right, groups, 20).histogram


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_of_a_tail_holds_the_truth_where_that_is_known(seed: int) -> None:
    """Random codes have binomial distances; a million pairs, rates down to 1e-9."""
    truth = stats.binom.cdf(np.arange(LEVELS), LEVELS - 1, 0.5)
    tail = tails.tail(_coins(1_000, seed), samples=100)
    for rate in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
        radius = int(np.searchsorted(truth, rate))
        assert radius < tail.threshold
        assert tail.low[radius] <= truth[radius] <= tail.high[radius]
    fitted = tail.rate[: tail.threshold + 1]
    assert (np.diff(fitted) >= 0).all()
    assert (tail.low[: tail.threshold + 1] <= fitted).all()
    assert (fitted <= tail.high[: tail.threshold + 1]).all()
    assert np.isnan(tail.rate[tail.threshold + 1 :]).all()


def test_a_heavier_tail_is_not_taken_for_a_lighter_one() -> None:
    """Distances that thin out slowly, as clusters make them: the fit does not fall off a cliff."""
    rng = np.random.default_rng(1)
    truth = np.exp(-np.arange(120)[::-1] / 9.0)
    grouped = np.zeros((10, 10, LEVELS), np.int64)
    chance = np.diff(np.concatenate([[0.0], truth]))
    for row in range(10):
        for column in range(10):
            grouped[row, column, :120] = rng.multinomial(3_000, chance / chance.sum())
    tail = tails.tail(grouped, samples=100)
    radius = int(np.searchsorted(truth, 1e-5))
    assert tail.low[radius] <= truth[radius] <= tail.high[radius]
    assert tail.rate[radius] > 1e-6


def test_too_few_pairs_have_no_tail() -> None:
    tail = tails.tail(np.ones((2, 2, 5), np.int64))
    assert tail.threshold == -1
    assert np.isnan(tail.rate).all()
    assert tails.tail(np.zeros((2, 2, LEVELS), np.int64)).threshold == -1


def _pairs(false: NDArray[np.int64], true: NDArray[np.int64]) -> Pairs:
    """``false``: by group, group and distance, all of photographs."""
    kinds = len(KINDS)
    whole = np.zeros((kinds, len(false), kinds, len(false), LEVELS), np.int64)
    whole[0, :, 0] = false
    rows = np.arange(len(true))
    return Pairs(SPACE, true, np.zeros(len(true), np.int64), rows, whole)


@pytest.fixture(scope="module")
def curve() -> pd.DataFrame:
    true = np.random.default_rng(2).integers(0, 90, 200)
    return curves.curve(_pairs(_coins(500, 7), true), samples=100)


def test_a_curve_is_measured_where_there_are_pairs_and_extrapolated_beyond(
    curve: pd.DataFrame,
) -> None:
    assert list(curve.columns) == list(curves.COLUMNS)
    assert list(curve["radius"]) == list(range(LEVELS))
    measured = curve["false_pairs"] > 0
    assert (curve.loc[measured, "basis"] == "measured").all()
    assert (curve.loc[~measured, "basis"] == "extrapolated").all()
    exact = curve["false_pairs"] / curve["pairs"]
    assert np.allclose(curve.loc[measured, "false_rate"], exact[measured])
    assert curve["pairs"].iloc[0] == 500 * 500
    # 3.7 of so many pairs is what none among them would show.
    assert curve["false_high"].min() >= 3.6 / 500**2 / curves.REACH
    for column in ("recall", "false_rate", "false_high"):
        assert (curve[column].diff().dropna() >= 0).all(), column
    assert (curve["false_low"] <= curve["false_rate"]).all()
    assert (curve["false_rate"] <= curve["false_high"]).all()
    assert (curve["recall_low"] <= curve["recall"] + 1e-12).all()
    assert curve["recall"].iloc[-1] == 1


def test_a_curve_of_no_pairs_promises_nothing() -> None:
    nothing = np.zeros((3, 3, LEVELS), np.int64)
    curve = curves.curve(_pairs(nothing, np.array([5])), "photographic", samples=5)
    assert curve["false_rate"].isna().all()
    assert (curve["false_low"] == 0).all()
    assert (curve["false_high"] == 1).all()
    assert (curve["basis"] == "bounded").all()
    assert choice.choose(curve, 1e-3).radius == -1
    other = curves.curve(_pairs(nothing, np.array([5])), "non_photographic", samples=5)
    assert other["recall"].isna().all()
    assert (other["copies"] == 0).all()


def test_the_largest_radius_whose_upper_end_keeps_to_the_target_is_chosen(
    curve: pd.DataFrame,
) -> None:
    for target in (1e-2, 1e-3, 1e-4):
        chosen = choice.choose(curve, target, most=256)
        fits = curve["false_high"] <= target
        assert chosen.radius == int(curve.loc[fits, "radius"].max())
        assert chosen.false_high <= target
        row = curve.loc[chosen.radius]
        assert (chosen.recall, chosen.basis) == (row["recall"], row["basis"])
    assert choice.choose(curve, 1e-2).radius == choice.MOST["code"]
    assert choice.choose(curve, 1e-300).radius == -1
    assert math.isnan(choice.choose(curve, 1e-300).recall)
    for wrong in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(CalibrationError):
            choice.choose(curve, wrong)


def test_alerts_follow_from_uploads_and_entries(curve: pd.DataFrame) -> None:
    """A rate of 1e-7, a thousand uploads and a list of ten thousand: one alert a day."""
    alerts = curves.alerts(curve, 1_000, 10_000)
    assert np.allclose(alerts["alerts"], curve["false_rate"] * 1e7)
    assert np.allclose(alerts["high"], curve["false_high"] * 1e7)
    assert choice.target_rate(1, 1_000, 10_000) == pytest.approx(1e-7)
    with pytest.raises(CalibrationError):
        curves.alerts(curve, -1, 10)
    for wrong in ((0, 1, 1), (1, 0, 1), (5, 2, 2)):
        with pytest.raises(CalibrationError):
            choice.target_rate(*wrong)


def test_so_many_images_make_pairs_enough() -> None:
    images = choice.images_needed(1e-6, edits=3)
    references = 0.6 * images
    assert references * 3 * images >= pairs_needed(1e-6)
    assert references * 3 * images < 1.02 * pairs_needed(1e-6)


def test_a_policy_names_what_was_chosen_and_from_what(curve: pd.DataFrame) -> None:
    one = choice.choose(curve, 1e-2)
    made = policy.document({"listed": "any"}, [one], data="a folder")
    assert made["banks"] == [
        {"name": "listed", "action": "review", "imagery": "any", "radius": {"code": {"any": 48}}}
    ]
    assert made["provenance"]["space"] == "bits"
    assert made["provenance"]["points"][0]["false_high"] == one.false_high
    assert policy.text(made, ["format"]) == '{\n "format": "lookalike-policy-1"\n}\n'
    none = choice.choose(curve, 1e-300)
    kept = policy.document({"listed": "any"}, [none], data="")
    assert kept["banks"] == [{"name": "listed", "action": "review", "imagery": "any"}]
    assert (kept["provenance"]["space"], kept["provenance"]["points"]) == (None, [])
    with pytest.raises(CalibrationError, match="portrait"):
        policy.document({"listed": "portrait"}, [one], data="")
    other = dataclasses.replace(one, space="bits-2")
    with pytest.raises(CalibrationError, match="one code radius"):
        policy.document({"listed": "any"}, [one, other], data="")
