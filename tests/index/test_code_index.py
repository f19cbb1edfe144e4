"""Every ``CodeIndex`` answers what the oracle answers, in whatever shape it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from embeddings.codes import Codes, pack, unpack
from index.contract.errors import DuplicateIdError, RadiusError, RowsError
from index.contract.interface import CodeIndex, Hits
from index.contract.oracle import OracleIndex

Flip = Callable[[Codes, int], Codes]
Same = Callable[[Hits, Hits], None]
Settle = Callable[[CodeIndex], CodeIndex]


def fill(index: CodeIndex, codes: Codes, groups: int = 5) -> CodeIndex:
    """Ids are three times the row, in descending order; groups go round."""
    rows = np.arange(len(codes))[::-1]
    for chunk in np.array_split(rows, 3):
        index.add(chunk * 3, codes[chunk], (chunk % groups).astype(np.int32))
    return index


@pytest.mark.parametrize("radius", [0, 1, 15, 16, 31, 48, 64, 95, 128])
def test_a_planted_code_is_found_at_its_radius_and_not_one_bit_below(
    empty: CodeIndex, settled: Settle, random_codes: Codes, flip: Flip, radius: int
) -> None:
    index = settled(fill(empty, random_codes[:200]))
    planted = flip(random_codes[:50], radius)
    found, beyond = index.search(planted, radius), index.search(planted, radius + 1)
    for query in range(50):
        assert 3 * query in {match.id for match in found.of(query)}
        assert 3 * query in {match.id for match in beyond.of(query)}
    if radius:
        closer = index.search(planted, radius - 1)
        for query in range(50):
            assert 3 * query not in {match.id for match in closer.of(query)}


@pytest.mark.parametrize("data", ["random_codes", "clustered_codes"])
def test_it_agrees_with_the_oracle_for_batches_radii_and_banks(
    empty: CodeIndex,
    settled: Settle,
    data: str,
    request: pytest.FixtureRequest,
    flip: Flip,
    same: Same,
) -> None:
    codes = request.getfixturevalue(data)
    index, oracle = settled(fill(empty, codes)), fill(OracleIndex(), codes)
    queries = np.concatenate([flip(codes[:20], 30), codes[20:40]])
    for radius in (0, 31, 48, 100, 256, {0: 31, 3: 64}, {0: 16, 1: 31, 3: 120}, {4: 0}, {99: 256}):
        same(index.search(queries, radius), oracle.search(queries, radius))
        same(index.search(queries[:1], radius), oracle.search(queries[:1], radius))
        same(index.search(queries, radius, 3), oracle.search(queries, radius, 3))
    same(index.search(queries, {}), oracle.search(queries, {}))
    for k in (1, 10, 700, 5000):
        same(index.nearest(queries[:4], k), oracle.nearest(queries[:4], k))
        chosen = frozenset({1, 4})
        same(index.nearest(queries[:4], k, chosen), oracle.nearest(queries[:4], k, chosen))


def test_removed_and_disabled_codes_are_not_found_and_enabled_ones_are_again(
    empty: CodeIndex, settled: Settle, clustered_codes: Codes, same: Same
) -> None:
    index, oracle = (
        settled(fill(empty, clustered_codes)),
        fill(OracleIndex(), clustered_codes),
    )
    rng = np.random.default_rng(3)
    for _ in range(3):
        gone, off, on = (rng.integers(0, 9000, 900) for _ in range(3))
        assert index.remove(gone) == oracle.remove(gone)
        assert index.set_enabled(off, False) == oracle.set_enabled(off, False)
        assert index.set_enabled(on, True) == oracle.set_enabled(on, True)
        same(index.search(clustered_codes[:60], 40), oracle.search(clustered_codes[:60], 40))
        ours, theirs = settled(index).stats(), oracle.stats()
        assert (ours.entries, ours.enabled) == (theirs.entries, theirs.enabled)
        same(index.search(clustered_codes[:60], 40), oracle.search(clustered_codes[:60], 40))


def test_a_removed_id_can_be_added_again_with_another_code(
    empty: CodeIndex, settled: Settle, random_codes: Codes
) -> None:
    index = settled(fill(empty, random_codes[:50]))
    assert index.remove(np.array([30, 30])) == 1
    index.add(np.array([30]), random_codes[99:100], np.zeros(1, np.int32))
    assert index.search(random_codes[10:11], 5).ids.tolist() == []
    assert index.search(random_codes[99:100], 5).ids.tolist() == [30]
    assert index.stats().entries == 50


def test_matches_come_nearest_first_and_ties_by_id(
    empty: CodeIndex, settled: Settle, random_codes: Codes, flip: Flip
) -> None:
    copies = np.concatenate([flip(random_codes[:1], 4), *[random_codes[:1]] * 4])
    empty.add(np.array([1, 9, 2, 7, 4]), copies, np.array([1, 0, 1, 0, 1], np.int32))
    index = settled(empty)
    assert [match.id for match in index.search(copies[1:2], 4).of(0)] == [2, 4, 7, 9, 1]


def test_a_limit_keeps_the_nearest_of_each_bank_and_says_so(
    empty: CodeIndex, settled: Settle, random_codes: Codes
) -> None:
    """A bank with many equal references never hides another bank's match."""
    flood = np.repeat(random_codes[:1], 500, axis=0)
    empty.add(np.arange(500), flood, np.zeros(500, np.int32))
    other = unpack(random_codes[:1]).copy()
    other[:, :9] ^= 1
    empty.add(np.array([900]), pack(other.astype(np.bool_)), np.ones(1, np.int32))
    hits = settled(empty).search(random_codes[:2], 20, limit=3)
    assert [(m.id, m.group, m.distance) for m in hits.of(0)] == [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 0),
        (900, 1, 9),
    ]
    assert hits.of(1) == []
    assert hits.truncated == {0}


