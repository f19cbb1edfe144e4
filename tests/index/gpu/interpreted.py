"""Runs Triton's kernels in its interpreter and compares with the oracle: see ``test_kernels``.

A program of its own, since the interpreter is chosen before kernels are defined.
"""

from __future__ import annotations

import numpy as np
import torch

from embeddings.codes import pack, unpack
from index.contract.oracle import OracleIndex
from index.gpu.calibration import Calibration
from index.gpu.resident import GpuIndex
from index.gpu.scans.batch import make_batch
from index.gpu.scans.keys import taken_apart

_rng = np.random.default_rng(3)
ROWS = 70
BY_PRODUCT = tuple(Calibration(matrix_from=1, tile=tile) for tile in (0, 1))


def check(calibration: Calibration, radii: tuple[int, ...], room: int) -> None:
    """Codes at r-1, r and r+1 of three queries, in groups, some disabled or kept to a radius."""
    queries = _rng.integers(0, 256, (3, 32), np.uint8)
    codes = _rng.integers(0, 256, (ROWS, 32), np.uint8)
    for number, radius in enumerate(radii):
        for step in (-1, 0, 1):
            flipped = unpack(queries[:1]).copy()
            flipped[:, _rng.permutation(256)[: max(radius + step, 0)]] ^= 1
            codes[3 * number + step + 1] = pack(flipped.astype(np.bool_))[0]
    codes[40:60] = queries[1]
    ours, oracle = GpuIndex(["cpu"], calibration, room=room), OracleIndex()
    assert ours.stats().kind == "triton on cpu"
    for index in (ours, oracle):
        index.add(np.arange(ROWS), codes, (np.arange(ROWS) % 3).astype(np.int32))
        index.set_enabled(np.array([41, 2]), False)
    for shard in ours.shards:
        shard.scanner.poison()
    for radius in radii:
        asked = {0: radius, 1: radius, 2: max(radius - 1, 0)}
        left, right = ours.search(queries, asked), oracle.search(queries, asked)
        for column in ("offsets", "ids", "groups", "distances"):
            np.testing.assert_array_equal(getattr(left, column), getattr(right, column))
    assert bool(ours.shards[0].scanner.repeated) == (room < 20)
    ours.set_radius(np.array([1]), max(radii[0] - 1, 0))
    assert 1 not in ours.search(queries[:1], radii[0]).ids
    assert 1 in oracle.search(queries[:1], radii[0]).ids


def check_far_rows() -> None:
    """Rows are numbered in 64 bits where a slab begins just below 2^31."""
    index = GpuIndex(["cpu"])
    index.add(np.arange(20), np.zeros((20, 32), np.uint8), np.zeros(20, np.int32))
    (shard,) = index.shards
    (slab,) = shard.slabs.slabs
    slab.first = (1 << 31) - 7
    none, radii = np.zeros(1, np.int32), np.zeros(1, np.int32)
    batch = make_batch(np.zeros((1, 32), np.uint8), none, radii, shard.device)
    out = torch.zeros(101, dtype=torch.int64)
    shard.engine.sift_all(slab, batch, out)
    _, _, rows = taken_apart(np.sort(out[1 : 1 + int(out[0])].numpy()))
    np.testing.assert_array_equal(rows, slab.first + np.arange(20))


if __name__ == "__main__":
    check_far_rows()
    check(Calibration(), (31, 48, 64, 100), room=8)
    for shape in BY_PRODUCT:
        check(shape, (31,), room=999)
