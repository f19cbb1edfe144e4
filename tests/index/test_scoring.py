"""A search with descriptors answers what brute force over scores does, at the threshold and beside
it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from embeddings.codes import CodeFormatError, Codes, from_descriptors, pack, quantised, scores
from index.contract.errors import RowsError
from index.contract.interface import Asked, CodeIndex
from index.contract.numbered import NumberedIndex
from index.contract.oracle import OracleIndex
from index.flat.flat_index import FlatIndex
from index.segmented.segmented_index import SegmentedIndex

Settle = Callable[[CodeIndex], CodeIndex]
Floats = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def descriptors(count: int, seed: int = 3) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, (count, 256))


def near(floats: Floats, noise: float, seed: int = 4) -> Codes:
    """Codes of descriptors that lie near ``floats``."""
    moved = floats + np.random.default_rng(seed).normal(0, noise, floats.shape)
    return from_descriptors(moved.astype(np.float32))


def scored(index: CodeIndex) -> FlatIndex | SegmentedIndex:
    if not isinstance(index, FlatIndex | SegmentedIndex):
        pytest.skip("this index answers by distance alone")
    return index


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_planted_pair_matches_from_its_threshold_on_and_not_one_above(
    empty: CodeIndex, settled: Settle, shift: int
) -> None:
    """Every planted pair is asked for at one below its score, at it, and at one above it."""
    floats = descriptors(40)
    codes = near(floats, 0.8)
    scored(empty).add(np.arange(40), codes, np.arange(40, dtype=np.int32))
    index, asked = scored(settled(empty)), quantised(floats)
    own = scores(asked, codes).diagonal()
    threshold = {row: int(own[row]) + shift for row in range(40)}
    queries = from_descriptors(floats.astype(np.float32))
    hits = index.search_scored(queries, 256, Asked(asked, threshold))
    for query in range(40):
        rows = slice(int(hits.offsets[query]), int(hits.offsets[query + 1]))
        assert (query in hits.ids[rows].tolist()) == (shift <= 0)
    if shift <= 0:
        one = index.search_scored(queries[:1], 256, Asked(asked[:1], threshold))
        assert one.scores is not None
        assert one.scores[one.ids.tolist().index(0)] == own[0]


@pytest.mark.parametrize("limit", [None, 1, 3])
def test_it_agrees_with_the_oracle_for_radii_thresholds_and_limits(
    empty: CodeIndex, settled: Settle, limit: int | None
) -> None:
    rng = np.random.default_rng(5)
    floats = descriptors(30)
    codes = np.concatenate([near(floats, noise, seed) for seed, noise in enumerate((0.1, 0.8, 2))])
    ids, groups = rng.permutation(90), (np.arange(90) % 4).astype(np.int32)
    oracle = OracleIndex()
    for one in (oracle, scored(empty)):
        one.add(ids, codes, groups)
        one.remove(ids[:7])
        one.set_enabled(ids[7:12], False)
    index = scored(settled(empty))
    queries, asked = from_descriptors(floats.astype(np.float32)), quantised(floats)
    for radius in (0, 40, 100, 256, {0: 20, 1: 90, 3: 256}):
        for threshold in ({}, {0: 2000, 1: 4000, 2: -9999, 7: 1}, dict.fromkeys(range(4), 3000)):
            left = index.search_scored(queries, radius, Asked(asked, threshold), limit)
            right = oracle.search_scored(queries, radius, Asked(asked, threshold), limit)
            for column in ("offsets", "ids", "groups", "distances", "scores"):
                ours, theirs = getattr(left, column), getattr(right, column)
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours, theirs, err_msg=column)
            assert left.truncated == right.truncated


def test_a_flood_of_near_codes_that_do_not_score_hides_no_match() -> None:
    """The limit counts matches, not candidates."""
    floats = descriptors(1)
    asked = quantised(floats)
    code = from_descriptors(floats.astype(np.float32))
    sure = np.argsort(-np.abs(floats[0]))
    bits = np.unpackbits(code, axis=1).astype(np.bool_)
    # Five bits of which the query is surest cost more than forty of which it knows nothing.
    close, far = bits.copy(), bits.copy()
    close[0, sure[:5]] ^= True
    far[0, sure[-40:]] ^= True
    index: NumberedIndex = SegmentedIndex(threads=1, background=False)
    index.add(np.arange(300), np.repeat(pack(close), 300, axis=0), np.zeros(300, np.int32))
    index.add(np.array([900]), pack(far), np.zeros(1, np.int32))
    threshold = int(scores(asked, pack(far))[0, 0])
    hits = index.search_scored(code, 60, Asked(asked, {0: threshold}), limit=3)
    assert [(match.id, match.distance) for match in hits.of(0)] == [(900, 40)]
    index.close()


def test_each_query_needs_its_own_descriptor_of_256_bytes() -> None:
    index = FlatIndex()
    codes = near(descriptors(2), 0.1)
    with pytest.raises(RowsError, match="1 descriptors for 2 queries"):
        index.search_scored(codes, 10, Asked(quantised(descriptors(1)), {}))
    with pytest.raises(CodeFormatError):
        index.search_scored(codes, 10, Asked(np.zeros((2, 255), np.int8), {}))
    with pytest.raises(CodeFormatError, match=r"-127\.\.127"):
        index.search_scored(codes, 10, Asked(np.full((2, 256), -128, np.int8), {}))
