"""One scan over the rows of a device: results that cannot overflow unnoticed, in pieces if need be

Matches go into a buffer whose first word counts all of them, also those that found no room. If
there were more than fit, the scan is repeated with a buffer of the exact size; if that is more than
a scan may take, the rows are halved and scanned one half after the other. It knows slabs and keys;
not ids. Not safe to use from two threads at once: see ``resident``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import torch

from index.contract.errors import DeviceMemoryError
from index.gpu.calibration import Calibration
from index.gpu.rows.memory import DeviceMemory
from index.gpu.rows.slabs import STEP, Slab, Slabs
from index.gpu.scans.batch import Batch
from index.gpu.scans.keys import POISON

ROOM: Final = 1 << 16
"""Keys the buffer holds at first."""
MOST: Final = 1 << 26
"""Keys one piece may have: half a gigabyte."""


class ScanEngine(Protocol):
    """Compares a batch with rows of a slab."""

    name: str
    calibration: Calibration
    """May be replaced between scans."""
    recordable: bool
    """Whether ``sift_all`` may be recorded into a CUDA graph."""

    def planes(self, radius: int) -> int:
        """How many planes are read of every row at ``radius`` bits."""
        ...

    def sift_all(self, slab: Slab, batch: Batch, out: torch.Tensor) -> None:
        """``scan`` of all rows by popcounts; how many there are is read on the device."""
        ...

    def scan(self, slab: Slab, begin: int, end: int, batch: Batch, out: torch.Tensor) -> None:
        """Compare rows ``begin``, a multiple of ``STEP``, to ``end`` of ``slab`` with ``batch``.

        The key of each match goes to ``out``, int64 (1 + room,), behind those that ``out[0]``
        counts already, while there is room; ``out[0]`` is raised for every one. In the order of
        the device's stream: a caller waits before it reads.
        """
        ...


class Scanner:
    """Scans over all rows on one device."""

    def __init__(
        self,
        slabs: Slabs,
        engine: ScanEngine,
        memory: DeviceMemory,
        room: int = ROOM,
        most: int = MOST,
    ) -> None:
        """``room``: keys to make room for at first; ``most``: keys a piece may have."""
        self._slabs, self._engine, self._memory, self._most = slabs, engine, memory, most
        self._out = torch.empty(0, dtype=torch.int64, device=slabs.device)
        self._first_room = min(room, most)
        self.repeated = 0
        """Scans that had to be done again because the buffer was too small."""

    @property
    def nbytes(self) -> int:
        """Device memory of the buffer, bytes."""
        return self._out.nbytes

    def poison(self) -> None:
        """Fill the buffer with what is no key: for tests and benchmarks, before a scan."""
        self._out.fill_(POISON)

    def pieces(self, batch: Batch, begin: int, end: int) -> Iterator[torch.Tensor]:
        """The keys of rows ``begin``, a multiple of ``STEP``, to ``end``, int64, in no order.

        On the device, in one piece or several, each valid until the next is asked for; a caller may
        narrow ``batch.bounds`` between two. Raises ``DeviceMemoryError`` if not even the matches of
        ``STEP`` rows fit.
        """
        if begin >= end or not batch.count:
            return
        if len(self._out) < 1 + self._first_room:
            self._grow(self._first_room)
        found = self._scan(batch, begin, end)
        if found > self._room and found <= self._most and self._fits(found):
            self._grow(found)
            self.repeated += 1
            found = self._scan(batch, begin, end)
            assert found <= self._room
        if found <= self._room:
            yield self._out[1 : 1 + found]
            return
        self.repeated += 1
        if end - begin <= STEP:
            raise DeviceMemoryError(
                f"{found} matches of {batch.count} queries with {end - begin} codes are more than"
                f" the {min(self._most, self._memory.free // 8)} there is memory for"
            )
        middle = begin + max((end - begin) // 2 // STEP, 1) * STEP
        yield from self.pieces(batch, begin, middle)
        yield from self.pieces(batch, middle, end)

    @property
    def _room(self) -> int:
        return len(self._out) - 1

    def _fits(self, keys: int) -> bool:
        return 8 * (keys - self._room) <= self._memory.free

    def _grow(self, keys: int) -> None:
        self._memory.check(8 * (keys - self._room), "the matches of a search")
        # Let go of the old one first: what it holds is found again.
        self._memory.took(8 * (1 + keys) - self._out.nbytes)
        self._out = torch.empty(0, dtype=torch.int64, device=self._slabs.device)
        with self._memory.named("the matches of a search"):
            self._out = torch.empty(1 + keys, dtype=torch.int64, device=self._slabs.device)

    def _scan(self, batch: Batch, begin: int, end: int) -> int:
        """Scan, wait, and say how many matches there were, whether or not they fitted."""
        self._out[0] = 0
        for slab in self._slabs.slabs:
            low, high = max(begin - slab.first, 0), min(end - slab.first, slab.filled)
            if low < high:
                self._engine.scan(slab, low, high, batch, self._out)
        return int(self._out[0])
