"""A batch of queries in a device's memory, padded to what kernels take

It knows bits and bounds; not rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.codes import Codes
from index.gpu.rows.slabs import WORDS, words_of

NEVER: Final = -1
"""A bound that no distance is within."""


@dataclass(eq=False)
class Batch:
    """Queries, with what each may match."""

    count: int
    """Queries asked; the rest is padding."""
    words: torch.Tensor
    """int32 (q, 8)."""
    bounds: torch.Tensor
    """int32 (q,), bits; ``NEVER`` for padding. May be narrowed between scans."""
    radii: torch.Tensor
    """int32 (slots,), bits, at least one: see ``tags``."""
    widest: int
    """The largest bound, bits: it chooses how much is read first."""

    def signs(self) -> tuple[torch.Tensor, torch.Tensor]:
        """±1 for each bit, int8 (q, 256), bit s of byte j at 32 s + j; and how many are set."""
        octets = self.words.view(torch.uint8)
        shifts = torch.arange(8, dtype=torch.uint8, device=octets.device)
        bits = (octets[:, None, :] >> shifts[None, :, None]) & 1
        flat = bits.reshape(len(octets), 8 * 4 * WORDS).to(torch.int8)
        return (1 - 2 * flat).contiguous(), flat.sum(1, dtype=torch.int32)


def padded(count: int) -> int:
    """How many queries a batch of ``count`` is padded to: 1, 2, 4, 8, or a multiple of 16."""
    if count <= 16:
        return 1 << max(count - 1, 0).bit_length()
    return -(-count // 16) * 16


def make_batch(
    codes: Codes, bounds: NDArray[np.int32], radii: NDArray[np.int32], device: torch.device
) -> Batch:
    """``codes``, uint8 (n, 32), as a batch; ``bounds``: int32 (n,); ``radii``: int32 (slots,)."""
    room = padded(len(codes))
    words = np.zeros((room, WORDS), np.int32)
    words[: len(codes)] = words_of(codes)
    limits = np.full(room, NEVER, np.int32)
    limits[: len(codes)] = bounds
    return Batch(
        len(codes),
        _moved(words, device),
        _moved(limits, device),
        _moved(radii if len(radii) else np.full(1, NEVER, np.int32), device),
        int(limits.max(initial=NEVER)),
    )


def _moved(values: NDArray[np.int32], device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.clone()
