"""The search in torch alone: for CPUs, and for devices where Triton does not run

Rows are taken in chunks so that the table of distances stays small. Both ways of comparing are
here too, so that all that stands around them is the same with and without a device. It knows rows,
words and keys; not ids.
"""

from __future__ import annotations

from typing import Final

import torch

from index.gpu.calibration import Calibration
from index.gpu.rows.slabs import WORDS, Slab
from index.gpu.rows.tags import SLOT_BITS
from index.gpu.scans.batch import Batch
from index.gpu.scans.keys import QUERY_SHIFT, ROW_BITS

_CELLS: Final = 1 << 21
"""Distances worked out at once."""


class PlainEngine:
    """Compares in torch; see ``scanning.Engine``."""

    name = "torch"
    recordable = False

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration

    def planes(self, radius: int) -> int:
        """See ``scanning.Engine``."""
        return self.calibration.planes(radius)

    def sift_all(self, slab: Slab, batch: Batch, out: torch.Tensor) -> None:
        """See ``scanning.Engine``."""
        self.scan(slab, 0, slab.filled, batch, out)

    def scan(self, slab: Slab, begin: int, end: int, batch: Batch, out: torch.Tensor) -> None:
        """See ``scanning.Engine``."""
        matrix = batch.count >= self.calibration.matrix_from
        chunk = max(_CELLS // len(batch.words), 64)
        signs, ones = batch.signs() if matrix else (batch.words, batch.bounds)
        for start in range(begin, end, chunk):
            rows = slice(start, min(start + chunk, end))
            if matrix:
                bits = _by_product(slab.planes[:, rows], signs, ones)
            else:
                bits = _by_counting(slab.planes[:, rows], batch.words)
            _emit(bits, slab, rows.start, batch, out)


def _emit(bits: torch.Tensor, slab: Slab, start: int, batch: Batch, out: torch.Tensor) -> None:
    """Append the keys of what matches in ``bits``, int32 (q, m), to ``out``."""
    tags = slab.tags[start : start + bits.shape[1]]
    slots = tags & ((1 << SLOT_BITS) - 1)
    reach = torch.minimum(tags >> SLOT_BITS, batch.radii[slots.clamp(max=len(batch.radii) - 1)])
    reach = torch.where(tags >= 0, reach, -1)
    good = (bits <= reach[None, :]) & (bits <= batch.bounds[:, None])
    queries, places = torch.nonzero(good, as_tuple=True)
    keys = (queries << QUERY_SHIFT) | (bits[queries, places].long() << ROW_BITS)
    keys |= places + (slab.first + start)
    found, room = int(out[0]), len(out) - 1
    kept = keys[: max(room - found, 0)]
    out[1 + found : 1 + found + len(kept)] = kept
    out[0] += len(keys)


def _by_counting(planes: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """Distances, int32 (q, m), by popcounts of ``planes``, int32 (8, m)."""
    bits = torch.zeros((len(queries), planes.shape[1]), dtype=torch.int32, device=planes.device)
    for word in range(WORDS):
        x = queries[:, word, None] ^ planes[word, None, :]
        x = x - ((x >> 1) & 0x55555555)
        x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
        x = (x + (x >> 4)) & 0x0F0F0F0F
        x = x + (x >> 8)
        bits += (x + (x >> 16)) & 0x3F
    return bits


def _by_product(planes: torch.Tensor, signs: torch.Tensor, ones: torch.Tensor) -> torch.Tensor:
    """Distances, int32 (q, m), by a matrix product with ``signs``, int8 (q, 256)."""
    octets = planes.t().contiguous().view(torch.uint8)
    shifts = torch.arange(8, dtype=torch.uint8, device=octets.device)
    bits = ((octets[:, None, :] >> shifts[None, :, None]) & 1).reshape(len(octets), -1)
    if planes.is_cuda:
        # The int8 product wants sizes that are multiples of 8; queries are padded already.
        short = -len(bits) % 8
        bits = torch.nn.functional.pad(bits.to(torch.int8), (0, 0, 0, short))
        if len(signs) > 16:
            sums = torch._int_mm(signs, bits.t())[:, : planes.shape[1]]
            return sums + ones[:, None]
    # Whole numbers up to 256 are exact in float32.
    sums = (signs.float() @ bits.float().t())[:, : planes.shape[1]]
    return sums.to(torch.int32) + ones[:, None]
