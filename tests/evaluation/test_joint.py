"""Two radii chosen together, against trying every pair of radii."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.statistics import joint
from evaluation.statistics.joint import Pair, RadiusPair

LEVELS = (5, 4)
PAIRS = st.lists(st.tuples(st.integers(0, LEVELS[0]), st.integers(0, LEVELS[1])), max_size=15)


def _pair(rows: list[tuple[int, int]]) -> Pair:
    values = np.array(rows, np.int32).reshape(-1, 2)
    return Pair(values[:, 0], values[:, 1])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(true=PAIRS, outside=PAIRS, rate=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_choice_is_the_best_of_all_pairs_of_radii(
    true: list[tuple[int, int]], outside: list[tuple[int, int]], rate: float
) -> None:
    chosen = joint.choose(_pair(true), _pair(outside), LEVELS, rate)
    if not outside:
        assert chosen == RadiusPair(-1, -1)
        return

    def key(radii: RadiusPair) -> tuple[int, int, int, int]:
        found = int(_pair(true).within(radii).sum())
        flagged = int(_pair(outside).within(radii).sum())
        return -found, flagged, radii.left + radii.right, radii.left

    everything = [
        RadiusPair(left, right)
        for left, right in itertools.product(range(-1, LEVELS[0]), range(-1, LEVELS[1]))
    ]
    allowed = [
        radii
        for radii in everything
        if _pair(outside).within(radii).sum() <= math.floor(rate * len(outside) + 1e-9)
    ]
    assert chosen == min(allowed, key=key)


def test_each_half_is_measured_with_the_radii_of_the_other() -> None:
    """The first half's strangers sit far, the second's near: neither radius suits the other."""
    true = _pair([(3, 4), (3, 4), (1, 4), (1, 4)])
    outside = _pair([(4, 4), (4, 4), (2, 4), (2, 4)])
    first = np.array([True, True, False, False])
    result = joint.halved(true, outside, (first, first), LEVELS, 0.0)
    assert result.radii == (RadiusPair(3, -1), RadiusPair(1, -1))
    assert result.found.tolist() == [False, False, True, True]
    assert result.flagged.tolist() == [False, False, True, True]


def test_two_signals_that_fail_on_different_copies_find_more_together() -> None:
    rng = np.random.default_rng(0)
    sees = rng.random(400) < 0.5
    true = Pair(np.where(sees, 1, 4).astype(np.int32), np.where(sees, 3, 1).astype(np.int32))
    outside = Pair(np.full(300, 3, np.int32), np.full(300, 2, np.int32))
    half: NDArray[np.bool_] = np.arange(400) % 2 == 0
    halves = (half, half[:300])
    both = joint.halved(true, outside, halves, LEVELS, 0.01)
    alone = joint.halved(
        joint.alone(true.left),
        joint.alone(outside.left),
        halves,
        (LEVELS[0], 0),
        0.01,
    )
    assert both.found.all()
    assert np.array_equal(alone.found, sees)
    assert not both.flagged.any()
    assert not alone.flagged.any()


def test_an_unmatchable_query_is_never_found() -> None:
    result = joint.choose(_pair([(5, 4)]), _pair([(0, 0)] * 3), LEVELS, 1.0)
    assert not _pair([(5, 4)]).within(result).any()


def test_the_interval_of_a_share_follows_its_sources() -> None:
    """Ten queries of one source are one draw: more queries make the interval no narrower."""
    hits = np.arange(40) % 2 == 0
    rng = np.random.default_rng(0)
    single = joint.bootstrap(hits, np.arange(40), 2000, rng)
    tenfold = joint.bootstrap(np.repeat(hits, 10), np.repeat(np.arange(40), 10), 2000, rng)
    assert single[0] == tenfold[0] == 0.5
    assert abs((single[2] - single[1]) - (tenfold[2] - tenfold[1])) < 0.05
    none = joint.bootstrap(hits[:0], np.arange(0), 10, rng)
    assert all(math.isnan(value) for value in none)
