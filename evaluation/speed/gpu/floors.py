"""What a device can do at most, measured on it: reading memory, counting bits, multiplying matrices

Each floor is the best of several runs over data that no cache holds, random and fresh. Without a
CUDA device the same is done in miniature, to test the measuring. It knows torch and Triton;
nothing of indexes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch

OPERATIONS_A_PAIR: Final = 2 * 256
"""Of a matrix product, multiplications and additions, that compare two codes."""
COUNTS_A_PAIR: Final = 8
"""Popcounts of 32 bits that compare two codes, done plainly."""

_READ: Final = 8 << 30
_SIDE: Final = 8192
_REPEATS: Final = 4096


@dataclass(frozen=True)
class Floors:
    """Rates a second."""

    read_bytes: float
    popcounts: float
    """Of 32-bit words."""
    int8_operations: float
    """Multiplications and additions."""
    bf16_operations: float

    @property
    def pairs(self) -> float:
        """Pairs of codes a second by the faster of popcounts and the int8 product."""
        return max(self.popcounts / COUNTS_A_PAIR, self.int8_operations / OPERATIONS_A_PAIR)


def measure(device: torch.device) -> Floors:
    """All floors of ``device``."""
    cuda = device.type == "cuda"
    words = torch.randint(
        -(2**31), 2**31, ((_READ if cuda else 1 << 22) // 4,), dtype=torch.int32, device=device
    )
    side = _SIDE if cuda else 256
    left, right = (
        torch.randint(-128, 128, (side, side), dtype=torch.int8, device=device) for _ in range(2)
    )
    half = torch.randn((side, side), device=device).to(torch.bfloat16)
    products = 2.0 * side**3
    return Floors(
        words.nbytes / seconds(_reading(words), device),
        _popcounts(words, device),
        products / seconds(partial(torch._int_mm, left, right.t()), device),
        products / seconds(partial(torch.matmul, half, half.t()), device),
    )


def seconds(work: Callable[[], object], device: torch.device, runs: int = 10) -> float:
    """The shortest of ``runs`` runs of ``work``, after two for warmth."""
    times = []
    for run in range(runs + 2):
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
            begin.record()
            work()
            end.record()
            end.synchronize()
            taken = float(begin.elapsed_time(end)) / 1000
        else:
            start = time.perf_counter()
            work()
            taken = time.perf_counter() - start
        if run >= 2:
            times.append(taken)
    return min(times)


def _reading(words: torch.Tensor) -> Callable[[], object]:
    if words.device.type != "cuda":
        return words.max
    from index.gpu.scans.kernels import read_words

    rows = 8192
    blocks = len(words) // rows
    sums = torch.empty(blocks, dtype=torch.int32, device=words.device)
    return lambda: read_words[(blocks,)](words, sums, ROWS=rows, num_warps=8)


def _popcounts(words: torch.Tensor, device: torch.device) -> float:
    if device.type != "cuda":
        table = torch.tensor([byte.bit_count() for byte in range(256)])
        octets = words[: 1 << 16].view(torch.uint8).long()
        return len(octets) / 4 / seconds(lambda: table[octets], device)
    from index.gpu.scans.kernels import count_bits

    rows = 1024
    blocks = 16 * torch.cuda.get_device_properties(device).multi_processor_count
    totals = torch.empty(blocks * rows, dtype=torch.int32, device=device)

    def work() -> object:
        return count_bits[(blocks,)](words, totals, _REPEATS, ROWS=rows, NATIVE=True)

    return blocks * rows * _REPEATS / seconds(work, device)
