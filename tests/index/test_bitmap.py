"""Sets of rows behave as sets, at every size around a byte's edge."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.storage import bitmap


@given(
    rows=st.integers(0, 70),
    chosen=st.sets(st.integers(0, 69), max_size=20),
    gone=st.sets(st.integers(0, 69), max_size=20),
    kept=st.integers(0, 70),
)
def test_bitmaps_are_sets_of_rows(rows: int, chosen: set[int], gone: set[int], kept: int) -> None:
    chosen, gone, kept = {r for r in chosen if r < rows}, {r for r in gone if r < rows}, kept % 70
    flags = np.zeros(rows, np.bool_)
    flags[sorted(chosen)] = True
    bits = bitmap.of(flags)
    frozen = bits.copy()
    assert bitmap.members(bits, rows).tolist() == sorted(chosen)
    assert bitmap.count(bits) == len(chosen)
    there = bitmap.has(bits, np.arange(rows))
    assert there.tolist() == flags.tolist()
    without = bitmap.without_rows(bits, np.array(sorted(gone), np.int64))
    assert set(bitmap.members(without, rows).tolist()) == chosen - gone
    both = bitmap.with_rows(bits, np.array(sorted(gone), np.int64))
    assert set(bitmap.members(both, rows).tolist()) == chosen | gone
    assert bitmap.members(bitmap.full(rows), rows).tolist() == list(range(rows))
    assert bitmap.count(bitmap.full(rows)) == rows
    kept = min(kept, rows)
    head = bitmap.head(bits, kept)
    assert bitmap.members(head, kept).tolist() == sorted(r for r in chosen if r < kept)
    assert len(head) == len(bitmap.full(kept))
    np.testing.assert_array_equal(bits, frozen)
