"""Matches are put in order, and limits keep the nearest however they arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.contract import hits
from index.contract.hits import Collector, first
from index.contract.interface import Hits, Match

Row = tuple[int, int, int, int]


def collected(rows: list[Row], chunk: int, limit: int | None) -> Hits:
    out = Collector(3, limit)
    for start in range(0, len(rows), chunk):
        queries, ids, groups, bits = (
            np.array(c) for c in zip(*rows[start : start + chunk], strict=True)
        )
        out.add(queries, ids, groups.astype(np.int32), bits.astype(np.int32))
    return out.hits()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 400), st.integers(0, 2), st.integers(0, 5)),
        unique_by=lambda row: (row[0], row[1]),
        max_size=120,
    ),
    chunk=st.integers(1, 50),
    limit=st.one_of(st.none(), st.integers(1, 5)),
)
def test_a_limit_is_per_query_and_group_whatever_the_order(
    rows: list[Row], chunk: int, limit: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hits, "_CUT_FROM", 8)
        found = collected(rows, chunk, limit)
    truncated = set()
    for query in range(3):
        expected: list[Match] = []
        for group in range(3):
            mine = sorted((d, i) for q, i, g, d in rows if (q, g) == (query, group))
            if limit is not None and len(mine) > limit:
                truncated.add(query)
            expected += [Match(i, group, d) for d, i in mine[:limit]]
        assert found.of(query) == sorted(expected, key=lambda m: (m.distance, m.id))
    assert found.truncated == truncated


def test_first_takes_the_nearest_of_each_query() -> None:
    rows = [(0, 1, 0, 5), (0, 2, 0, 3), (2, 3, 0, 9), (2, 4, 0, 9), (2, 5, 0, 1)]
    kept = first(collected(rows, 5, None), 2)
    assert [[match.id for match in kept.of(query)] for query in range(3)] == [[2, 1], [], [5, 3]]
