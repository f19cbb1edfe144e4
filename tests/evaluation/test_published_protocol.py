"""The published metrics against their definitions, ranked the slow way, with many ties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import codes
from evaluation.published import search as search_module
from evaluation.published.protocol import mean_average_precision, micro, normalisation
from evaluation.published.search import Vectors, from_codes, nearest, search


def _vectors(count: int, seed: int) -> Vectors:
    """Few directions, so that nearly everything ties; exact in float32."""
    corners = np.random.default_rng(seed).integers(0, 2, (count, 4)) * 2 - 1
    return np.asarray(corners / 2, np.float32)


def _slow_micro(
    similarities: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    truth: dict[int, frozenset[int]],
    bias: list[float],
    k: int,
) -> tuple[float, float]:
    """Rank each query's references, keep k, rank all that is kept; false before true in ties."""
    kept: list[tuple[float, int]] = []
    for query, row in enumerate(similarities):
        own = truth.get(query, frozenset())
        ranked = sorted((-float(value), place in own) for place, value in enumerate(row))
        kept += [(value + bias[query], int(mine)) for value, mine in ranked[:k]]
    kept.sort()
    positives = sum(len(found) for found in truth.values())
    hits, total, best = 0, 0.0, 0.0
    for place, (score, mine) in enumerate(kept, start=1):
        hits += mine
        total += mine * hits / place
        tie_ends = place == len(kept) or kept[place][0] != score
        if tie_ends and hits / place >= 0.9:
            best = hits / positives
    return total / positives, best


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    references=st.integers(1, 14),
    k=st.integers(1, 5),
    data=st.data(),
)
def test_micro_average_precision_is_that_of_the_worst_ranking(
    seed: int, references: int, k: int, data: st.DataObject
) -> None:
    asked, listed = _vectors(6, seed), _vectors(references, seed + 1)
    places = st.frozensets(st.integers(0, references - 1), min_size=1, max_size=2)
    truth = data.draw(st.dictionaries(st.integers(0, 5), places, min_size=1))
    bias = data.draw(st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=6, max_size=6))
    result = micro(search(asked, listed, truth, k), np.array(bias))
    precision, recall = _slow_micro(asked @ listed.T, truth, bias, k)
    assert result.average_precision == pytest.approx(precision)
    assert result.recall_at_90 == pytest.approx(recall)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 4), (256, 32_768)])
def test_search_finds_the_same_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch, rows: int, columns: int
) -> None:
    monkeypatch.setattr(search_module, "QUERY_ROWS", rows)
    monkeypatch.setattr(search_module, "REFERENCE_ROWS", columns)
    rng = np.random.default_rng(0)
    asked = np.asarray(rng.normal(size=(7, 5)), np.float32)
    listed = np.asarray(rng.normal(size=(11, 5)), np.float32)
    listed[3], asked[5] = 0, 0
    truth = {0: frozenset([2, 9]), 4: frozenset([3]), 5: frozenset([1])}
    found = search(asked, listed, truth, 4)
    slow = asked @ listed.T
    assert found.true_query.tolist() == [0, 0, 4, 5]
    assert found.true[:2] == pytest.approx([slow[0, 2], slow[0, 9]])
    # A picture that could not be decoded is no match, near or far.
    assert np.isneginf(found.true[2:]).all()
    assert np.isneginf(found.others[5]).all()
    for query in (0, 1):
        others = [slow[query, one] for one in range(11)
                  if one != 3 and one not in truth.get(query, ())]  # fmt: skip
        assert found.others[query] == pytest.approx(sorted(others, reverse=True)[:4], rel=1e-5)


def test_codes_compare_as_their_distances() -> None:
    some = np.random.default_rng(0).integers(0, 256, (5, 32), np.uint8)
    expected = 1 - codes.distances(some, some) / 128
    vectors = from_codes(some)
    assert np.array_equal(vectors @ vectors.T, expected)


def test_normalisation_demotes_a_query_that_is_near_to_everything() -> None:
    """The second query is as near to a stranger as the first is to its copy."""
    asked = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    listed = np.array([[0.8, 0, 0.6], [0, 0.8, 0.6]], np.float32)
    training = np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    found = search(asked, listed, {0: frozenset([0])}, 10)
    assert micro(found).average_precision == 0.5
    bias = normalisation(nearest(asked, training, 3))
    assert bias == pytest.approx([0, 2 / 3])
    assert micro(found, bias).average_precision == 1


def test_fewer_training_images_than_neighbours_and_none() -> None:
    asked, training = np.eye(2, dtype=np.float32), np.array([[1, 0]], np.float32)
    assert normalisation(nearest(asked, training, 3)) == pytest.approx([1, 0])
    assert normalisation(np.full((2, 3), -np.inf)) == pytest.approx([0, 0])


def test_copydays_precision_is_that_of_the_trapezoids() -> None:
    """First: 1. Second: half of 1/2. Tied with one other: it comes second."""
    listed = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    for query, expected in (([1, 0], 1.0), ([0.6, 0.8], 0.5 / 3), ([0.8, 0.6], 0.5 / 2)):
        asked = np.array([query], np.float32)
        found = search(asked, listed, {0: frozenset([0])}, 3)
        assert mean_average_precision(found) == pytest.approx(expected)


def test_metrics_of_nothing_are_not_numbers() -> None:
    some = _vectors(3, 0)
    assert math.isnan(micro(search(some, some, {}, 2)).average_precision)
    assert math.isnan(mean_average_precision(search(some[:0], some, {}, 3)))
