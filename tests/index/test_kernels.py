"""Kernels are compiled once, ahead of queries, with or without a place to cache them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import types

from embeddings.codes import Codes, distances
from index import kernels
from index.permutation import reordered


def test_bits_are_reordered_so_that_neighbours_part_and_distances_stay(
    random_codes: Codes,
) -> None:
    """Bit i becomes bit i // 16 of sub-code i % 16."""
    words = reordered(random_codes[:50])
    bits = np.unpackbits(random_codes[:50], axis=1).reshape(50, 16, 16)
    expected = (bits.transpose(0, 2, 1).astype(np.uint32) << np.arange(16)).sum(axis=2)
    np.testing.assert_array_equal(words.view(np.uint16).reshape(50, 16), expected)
    moved = words.view(np.uint8).reshape(50, 32)
    np.testing.assert_array_equal(
        distances(moved, moved), distances(random_codes[:50], random_codes[:50])
    )


def test_read_only_and_writable_arrays_run_the_same_code(random_codes: Codes) -> None:
    """A memory-mapped array is read-only, which is another type to numba: it must not recompile."""
    frozen = random_codes.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(reordered(frozen), reordered(random_codes))
    permute: Any = kernels.kernels().permute
    assert len(permute.signatures) == 1
    with pytest.raises(TypeError, match="No matching definition"):
        permute(np.zeros(3), np.zeros(3))


def test_without_a_place_for_the_cache_kernels_are_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real: Any = numba.njit
    refused: list[bool] = []

    def njit(*args: object, cache: bool = False, **kwargs: object) -> Any:  # noqa: ANN401
        if cache:
            refused.append(True)
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **kwargs)

    monkeypatch.setattr(numba, "njit", njit)

    def doubled(value: int) -> int:
        return 2 * value

    assert kernels.compiled(doubled, types.int64(types.int64), "v")(21) == 42
    assert refused


def test_the_cache_is_bound_to_the_sources() -> None:
    """A change in any kernel's source gives all of them new names in numba's cache."""
    version = kernels._version()
    assert len(version) == 12
    assert kernels.kernels().scan.__qualname__ == f"scan_{version}"


def test_importing_the_package_loads_neither_torch_nor_compilers() -> None:
    code = "import sys, index; assert not {'torch', 'numba', 'faiss'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