def test_an_empty_index_and_an_empty_batch_answer_nothing(
    empty: CodeIndex, settled: Settle, random_codes: Codes
) -> None:
    assert empty.search(random_codes[:2], 256).offsets.tolist() == [0, 0, 0]
    assert empty.nearest(random_codes[:2], 3).offsets.tolist() == [0, 0, 0]
    index = settled(fill(empty, random_codes))
    assert index.search(random_codes[:0], 31).offsets.tolist() == [0]
    assert index.nearest(random_codes[:0], 3).offsets.tolist() == [0]
    index.add(np.empty(0, np.int64), random_codes[:0], np.empty(0, np.int32))
    assert index.stats().entries == len(random_codes)


def test_a_refused_add_changes_nothing(
    empty: CodeIndex, settled: Settle, random_codes: Codes
) -> None:
    index = settled(fill(empty, random_codes[:10]))
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
def test_a_radius_no_code_can_have_is_refused(
    empty: CodeIndex, random_codes: Codes, radius: int
) -> None:
    with pytest.raises(RadiusError):
        empty.search(random_codes[:1], radius)
    with pytest.raises(RadiusError):
        empty.search(random_codes[:1], 3, limit=0)
    with pytest.raises(RadiusError):
        empty.nearest(random_codes[:1], 0)


def test_writes_by_the_caller_to_its_own_arrays_do_no_harm(
    empty: CodeIndex, settled: Settle, random_codes: Codes
) -> None:
    mine, ids = random_codes[:5].copy(), np.arange(5)
    empty.add(ids, mine, np.zeros(5, np.int32))
    mine[:], ids[:] = 0, 77
    assert settled(empty).search(random_codes[:5], 0).ids.tolist() == [0, 1, 2, 3, 4]


def test_readers_see_whole_changes_while_a_writer_adds_and_removes(
    empty: CodeIndex, settled: Settle, random_codes: Codes
) -> None:
    """Ten copies of one code come and go together: a query sees all ten or none of them."""
    index = settled(fill(empty, random_codes))
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
    for round_ in range(60):
        index.add(ids, planted, groups)
        index.add(np.array([20_000 + round_]), random_codes[:1], groups[:1])
        settled(index)
        assert index.remove(ids) == 10
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert seen <= {0, 10}
    assert index.stats().entries == len(random_codes) + 60
