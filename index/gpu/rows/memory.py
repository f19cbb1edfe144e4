"""How much of a device's memory may be used, checked before it is taken

It knows bytes; not what they hold.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from index.contract.errors import DeviceMemoryError

_SPARE: Final = 256 * 2**20
"""Bytes left alone on a CUDA device: kernels, other users of the device, odd allocations."""


class DeviceMemory:
    """The memory of one device."""

    def __init__(self, device: torch.device, budget: int | None = None) -> None:
        """``budget``: bytes this index may hold at most; what the device has free by default."""
        self._device, self._budget = device, budget
        self._held = 0
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        """Bytes that may still be taken; without a budget a CPU's memory counts as boundless."""
        left = 2**62
        if self._budget is not None:
            left = self._budget - self._held
        if self._device.type == "cuda":
            unused = torch.cuda.mem_get_info(self._device)[0]
            # What torch keeps for itself between uses is free to us.
            cached = torch.cuda.memory_reserved(self._device)
            cached -= torch.cuda.memory_allocated(self._device)
            left = min(left, unused + cached - _SPARE)
        return max(left, 0)

    def check(self, size: int, what: str) -> None:
        """Raise ``DeviceMemoryError`` unless ``size`` bytes more may be taken, for ``what``."""
        if size > self.free:
            raise DeviceMemoryError(
                f"{what} need {size} bytes on {self._device}, of which {self.free} are free"
            )

    def took(self, size: int) -> None:
        """``size`` bytes more are held; negative when they were let go."""
        with self._lock:
            self._held += size

    @contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Turn torch's own error, should memory run out all the same, into ours."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError(f"{what} do not fit on {self._device}") from error
