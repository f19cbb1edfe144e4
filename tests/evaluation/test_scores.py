"""Scores against comparing every pair by hand, in blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.base import hashers
from evaluation.base.hashers import COSINE_STEPS, Hashes, Signal, Space
from evaluation.statistics import scores


def _hashes(signal: Signal, count: int, rng: np.random.Generator) -> Hashes:
    matchable = rng.random(count) < 0.8
    if signal == "descriptor":
        return Hashes(hashers.unit(rng.standard_normal((count, 12))), matchable)
    # Few distinct bytes, so that distances tie.
    return Hashes(rng.choice(np.array([0, 1, 3], np.uint8), (count, 32)), matchable)


def _distance(space: Space, left: Hashes, i: int, right: Hashes, j: int) -> int:
    if not (left.matchable[i] and right.matchable[j]):
        return space.levels
    if space.signal == "descriptor":
        cosine = max(0.0, float(left.values[i] @ right.values[j]))
        return round((1 - min(1.0, cosine)) * COSINE_STEPS)
    return sum(
        (int(a) ^ int(b)).bit_count() for a, b in zip(left.values[i], right.values[j], strict=True)
    )


@pytest.mark.parametrize("signal", ["code", "descriptor"])
@pytest.mark.parametrize("block", [1, 50, 10**6])
def test_scores_are_those_of_all_pairs(
    signal: Signal, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "BLOCK_PAIRS", block)
    rng = np.random.default_rng(3)
    space = Space("x", signal)
    references, inside, outside = (_hashes(signal, count, rng) for count in (17, 23, 11))
    truth = rng.integers(0, 17, 23)
    steps: list[int] = []
    found = scores.score(space, references, inside, truth, outside, steps.append)
    assert sum(steps) == 34
    # The last digit of a float product may round to either neighbour.
    slack = 1 if signal == "descriptor" else 0
    for query in range(23):
        row = [_distance(space, inside, query, references, j) for j in range(17)]
        others = [d for j, d in enumerate(row) if j != truth[query]]
        assert found.true[query] == pytest.approx(row[truth[query]], abs=slack)
        assert found.nearest[query] == pytest.approx(min(others), abs=slack)
        assert found.false[query].sum() == sum(d < space.levels for d in others)
        if not slack:
            assert np.array_equal(
                found.false[query], np.bincount(others, minlength=space.levels + 1)[:-1]
            )
    for query in range(11):
        row = [_distance(space, outside, query, references, j) for j in range(17)]
        assert found.outside[query] == pytest.approx(min(row), abs=slack)
        assert found.outside_false[query].sum() == sum(d < space.levels for d in row)


def test_no_queries_and_no_references_are_no_error() -> None:
    rng = np.random.default_rng(0)
    space = Space("x", "code")
    some, none = _hashes("code", 4, rng), _hashes("code", 0, rng)
    empty = np.zeros(0, np.int64)
    without = scores.score(space, none, none, empty, some)
    assert without.outside.tolist() == [space.levels] * 4
    assert scores.score(space, some, none, empty, none).true.shape == (0,)


def test_selecting_keeps_rows_together() -> None:
    rng = np.random.default_rng(1)
    space = Space("x", "code")
    references, inside, outside = (_hashes("code", count, rng) for count in (5, 6, 7))
    whole = scores.score(space, references, inside, np.arange(6) % 5, outside)
    keep, keep_outside = np.arange(6) % 2 == 0, np.arange(7) > 3
    part = whole.select(keep, keep_outside)
    assert np.array_equal(part.false, whole.false[keep])
    assert np.array_equal(part.true, whole.true[keep])
    assert np.array_equal(part.outside_false, whole.outside_false[keep_outside])
    assert part.references == 5


def test_a_cosine_below_zero_is_as_far_as_zero() -> None:
    left = Hashes(np.array([[1, 0], [1, 0]], np.float32), np.ones(2, bool))
    right = Hashes(np.array([[1, 0], [-1, 0], [0, 1]], np.float32), np.ones(3, bool))
    rows = hashers.distances(Space("x", "descriptor"), left, right)
    assert rows.tolist() == [[0, COSINE_STEPS, COSINE_STEPS]] * 2


@pytest.mark.parametrize("block", [1, 50, 10**6])
def test_related_pairs_are_none_of_the_strangers(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if they could not be matched; and true pairs stay what they are."""
    monkeypatch.setattr(scores, "BLOCK_PAIRS", block)
    rng = np.random.default_rng(4)
    space = Space("x", "code")
    references, inside, outside = (_hashes("code", count, rng) for count in (17, 23, 11))
    truth = rng.integers(0, 17, 23)
    of_inside = np.array([[0, (truth[0] + 1) % 17], [22, truth[22]]], np.int64)
    of_outside = np.array([[10, 3], [10, 4], [2, 0]], np.int64)
    whole = scores.score(space, references, inside, truth, outside)
    found = scores.score(space, references, inside, truth, outside, related=(of_inside, of_outside))
    assert np.array_equal(found.true, whole.true)
    for query in range(11):
        out = {reference for place, reference in of_outside.tolist() if place == query}
        row = [_distance(space, outside, query, references, j) for j in set(range(17)) - out]
        assert found.outside[query] == min(row)
        assert found.outside_false[query].sum() == sum(d < space.levels for d in row)
    others = [
        _distance(space, inside, 0, references, j)
        for j in set(range(17)) - {int(truth[0]), int(of_inside[0, 1])}
    ]
    assert found.nearest[0] == min(others)
    assert np.array_equal(found.false[22], whole.false[22])
