"""The split and the dealing of edits: complete, balanced, a function of names and seed alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.base.errors import CorpusError
from evaluation.copies.benchmark import MIN_IMAGES, plan
from evaluation.copies.edits import EDITS, FAMILIES, of_family
from evaluation.corpora.corpus import Item, Kind

KINDS: tuple[Kind, ...] = ("photo", "nonphoto", "unknown")


def _items(count: int, kinds: int = 2, sources: int = 3) -> list[Item]:
    return [
        Item(f"{index}.png", KINDS[index % kinds], "", f"source {index % sources}")
        for index in range(count)
    ]


def test_six_in_ten_are_references_and_everything_is_queried_once_a_family() -> None:
    items = _items(1000)
    benchmark = plan(items)
    assert (len(benchmark.references), len(benchmark.strangers)) == (600, 400)
    assert len(benchmark.queries) == 3000
    assert sum(query.outside for query in benchmark.queries) == 1200
    assert sorted(benchmark.references + benchmark.strangers) == list(range(1000))
    references = set(benchmark.references)
    assert all(query.outside == (query.item not in references) for query in benchmark.queries)
    done = Counter((query.item, query.family) for query in benchmark.queries)
    assert set(done.values()) == {1}


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    count=st.integers(MIN_IMAGES, 90),
    kinds=st.integers(1, 3),
    sources=st.integers(1, 40),
    seed=st.integers(0, 5),
)
def test_every_stratum_keeps_its_share(count: int, kinds: int, sources: int, seed: int) -> None:
    items = _items(count, kinds, sources)
    benchmark = plan(items, seed)
    assert len(benchmark.references) == pytest.approx(0.6 * count, abs=1)
    sizes = Counter((item.kind, item.source) for item in items)
    chosen = Counter((items[i].kind, items[i].source) for i in benchmark.references)
    for stratum, size in sizes.items():
        assert chosen[stratum] == pytest.approx(0.6 * size, abs=1.0)


def test_the_plan_does_not_depend_on_the_order_of_files() -> None:
    items = _items(60)

    def told(order: list[Item]) -> set[tuple[str, str, bool]]:
        return {(order[q.item].name, q.edit, q.outside) for q in plan(order, 7).queries}

    assert told(items) == told(items[::-1])
    assert plan(items, 7) == plan(items, 7)
    assert plan(items, 7).references != plan(items, 8).references


def test_edits_are_dealt_out_evenly_within_each_kind() -> None:
    items = _items(900, kinds=2, sources=1)
    for outside in (False, True):
        for kind in KINDS[:2]:
            counts = Counter(
                query.edit
                for query in plan(items).queries
                if query.outside == outside and items[query.item].kind == kind
            )
            assert set(counts) == set(EDITS)
            for family in FAMILIES:
                dealt = [counts[edit.name] for edit in of_family(family)]
                assert max(dealt) - min(dealt) <= 1


def test_more_edits_a_family_are_all_different() -> None:
    benchmark = plan(_items(20), edits_per_family=5)
    edits = [query.edit for query in benchmark.queries if query.item == 3]
    assert len(edits) == len(set(edits)) == 15
    everything = plan(_items(20), edits_per_family=1000)
    assert len(everything.queries) == 20 * len(EDITS)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(CorpusError, match="too few"):
        plan(_items(MIN_IMAGES - 1))
