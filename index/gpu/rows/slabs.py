"""Codes in the memory of one device, as planes of words, changed in place

A slab holds up to ``SLAB_ROWS`` rows: plane *w* is word *w* (32 bits) of every row, so a kernel
reads a first few planes of all rows and the others of few rows only. Capacity grows by a quarter,
by new slabs rather than by moving what is there (only the last slab is ever enlarged). Rows are
numbered over all slabs; a row that no longer counts has the tag ``DEAD`` until ``compact`` moves
the others together. Not safe to use from two threads at once: see ``resident``.

It knows rows, words and tags; not ids or queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.codes import CODE_BYTES, Codes
from index.gpu.rows.directory import Rows, Tags
from index.gpu.rows.memory import DeviceMemory
from index.gpu.rows.tags import DEAD

WORDS: Final = CODE_BYTES // 4
ROW_BYTES: Final = CODE_BYTES + 4
STEP: Final = 4096
"""Capacities, and the places where a scan may begin, are multiples of this."""
SLAB_ROWS: Final = 1 << 24
"""Rows of a full slab: 576 MiB."""

_STAGED: Final = 1 << 20
"""Rows copied to the device at once, through pinned memory."""


@dataclass(eq=False)
class Slab:
    """Rows ``first`` and following."""

    first: int
    planes: torch.Tensor
    """int32 (8, capacity)."""
    tags: torch.Tensor
    """int32 (capacity,); ``DEAD`` beyond what is filled."""
    extent: torch.Tensor
    """int64 (2,), on the device: 0 and how many rows are filled."""
    filled: int = 0

    @property
    def capacity(self) -> int:
        """Rows it has room for."""
        return len(self.tags)


class Slabs:
    """All rows on one device."""

    def __init__(
        self, device: torch.device, memory: DeviceMemory, slab_rows: int = SLAB_ROWS
    ) -> None:
        """``slab_rows``: a multiple of ``STEP``, below 2^26 so that offsets fit 31 bits."""
        assert slab_rows % STEP == 0
        assert 0 < slab_rows < 1 << 26
        self.device, self._memory, self._slab_rows = device, memory, slab_rows
        self.slabs: list[Slab] = []
        self.version = 0
        """Grows when memory moves: what was captured with the old addresses is void."""

    def __len__(self) -> int:
        return sum(slab.filled for slab in self.slabs)

    @property
    def capacity(self) -> int:
        """Rows there is room for."""
        return sum(slab.capacity for slab in self.slabs)

    @property
    def nbytes(self) -> int:
        """Device memory, bytes."""
        return self.capacity * ROW_BYTES

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` more. Raises ``DeviceMemoryError`` and keeps what is there."""
        missing = len(self) + rows - self.capacity
        while missing > 0:
            wanted = max(missing, self.capacity // 4)
            last = self.slabs[-1] if self.slabs else None
            if last is not None and last.capacity < self._slab_rows:
                room = min(self._slab_rows, _steps(last.capacity + wanted))
                missing -= room - last.capacity
                self.slabs[-1] = self._enlarged(last, room)
            else:
                room = min(self._slab_rows, _steps(wanted))
                missing -= room
                self.slabs.append(self._empty(self.capacity, room))
            self.version += 1

    def append(self, codes: Codes, tags: Tags) -> None:
        """Add ``codes``, uint8 (n, 32), with their ``tags``; there must be room."""
        words = torch.from_numpy(codes.view(np.int32).reshape(-1, WORDS))
        marks = torch.from_numpy(tags)
        for start in range(0, len(words), _STAGED):
            part, some = words[start : start + _STAGED], marks[start : start + _STAGED]
            if self.device.type == "cuda":
                part, some = part.pin_memory(), some.pin_memory()
            self.append_words(
                part.to(self.device, non_blocking=True), some.to(self.device, non_blocking=True)
            )

    def append_words(self, words: torch.Tensor, tags: torch.Tensor) -> None:
        """Add ``words``, int32 (n, 8), and ``tags``, int32 (n,), that are on the device already."""
        done = 0
        for slab in self.slabs:
            taken = min(slab.capacity - slab.filled, len(words) - done)
            if taken <= 0:
                continue
            to = slice(slab.filled, slab.filled + taken)
            slab.planes[:, to] = words[done : done + taken].t()
            slab.tags[to] = tags[done : done + taken]
            slab.filled += taken
            slab.extent[1] = slab.filled
            done += taken
        assert done == len(words)

    def set_tags(self, rows: Rows, tags: Tags) -> None:
        """Give ``rows`` the ``tags``; ``DEAD`` takes them out of every search."""
        where = np.searchsorted([slab.first for slab in self.slabs], rows, "right") - 1
        for number in np.unique(where):
            mine, slab = where == number, self.slabs[number]
            places = torch.from_numpy(rows[mine] - slab.first).to(self.device)
            slab.tags[places] = torch.from_numpy(tags[mine]).to(self.device)

    def codes(self, rows: Rows) -> Codes:
        """The codes at ``rows``, uint8 (n, 32): for checks, not for speed."""
        out = np.empty((len(rows), WORDS), np.int32)
        where = np.searchsorted([slab.first for slab in self.slabs], rows, "right") - 1
        for number in np.unique(where):
            mine, slab = where == number, self.slabs[number]
            places = torch.from_numpy(rows[mine] - slab.first).to(self.device)
            out[mine] = slab.planes[:, places].t().cpu().numpy()
        return out.view(np.uint8)

    def compact(self, kept: Rows) -> None:
        """Keep only the rows ``kept``, ascending, numbered from 0; slabs left empty are let go."""
        done = 0
        for slab in self.slabs:
            low, high = np.searchsorted(kept, [slab.first, slab.first + slab.filled])
            places = torch.from_numpy(kept[low:high] - slab.first).to(self.device)
            # Gathered before anything is written, and never written beyond where it was read.
            words, tags = slab.planes[:, places], slab.tags[places]
            slab.filled = 0
            done = self._put(words, tags, done)
        for slab in self.slabs:
            slab.filled = min(max(done - slab.first, 0), slab.capacity)
            slab.extent[1] = slab.filled
            slab.tags[slab.filled :] = DEAD
        needed = [slab for slab in self.slabs if slab.filled]
        self._memory.took(-ROW_BYTES * sum(s.capacity for s in self.slabs[len(needed) :]))
        self.slabs = needed
        self.version += 1

    def _put(self, words: torch.Tensor, tags: torch.Tensor, row: int) -> int:
        """Write rows from ``row`` on, whatever stands there; returns the row after them."""
        done = 0
        for slab in self.slabs:
            start = row + done - slab.first
            taken = min(slab.capacity - start, len(tags) - done)
            if 0 <= start < slab.capacity and taken > 0:
                slab.planes[:, start : start + taken] = words[:, done : done + taken]
                slab.tags[start : start + taken] = tags[done : done + taken]
                done += taken
        return row + done

    def _empty(self, first: int, room: int) -> Slab:
        self._memory.check(room * ROW_BYTES, f"{room} more codes")
        with self._memory.named(f"{room} more codes"):
            slab = Slab(
                first,
                torch.zeros((WORDS, room), dtype=torch.int32, device=self.device),
                torch.full((room,), DEAD, dtype=torch.int32, device=self.device),
                torch.zeros(2, dtype=torch.int64, device=self.device),
            )
        self._memory.took(room * ROW_BYTES)
        return slab

    def _enlarged(self, slab: Slab, room: int) -> Slab:
        # While it is copied, both are held.
        larger = self._empty(slab.first, room)
        larger.planes[:, : slab.filled] = slab.planes[:, : slab.filled]
        larger.tags[: slab.filled] = slab.tags[: slab.filled]
        larger.filled = slab.filled
        larger.extent[1] = slab.filled
        self._memory.took(-slab.capacity * ROW_BYTES)
        return larger


def _steps(rows: int) -> int:
    """``rows``, rounded up to a multiple of ``STEP``."""
    return -(-rows // STEP) * STEP


def words_of(codes: Codes) -> NDArray[np.int32]:
    """``codes``, uint8 (n, 32), as words: int32 (n, 8)."""
    return np.ascontiguousarray(codes).view(np.int32).reshape(-1, WORDS)
