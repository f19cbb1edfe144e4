"""``FlatIndex`` answers what the oracle answers, at every radius, under changes and threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from embeddings.codes import Codes
from index.errors import DuplicateIdError, RadiusError, RowsError
from index.exact import FlatIndex
from index.interface import CodeIndex, Hits
from index.oracle import OracleIndex

Flip = Callable[[Codes, int], Codes]


def same(left: Hits, right: Hits) -> None:
    for column in ("offsets", "ids", "groups", "distances"):
        ours, theirs = getattr(left, column), getattr(right, column)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs, err_msg=column)


def filled(index: CodeIndex, codes: Codes, groups: int = 5) -> CodeIndex:
    ids = np.arange(len(codes), dtype=np.int64) * 3
    index.add(ids, codes, (np.arange(len(codes)) % groups).astype(np.int32))
    return index


@pytest.mark.parametrize("radius", [0, 1, 16, 31, 48, 64, 128])
def test_a_planted_code_is_found_at_its_radius_and_not_one_bit_below(
    random_codes: Codes, flip: Flip, radius: int
) -> None:
    index = filled(FlatIndex(), random_codes[:200])
    planted = flip(random_codes[:50], radius)
    assert index.search(planted, radius).distances.max() == radius
    for query in range(50):
        assert 3 * query in {m.id for m in index.search(planted[query : query + 1], radius).of(0)}
        if radius:
            closer = index.search(planted[query : query + 1], radius - 1).of(0)
            assert 3 * query not in {match.id for match in closer}


@pytest.mark.parametrize("data", ["random_codes", "clustered_codes"])
def test_it_agrees_with_the_oracle_for_batches_radii_and_banks(
    data: str, request: pytest.FixtureRequest, flip: Flip
) -> None:
    codes = request.getfixturevalue(data)
    index, oracle = filled(FlatIndex(), codes), filled(OracleIndex(), codes)
    queries = np.concatenate([flip(codes[:20], 30), codes[20:40]])
    for radius in (0, 31, 48, 100, 256, {0: 31, 3: 64}, {4: 0}, {99: 256}, {}):
        same(index.search(queries, radius), oracle.search(queries, radius))
    for k in (1, 10, 700, 5000):
        same(index.nearest(queries[:5], k), oracle.nearest(queries[:5], k))
        chosen = frozenset({1, 4})
        same(index.nearest(queries[:5], k, chosen), oracle.nearest(queries[:5], k, chosen))


def test_matches_come_nearest_first_and_ties_by_id(random_codes: Codes) -> None:
    index = FlatIndex()
    copies = np.repeat(random_codes[:1], 4, axis=0)
    index.add(np.array([9, 2, 7, 4]), copies, np.zeros(4, np.int32))
    assert [match.id for match in index.search(copies[:1], 0).of(0)] == [2, 4, 7, 9]


def test_an_empty_index_and_an_empty_batch_answer_nothing(random_codes: Codes) -> None:
    index = FlatIndex()
    assert index.search(random_codes[:2], 256).offsets.tolist() == [0, 0, 0]
    assert index.nearest(random_codes[:2], 3).offsets.tolist() == [0, 0, 0]
    filled(index, random_codes)
    assert index.search(random_codes[:0], 31).offsets.tolist() == [0]
    assert index.nearest(random_codes[:0], 3).offsets.tolist() == [0]


def test_a_refused_add_changes_nothing(random_codes: Codes) -> None:
    index = filled(FlatIndex(), random_codes[:10])
    zeros = np.zeros(2, np.int32)
    with pytest.raises(DuplicateIdError, match="27"):
        index.add(np.array([27, 1000]), random_codes[:2], zeros)
    with pytest.raises(DuplicateIdError):
        index.add(np.array([1000, 1000]), random_codes[:2], zeros)
    with pytest.raises(RowsError, match=r"\(2, 32\)"):
        index.add(np.array([1000, 1001]), random_codes[:3], zeros)
    with pytest.raises(RowsError):
        index.add(np.array([-1, 1001]), random_codes[:2], zeros)
    with pytest.raises(RowsError):
        index.add(np.array([1000, 1001]), random_codes[:2], zeros - 1)
    assert index.stats().entries == 10
    assert index.remove(np.array([1000, 1001])) == 0


@pytest.mark.parametrize("radius", [-1, 257, {1: 300}])
def test_a_radius_no_code_can_have_is_refused(random_codes: Codes, radius: int) -> None:
    with pytest.raises(RadiusError):
        FlatIndex().search(random_codes[:1], radius)
    with pytest.raises(RadiusError):
        FlatIndex().nearest(random_codes[:1], 0)


def test_writes_by_the_caller_to_its_own_arrays_do_no_harm(random_codes: Codes) -> None:
    mine, ids = random_codes[:5].copy(), np.arange(5)
    index = FlatIndex()
    index.add(ids, mine, np.zeros(5, np.int32))
    mine[:], ids[:] = 0, 77
    assert index.search(random_codes[:5], 0).ids.tolist() == [0, 1, 2, 3, 4]


def test_readers_see_whole_changes_while_a_writer_adds_and_removes(random_codes: Codes) -> None:
    """Ten copies of one code come and go together: a query sees all ten or none of them."""
    index = filled(FlatIndex(), random_codes)
    planted = np.repeat(~random_codes[:1], 10, axis=0)
    ids, groups = np.arange(10_000, 10_010), np.zeros(10, np.int32)
    done, seen, failures = threading.Event(), set[int](), list[BaseException]()

    def read() -> None:
        try:
            while not done.is_set():
                seen.add(len(index.search(planted[:1], 3).ids))
        except BaseException as failure:  # noqa: BLE001 - reported by the main thread
            failures.append(failure)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for round_ in range(100):
        index.add(ids, planted, groups)
        index.add(np.array([20_000 + round_]), random_codes[:1], groups[:1])
        assert index.remove(ids) == 10
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert seen <= {0, 10}
    assert index.stats().entries == len(random_codes) + 100


class AgainstTheOracle(RuleBasedStateMachine):
    """Any sequence of changes leaves both indexes with the same answers."""

    POOL = np.random.default_rng(5).integers(0, 256, (12, 32), np.uint8)

    def __init__(self) -> None:
        super().__init__()
        self.index: CodeIndex = FlatIndex()
        self.oracle = OracleIndex()

    some_ids = st.lists(st.integers(0, 60), max_size=12)

    @rule(ids=some_ids, first=st.integers(0, 11))
    def add(self, ids: list[int], first: int) -> None:
        column = np.array(ids, np.int64)
        codes = self.POOL[(first + column) % len(self.POOL)]
        outcomes = []
        for index in (self.index, self.oracle):
            try:
                index.add(column, codes, (column % 3).astype(np.int32))
                outcomes.append("added")
            except DuplicateIdError:
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1]

    @rule(ids=some_ids)
    def remove(self, ids: list[int]) -> None:
        column = np.array(ids, np.int64)
        assert self.index.remove(column) == self.oracle.remove(column)

    @rule(ids=some_ids, enabled=st.booleans())
    def set_enabled(self, ids: list[int], enabled: bool) -> None:
        column = np.array(ids, np.int64)
        ours = self.index.set_enabled(column, enabled)
        assert ours == self.oracle.set_enabled(column, enabled)

    @invariant()
    def answers_are_equal(self) -> None:
        for radius in (0, 120, {0: 0, 2: 130}):
            same(
                self.index.search(self.POOL[:6], radius), self.oracle.search(self.POOL[:6], radius)
            )
        same(self.index.nearest(self.POOL[:2], 5), self.oracle.nearest(self.POOL[:2], 5))
        ours, theirs = self.index.stats(), self.oracle.stats()
        assert (ours.entries, ours.enabled) == (theirs.entries, theirs.enabled)


TestAgainstTheOracle = AgainstTheOracle.TestCase
TestAgainstTheOracle.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
