"""Sums of neighbouring lines are what adding them up one by one gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from embeddings.hashes.bands import Tap, banded, summed


@st.composite
def taps(draw: st.DrawFn) -> list[Tap]:
    """Sums whose starts ascend, short and long, near and far from each other."""
    start, made = 0, []
    for _ in range(draw(st.integers(1, 20))):
        start += draw(st.integers(0, 40))
        size = draw(st.sampled_from([1, 2, 7, 300]))
        made.append(Tap(start, np.arange(size, dtype=np.float32) % 5 - 2))
    return made


@given(taps(), st.sampled_from([1, 64, 3000]))
def test_each_sum_is_of_its_own_lines(taps: list[Tap], columns: int) -> None:
    rng = np.random.default_rng(len(taps))
    lines = rng.integers(0, 256, (1100, columns), dtype=np.uint8)
    expected = [tap.weights @ lines[tap.start :][: len(tap.weights)].astype(float) for tap in taps]
    found = summed(lines, banded(taps, columns))
    # Whole numbers, which floats hold exactly in any order.
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("columns", "steps"), [(64, 4), (3000, 4), (30_000, 16)])
def test_a_step_takes_as_many_sums_as_the_cache_holds(columns: int, steps: int) -> None:
    taps = [Tap(6 * number, np.ones(8, np.float32)) for number in range(16)]
    assert len(banded(taps, columns)) == steps


def test_products_use_the_calling_thread_alone() -> None:
    """Callers are side by side already: threads of each would only wait for each other."""
    summed(np.zeros((1, 1), np.uint8), banded([Tap(0, np.ones(1, np.float32))], 1))
    pools = [pool for pool in threadpool_info() if pool["internal_api"] == "openblas"]
    assert [pool["num_threads"] for pool in pools] == [1] * len(pools)
