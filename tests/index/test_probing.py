"""The tables miss nothing, however a match's flips are arranged and however rows pile up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.codes import Codes, distances, pack, unpack
from index.contract.hits import Collector
from index.contract.interface import Hits
from index.contract.oracle import OracleIndex
from index.kernels.probing import MAX_RADIUS
from index.search.batches import search_part
from index.search.planning import Step, allowed_candidates, masks, table_cost
from index.search.workers import Workers
from index.segmented.segmented_index import SegmentedIndex
from index.segments import building
from index.segments.building import build
from index.segments.permutation import reordered
from index.segments.segment import CodeSegment
from index.storage.state import HeldSegment

Flip = Callable[[Codes, int], Codes]
Same = Callable[[Hits, Hits], None]

pytestmark = pytest.mark.usefixtures("tables_only")


def tabled(codes: Codes) -> HeldSegment[CodeSegment]:
    ids = np.arange(len(codes))
    return HeldSegment.fresh(build(ids, np.zeros(len(codes), np.int32), reordered(codes)))


def search(
    part: HeldSegment[CodeSegment], queries: Codes, radius: int, threads: int = 1
) -> tuple[Hits, list[Step]]:
    out, steps = Collector(len(queries)), [list[Step]() for _ in queries]
    search_part(part, reordered(queries), radius, Workers(threads), out, steps)
    return out.hits(), [mine[0] for mine in steps]


BACKGROUND = np.random.default_rng(1).integers(0, 256, (400, 32), np.uint8)


@pytest.mark.parametrize("radius", range(MAX_RADIUS + 1))
def test_no_arrangement_of_flips_escapes(radius: int) -> None:
    """Exactly ``radius`` flips: even, in runs, in as few sub-codes as can be, and at random."""
    rng = np.random.default_rng(radius)
    places = [(np.arange(radius) * 256) // max(radius, 1), np.arange(radius)]
    # Bit i stands in sub-code i % 16: these fill whole sub-codes, beginning with any.
    by_sub_code = np.arange(256).reshape(16, 16).T.reshape(-1)
    places += [np.roll(by_sub_code, -16 * first)[:radius] for first in (0, 1, 7, 15)]
    places += [rng.choice(256, radius, replace=False) for _ in range(6)]
    for shares in (1, 2, 5):
        # Equal numbers of flips in every sub-code but a few that take the rest.
        order = np.argsort((np.arange(256) % 16 < shares) * 300 + np.arange(256), kind="stable")
        places.append(order[:radius])
    bits = np.repeat(unpack(BACKGROUND[:1]), len(places), axis=0)
    for query, flipped in enumerate(places):
        bits[query, flipped] ^= 1
    queries = pack(bits.astype(np.bool_))
    part = tabled(BACKGROUND)
    found, steps = search(part, queries, radius)
    expected = distances(queries, BACKGROUND) <= radius
    assert found.offsets.tolist() == np.cumsum([0, *expected.sum(axis=1)]).tolist()
    assert all(0 in {match.id for match in found.of(query)} for query in range(len(queries)))
    assert {step.method for step in steps} == {"tables"}
    assert all(sum(depth + 1 for depth in step.depths) == radius + 1 for step in steps)
    if radius:
        closer, _ = search(part, queries, radius - 1)
        assert 0 not in closer.ids[closer.offsets[0] : closer.offsets[1]]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    radius=st.integers(0, MAX_RADIUS),
    crowded=st.lists(st.integers(0, 15), max_size=6),
    threads=st.integers(1, 2),
)
def test_crowded_sub_codes_change_depths_and_never_answers(
    seed: int, radius: int, crowded: list[int], threads: int
) -> None:
    """Sub-codes that most rows share make depths uneven; what is found stays exact."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (600, 256), np.uint8)
    for sub_code in crowded:
        bits[: 100 + 80 * (sub_code % 6), sub_code::16] = bits[0, sub_code::16]
    codes = pack(bits.astype(np.bool_))
    flipped = bits[:12].copy()
    for row in range(12):
        flipped[row, rng.choice(256, int(rng.integers(0, radius + 2)), replace=False)] ^= 1
    queries = pack(flipped.astype(np.bool_))
    hits, steps = search(tabled(codes), queries, radius, threads)
    table = distances(queries, codes)
    for query in range(12):
        expected = np.flatnonzero(table[query] <= radius)
        assert sorted(match.id for match in hits.of(query)) == expected.tolist()
        assert sum(depth + 1 for depth in steps[query].depths) == radius + 1


