"""The second stage is counted as brute force counts it, and says what the first would lose."""

from __future__ import annotations

import numpy as np

from embeddings import codes
from embeddings.codes import MAX_SCORE
from evaluation.radii.calibration.second_stage import (
    CANDIDATES,
    LEVELS,
    at_rates,
    beyond,
    count_scores,
    scores_of,
    short_of,
)


def test_all_pairs_are_counted_by_class_and_score_but_those_left_out() -> None:
    rng = np.random.default_rng(4)
    asked = codes.quantised(rng.normal(size=(30, 256)))
    listed = rng.integers(0, 256, (20, 32)).astype(np.uint8)
    mine, theirs = rng.integers(0, 3, 30), rng.integers(0, 2, 20)
    counted = count_scores(asked, mine, listed, theirs, 3, without=[(5, 7)])
    expected = np.zeros((3, 3, LEVELS), np.int64)
    scores = codes.scores(asked, listed)
    for query in range(30):
        for reference in range(20):
            if (query, reference) != (5, 7):
                short = min(MAX_SCORE, MAX_SCORE - int(scores[query, reference]))
                expected[mine[query], theirs[reference], short] += 1
    np.testing.assert_array_equal(counted, expected)
    np.testing.assert_array_equal(scores_of(asked[:20], listed), scores[:20].diagonal())


def test_what_a_score_falls_short_of_stays_in_range() -> None:
    """Below 0 it counts as 0, and rounding may take it a little beyond the most."""
    assert short_of(np.array([MAX_SCORE + 3, MAX_SCORE, 0, -5])).tolist() == [
        0,
        0,
        MAX_SCORE,
        MAX_SCORE,
    ]


def test_both_stages_are_compared_at_the_same_rate() -> None:
    """The largest radius, and the least threshold, at which no more than the rate match."""
    bits, shorts = np.zeros(257, np.int64), np.zeros(LEVELS, np.int64)
    bits[[40, 60, 128]] = 1, 1, 998
    shorts[[2000, 3000, 8000]] = 1, 1, 998
    copies = np.array([10, 39, 40, 61]), np.array([100, 2500, 2999, 3000])
    (one,) = at_rates((bits, copies[0]), (shorts, copies[1]), rates=(1e-3,))
    assert (one.radius, one.recall) == (59, 0.75)
    assert (one.threshold, one.scored) == (MAX_SCORE - 2999, 0.75)
    (none,) = at_rates((np.eye(1, 257)[0], copies[0]), (shorts, copies[1]), rates=(1e-3,))
    assert (none.radius, none.recall) == (-1, 0)


def test_copies_beyond_the_first_stage_are_those_that_score_and_lie_far() -> None:
    scores = np.array([5000, 5000, 4999, 6000])
    found = beyond(np.array([72, 73, 90, 97]), short_of(scores), 5000)
    assert [row.radius for row in found] == list(CANDIDATES)
    assert {row.of for row in found} == {3}
    assert [row.copies for row in found] == [2, 1, 1, 1, 1, 1, 1]
