"""The search by Triton's kernels: which one, in what shape, over which rows

It chooses by the calibration and starts kernels; it never waits for one, nor reads what they found.
"""

from __future__ import annotations

import os
from typing import Final

import torch

from index.gpu.calibration import TILES, Calibration
from index.gpu.rows.memory import DeviceMemory
from index.gpu.rows.slabs import Slab
from index.gpu.scans import kernels
from index.gpu.scans.batch import Batch

SIFTED: Final = 16
"""Most queries that share one pass of popcounts."""

_BLOCK: Final = 1024
"""Rows a program of ``sift`` compares: eight a thread, in loads of 16 bytes."""

Extent = torch.Tensor
"""int64 (2,), on the device: rows of a slab, begin to end."""


class TritonEngine:
    """Compares by Triton's kernels; see ``scanning.Engine``."""

    name = "triton"
    recordable = True

    def __init__(self, calibration: Calibration, memory: DeviceMemory) -> None:
        self.calibration, self._memory = calibration, memory
        self._tiles = torch.empty(0, dtype=torch.int32)
        # Triton's interpreter, for tests, knows no instruction of the device.
        self._native = os.environ.get("TRITON_INTERPRET", "0") != "1"

    def scan(self, slab: Slab, begin: int, end: int, batch: Batch, out: torch.Tensor) -> None:
        """See ``scanning.Engine``."""
        if (begin, end) == (0, slab.filled):
            extent = slab.extent
        else:
            extent = torch.tensor([begin, end]).to(slab.extent.device, non_blocking=True)
        if batch.count >= self.calibration.matrix_from:
            self._multiply(slab, extent, end - begin, batch, out)
        else:
            self._sift(slab, extent, end - begin, batch, out)

    def planes(self, radius: int) -> int:
        """See ``scanning.Engine``."""
        return self.calibration.planes(radius)

    def sift_all(self, slab: Slab, batch: Batch, out: torch.Tensor) -> None:
        """See ``scanning.Engine``."""
        self._sift(slab, slab.extent, slab.capacity, batch, out)

    def _sift(self, slab: Slab, extent: Extent, rows: int, batch: Batch, out: torch.Tensor) -> None:
        """By popcounts; ``rows``: at least as many as ``extent`` spans."""
        together = min(len(batch.words), SIFTED)
        grid = (-(-rows // _BLOCK), len(batch.words) // together)
        kernels.sift[grid](
            slab.planes,
            slab.capacity,
            slab.tags,
            extent,
            slab.first,
            batch.words,
            batch.bounds,
            batch.radii,
            out,
            len(out) - 1,
            QUERIES=together,
            FIRST=self.calibration.planes(batch.widest),
            ROWS=_BLOCK,
            NATIVE=self._native,
            num_warps=4,
        )

    def _multiply(
        self, slab: Slab, extent: Extent, rows: int, batch: Batch, out: torch.Tensor
    ) -> None:
        """By a matrix product that finds tiles with matches, and popcounts within those."""
        height, width, warps, stages = TILES[self.calibration.tile]
        short = -len(batch.words) % width
        words = torch.nn.functional.pad(batch.words, (0, 0, 0, short))
        bounds = torch.nn.functional.pad(batch.bounds, (0, short), value=-1)
        padded = Batch(batch.count, words, bounds, batch.radii, batch.widest)
        signs, ones = padded.signs()
        # No distance is below zero, so that a bound of -1 stays out of reach.
        limits = bounds - ones
        blocks, columns = -(-rows // height), len(words) // width
        tiles = self._tiles_for(1 + blocks * columns, slab.planes.device)
        tiles[0] = 0
        kernels.product[(blocks,)](
            slab.planes.view(torch.int8),
            slab.capacity,
            extent,
            signs,
            limits,
            len(words),
            tiles,
            ROWS=height,
            COLUMNS=width,
            STAGES=stages,
            num_warps=warps,
        )
        kernels.refine[(min(blocks * columns, 4096 if self._native else 2),)](
            slab.planes,
            slab.capacity,
            slab.tags,
            extent,
            slab.first,
            words,
            bounds,
            batch.radii,
            out,
            len(out) - 1,
            tiles,
            batch.count,
            ROWS=height,
            COLUMNS=width,
            NATIVE=self._native,
            num_warps=4,
        )

    def _tiles_for(self, size: int, device: torch.device) -> torch.Tensor:
        """Room for every tile there is, so that this list cannot overflow."""
        if len(self._tiles) < size or self._tiles.device != device:
            self._memory.check(4 * (size - len(self._tiles)), "the tiles of a matrix product")
            self._memory.took(4 * (size - len(self._tiles)))
            with self._memory.named("the tiles of a matrix product"):
                self._tiles = torch.empty(size, dtype=torch.int32, device=device)
        return self._tiles