def test_one_query_shared_by_threads_answers_each_row_once(
    monkeypatch: pytest.MonkeyPatch, clustered_codes: Codes
) -> None:
    monkeypatch.setattr("index.search.workers.WORTH_SHARING", 1.0)
    monkeypatch.setattr("index.search.batches.WORTH_SHARING", 1.0)
    part = tabled(clustered_codes)
    for radius in (0, 15, 31, 60):
        for query in (0, 10, 700):
            asked = clustered_codes[query : query + 1]
            shared, alone = search(part, asked, radius, 3)[0], search(part, asked, radius)[0]
            assert shared.ids.tolist() == alone.ids.tolist()
            assert len(set(shared.ids.tolist())) == len(shared.ids) > 0


def test_a_pile_up_is_scanned_instead_and_still_exact(
    monkeypatch: pytest.MonkeyPatch, random_codes: Codes, same: Same, flip: Flip
) -> None:
    """All-equal references: every bucket of the query is full, so the tables turn back."""
    monkeypatch.undo()
    monkeypatch.setattr(building, "TABLES_FROM", 1)
    codes = np.concatenate([np.repeat(random_codes[:1], 60_000, axis=0), random_codes])
    ids, groups = np.arange(len(codes)), (np.arange(len(codes)) % 3).astype(np.int32)
    index, oracle = SegmentedIndex(background=False, threads=2), OracleIndex()
    for each in (index, oracle):
        each.add(ids, codes, groups)
    index.maintain()
    queries = np.concatenate([flip(random_codes[:1], 3), random_codes[5:7]])
    ways = [explanation.steps[0] for explanation in index.explain(queries, 31)]
    assert [way.method for way in ways] == ["scan", "tables", "tables"]
    assert ways[0].reason == "too many candidates in the tables"
    same(index.search(queries, 31), oracle.search(queries, 31))
    same(index.search(queries, 31, 100), oracle.search(queries, 31, 100))
    same(index.search(queries, {1: 31, 2: 30}, 7), oracle.search(queries, {1: 31, 2: 30}, 7))
    same(index.nearest(queries, 5), oracle.nearest(queries, 5))


def test_more_matches_than_the_output_holds_are_all_found(random_codes: Codes) -> None:
    copies = np.repeat(random_codes[:1], 20_000, axis=0)
    part = tabled(np.concatenate([copies, random_codes]))
    queries = np.concatenate([random_codes[1:3], copies[:1], random_codes[3:4]])
    hits, steps = search(part, queries, 31)
    assert np.diff(hits.offsets).tolist() == [1, 1, 20_001, 1]
    assert {step.method for step in steps} == {"tables"}


def test_small_banks_with_wide_radii_do_not_make_the_large_one_a_scan(
    monkeypatch: pytest.MonkeyPatch, same: Same
) -> None:
    monkeypatch.undo()
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 256, (60_000, 32), np.uint8)
    groups = np.where(np.arange(60_000) < 59_900, 4, 9).astype(np.int32)
    index, oracle = SegmentedIndex(background=False), OracleIndex()
    for each in (index, oracle):
        each.add(np.arange(60_000), codes, groups)
    index.maintain()
    radius = {4: 15, 9: 110}
    same(index.search(codes[59_890:59_910], radius), oracle.search(codes[59_890:59_910], radius))
    (tables, scan) = index.explain(codes[:1], radius)[0].steps
    assert (tables.method, scan.method, scan.verified) == ("tables", "scan", 100)
    (skip,) = index.explain(codes[:1], {1: 31})[0].steps
    assert skip.method == "skip"


def test_the_cost_model_prefers_tables_exactly_where_they_read_less() -> None:
    costs = [table_cost(10_000_000, radius) for radius in range(120)]
    assert costs == sorted(costs)
    assert costs[MAX_RADIUS + 1] == float("inf")
    assert allowed_candidates(31, 1e6) > allowed_candidates(31, 1e5) > 0
    sub_codes, starts = masks()
    assert [int(np.bitwise_count(sub_codes[at])) for at in starts[:-1]] == [0, 1, 2, 3, 4, 5, 6]
    assert len(np.unique(sub_codes)) == len(sub_codes) == starts[-1]
