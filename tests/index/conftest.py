"""Codes to test with, planted at known distances, and indexes to test.

Flips are spread evenly over the code, or kept within few of its pieces: the hardest cases for an
index that cuts codes into sub-codes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.codes import Codes, pack, unpack
from index.contract.interface import CodeIndex, Hits
from index.flat.flat_index import FlatIndex
from index.search import routing
from index.segmented.segmented_index import SegmentedIndex
from index.segments import building

Flip = Callable[[Codes, int], Codes]
Same = Callable[[Hits, Hits], None]


@pytest.fixture
def flip() -> Flip:
    """Flips exactly so many bits in each code, as evenly over the code as can be."""

    def spread_flips(codes: Codes, bits: int) -> Codes:
        flipped = unpack(codes).copy()
        flipped[:, (np.arange(bits) * 256) // max(bits, 1)] ^= 1
        return pack(flipped.astype(np.bool_))

    return spread_flips


@pytest.fixture
def same() -> Same:
    """Asserts that two answers are equal, types included."""

    def compare(left: Hits, right: Hits) -> None:
        for column in ("offsets", "ids", "groups", "distances"):
            ours, theirs = getattr(left, column), getattr(right, column)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs, err_msg=column)
        assert left.truncated == right.truncated

    return compare


@pytest.fixture
def random_codes() -> Codes:
    return np.random.default_rng(7).integers(0, 256, (3000, 32), np.uint8)


@pytest.fixture
def clustered_codes() -> Codes:
    """3000 codes in 60 clusters, a few bits apart within each, some of them equal."""
    rng = np.random.default_rng(8)
    seeds = rng.integers(0, 2, (60, 256), np.uint8)
    noise: NDArray[np.uint8] = (rng.random((3000, 256)) < 0.04).astype(np.uint8)
    noise[::10] = 0
    return pack((seeds[rng.integers(0, 60, 3000)] ^ noise).astype(np.bool_))


@pytest.fixture
def tables_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every segment has tables, and they are used wherever they can be."""
    monkeypatch.setattr(building, "TABLES_FROM", 1)
    monkeypatch.setattr(routing, "scan_cost", lambda rows, _queries: rows * 1e9)


KINDS = ["flat", "fallback", "delta", "scanned", "tables", "chosen", "device"]


@pytest.fixture(params=KINDS)
def settled(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[CodeIndex], CodeIndex]:
    """Brings an index just filled into the shape that is under test."""
    if request.param == "tables":
        monkeypatch.setattr(routing, "scan_cost", lambda rows, _queries: rows * 1e9)
    if request.param in ("tables", "chosen"):
        monkeypatch.setattr(building, "TABLES_FROM", 1)

    def settle(index: CodeIndex) -> CodeIndex:
        if isinstance(index, SegmentedIndex) and request.param != "delta":
            monkeypatch.setattr("index.storage.maintenance.SEAL_AT", 1)
            index.maintain()
        return index

    return settle


@pytest.fixture
def empty(settled: object, request: pytest.FixtureRequest) -> CodeIndex:  # noqa: ARG001 - sets it up
    """An empty index of each kind."""
    kind = request.node.callspec.params["settled"]
    if kind == "flat":
        return FlatIndex()
    if kind == "fallback":
        return FlatIndex()
    if kind == "device":
        from index.gpu import open_gpu_index

        return open_gpu_index("cpu")
    return SegmentedIndex(threads=2, background=False)
