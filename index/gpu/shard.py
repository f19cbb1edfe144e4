"""The rows on one device, their ids, and searches over them, on one stream of the device

Changes and searches follow each other on that stream, so a search needs not wait for copies to be
done. Not safe to use from two threads at once: ``resident`` sees to that. It knows one device; not
the others among which ids are spread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, Codes
from index.contract.interface import Ids
from index.gpu.calibration import DEFAULT, ON_CPU, Calibration
from index.gpu.rows.directory import DISABLED, ENABLED, REMOVED, Directory, Rows, Tags
from index.gpu.rows.memory import DeviceMemory
from index.gpu.rows.slabs import SLAB_ROWS, Slabs
from index.gpu.rows.tags import DEAD, with_own
from index.gpu.scans.batch import make_batch
from index.gpu.scans.keys import Keys
from index.gpu.scans.neighbours import nearest_keys
from index.gpu.scans.plain import PlainEngine
from index.gpu.scans.replay import Replays
from index.gpu.scans.scanning import MOST, ROOM, ScanEngine, Scanner


class Shard:
    """The part of an index that one device holds."""

    def __init__(
        self,
        device: str,
        calibration: Calibration | None = None,
        budget: int | None = None,
        slab_rows: int = SLAB_ROWS,
        room: int = ROOM,
        most: int = MOST,
    ) -> None:
        """See ``GpuIndex``."""
        self.device = torch.device(device)
        self._stream: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]  # torch's
        self.memory = DeviceMemory(self.device, budget)
        self.slabs = Slabs(self.device, self.memory, slab_rows)
        self.directory = Directory()
        self.engine = _engine(self.device, calibration, self.memory)
        self.scanner = Scanner(self.slabs, self.engine, self.memory, room, most)
        self.replays = Replays(self.slabs, self.engine, self._stream)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """On this shard's device and stream."""
        if self._stream is None:
            yield
        else:
            with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
                yield

    def reserve(self, rows: int) -> None:
        """Make room; raises ``DeviceMemoryError`` and changes nothing that is seen."""
        with self.at_work():
            short = len(self.slabs) + rows > self.slabs.capacity
            if short and 4 * self.directory.present < 3 * len(self.directory):
                self.compact()
            self.slabs.reserve(rows)

    def append(self, ids: Ids, codes: Codes, tags: Tags) -> None:
        """Add rows there is room for; ``ids`` ascend and are not present."""
        with self.at_work():
            self.slabs.append(codes, tags)
            self.directory.append(ids, tags)

    def append_words(self, ids: Ids, words: torch.Tensor, tags: Tags) -> None:
        """``append`` of codes that are on the device already, as int32 (n, 8)."""
        if self._stream is not None:
            # They may still be being made, on the stream the caller is on.
            self._stream.wait_stream(torch.cuda.current_stream(self.device))
            words.record_stream(self._stream)
        with self.at_work():
            self.slabs.append_words(words, torch.from_numpy(tags).to(self.device))
            self.directory.append(ids, tags)

    def poison(self) -> None:
        """Fill what searches write to with what is no answer: for tests and benchmarks."""
        with self.at_work():
            self.scanner.poison()
            self.replays.poison()

    def remove(self, rows: Rows) -> None:
        """Take ``rows`` out; they are overwritten when half of all are such."""
        with self.at_work():
            self.slabs.set_tags(rows, np.full(len(rows), DEAD, np.int32))
            self.directory.mark(rows, REMOVED)
            if 2 * self.directory.present < len(self.directory):
                self.compact()

    def set_enabled(self, rows: Rows, enabled: bool) -> None:
        """Let ``rows`` take part in searches, or not."""
        with self.at_work():
            dead = np.full(len(rows), DEAD, np.int32)
            self.slabs.set_tags(rows, self.directory.tags(rows) if enabled else dead)
            self.directory.mark(rows, ENABLED if enabled else DISABLED)

    def set_own(self, rows: Rows, radius: int) -> None:
        """Let ``rows`` match at ``radius`` bits or nearer only."""
        with self.at_work():
            tags = with_own(self.directory.tags(rows), radius)
            self.directory.retag(rows, tags)
            live = self.directory.status(rows) == ENABLED
            self.slabs.set_tags(rows[live], tags[live])

    def clear(self) -> None:
        """Hold nothing, and let go of memory."""
        self.remove(self.directory.kept())

    def compact(self) -> None:
        """Close the gaps that removed rows left, in place, and let go of memory."""
        with self.at_work():
            kept = self.directory.kept()
            if len(kept) < len(self.directory):
                self.slabs.compact(kept)
                self.directory.compact(kept)

    def within(self, codes: Codes, bound: int, radii: NDArray[np.int32]) -> Iterator[Keys]:
        """Keys of all rows within ``bound``, bits, and the radii of their slots, in pieces."""
        with self.at_work():
            replayed = self.replays.answer(codes, bound, radii)
            if replayed.complete:
                yield replayed.keys
                return
            bounds = np.full(len(codes), bound, np.int32)
            batch = make_batch(codes, bounds, radii, self.device)
            for keys in self.scanner.pieces(batch, 0, len(self.slabs)):
                yield _fetched(keys)

    def nearest(self, codes: Codes, k: int, radii: NDArray[np.int32]) -> Keys:
        """Keys of the ``k`` nearest rows, and of ties of the last, among the slots in ``radii``."""
        with self.at_work():
            bounds = np.full(len(codes), CODE_BITS, np.int32)
            batch = make_batch(codes, bounds, radii, self.device)
            names = None if self.directory.ascending else self.directory.ids
            return _fetched(nearest_keys(self.scanner, batch, len(self.slabs), k, names))


def _fetched(keys: torch.Tensor) -> Keys:
    """``keys`` in host memory, through pinned memory."""
    if not keys.is_cuda:
        return keys.numpy().copy()
    host = torch.empty(len(keys), dtype=torch.int64, pin_memory=True)
    host.copy_(keys, non_blocking=True)
    torch.cuda.current_stream(keys.device).synchronize()
    return host.numpy().copy()


def _engine(
    device: torch.device, calibration: Calibration | None, memory: DeviceMemory
) -> ScanEngine:
    """Triton where it runs, which is on CUDA and in its interpreter; else torch."""
    if device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1":
        try:
            from index.gpu.scans.launching import TritonEngine
        except ImportError:
            pass
        else:
            return TritonEngine(calibration or DEFAULT, memory)
    return PlainEngine(calibration or (DEFAULT if device.type == "cuda" else ON_CPU))
