"""Working memory of searches, kept for the next one.

Kernels allocate nothing of size: they write into buffers that are taken from here and put back. As
many exist as queries have ever run at once. It knows sizes; not what is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.kernels.probing import DESK, RANGES, WAITING
from index.kernels.scanning import BLOCK

Longs = NDArray[np.int64]

_OUTPUT: Final = 1 << 13
_KEPT_OUTPUT: Final = 1 << 17
"""Larger outputs are given back to the system after the query that needed them."""


class Scratch:
    """Buffers of one running search."""

    def __init__(self) -> None:
        """Buffers of the usual sizes."""
        self.desk: Longs = np.empty(DESK, np.int64)
        self.ranges: Longs = np.empty(0, np.int64)
        self.waiting: Longs = np.empty(0, np.int64)
        self.queries: Longs = np.empty(_OUTPUT, np.int64)
        self.rows: Longs = np.empty(_OUTPUT, np.int64)
        self.distances: Longs = np.empty(_OUTPUT, np.int64)

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        buffers = (
            *(self.desk, self.ranges, self.waiting),
            *(self.queries, self.rows, self.distances),
        )
        return sum(buffer.nbytes for buffer in buffers)

    def for_tables(self) -> None:
        """Make room for a search through tables."""
        if not len(self.ranges):
            self.ranges = np.empty(RANGES, np.int64)
            self.waiting = np.empty(WAITING, np.int64)

    def grow(self, kept: int = 0, at_least: int = 0) -> None:
        """Make the output larger, keeping its first ``kept`` rows."""
        size = max(2 * len(self.rows), at_least)
        for name in ("queries", "rows", "distances"):
            larger = np.empty(size, np.int64)
            larger[:kept] = getattr(self, name)[:kept]
            setattr(self, name, larger)

    def for_scan(self, queries: int) -> None:
        """Make room for at least two blocks of a scan."""
        if len(self.rows) < 2 * BLOCK * queries:
            self.grow(at_least=2 * BLOCK * queries)


class ScratchPool:
    """Scratches that are free."""

    def __init__(self) -> None:
        """An empty pool."""
        # list.append and list.pop are atomic, so no lock is needed.
        self._free: list[Scratch] = []
        self.memories: list[tuple[Longs, int]] = []
        """Free working memories of ``answering``, int64 (MEMORY,) each, with their addresses."""

    @contextmanager
    def taken(self) -> Iterator[Scratch]:
        """A scratch for the duration of a search."""
        try:
            scratch = self._free.pop()
        except IndexError:
            scratch = Scratch()
        try:
            yield scratch
        finally:
            if len(scratch.rows) <= _KEPT_OUTPUT:
                self._free.append(scratch)

    @property
    def nbytes(self) -> int:
        """Memory of the free ones, bytes."""
        free = sum(scratch.nbytes for scratch in tuple(self._free))
        return free + sum(memory.nbytes for memory, _ in tuple(self.memories))
