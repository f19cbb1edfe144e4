"""``GpuIndex``: every code compared with every query, in the memory of one device or several

Exact at every radius. A change is in force when the call returns; searches and changes take turns,
so a search sees all of a change or none. New codes go to the device with the fewest; each device
searches its own and the answers are put together. It knows ids, groups and devices; how one device
holds and searches codes is in ``shard``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, CODE_BYTES, Codes, checked
from index.contract.arguments import (
    checked_ids,
    checked_limit,
    checked_neighbours,
    checked_radius,
    checked_rows,
    widest,
)
from index.contract.changes import Additions, Applied, Changeable, Changes
from index.contract.errors import ClosedIndexError, DuplicateIdError, RadiusError, SequenceError
from index.contract.hits import Collector, first
from index.contract.interface import Hits, Ids, IndexStats, Radius
from index.gpu.calibration import Calibration
from index.gpu.rows.directory import Tags
from index.gpu.rows.slabs import SLAB_ROWS
from index.gpu.rows.tags import GroupSlots
from index.gpu.scans.keys import MOST_QUERIES, Keys, taken_apart
from index.gpu.scans.scanning import MOST, ROOM
from index.gpu.shard import Shard

_SPREAD_FROM: Final = 1 << 16
"""Codes in one call from which they are spread over all devices."""


class GpuIndex(Changeable):
    """A ``NumberedIndex`` in the memory of devices; fed anew at each start. Safe for threads."""

    needs_rebuild = ""

    def __init__(
        self,
        devices: Sequence[str],
        calibration: Calibration | None = None,
        budget: int | None = None,
        slab_rows: int = SLAB_ROWS,
        room: int = ROOM,
        most: int = MOST,
    ) -> None:
        """``devices``: as torch names them, ``cpu`` included; one given twice holds two parts.

        ``budget``: bytes to hold at most on each; what is free by default. ``slab_rows``, ``room``
        and ``most``: see ``slabs`` and ``scanning``.
        """
        assert devices
        self.shards = [
            Shard(device, calibration, budget, slab_rows, room, most) for device in devices
        ]
        self._slots = GroupSlots()
        self._sequence, self._mark = 0, ""
        self._turn = threading.RLock()
        self._closed = False
        self._pool = (
            ThreadPoolExecutor(len(devices), "lookalike-device") if len(devices) > 1 else None
        )

    @property
    def sequence(self) -> int:
        """See ``NumberedIndex``."""
        return self._sequence

    @property
    def mark(self) -> str:
        """See ``NumberedIndex``."""
        return self._mark

    def groups(self) -> frozenset[int]:
        """See ``NumberedIndex``; of removed rows too, until the index is rebuilt."""
        return frozenset(self._slots.all.tolist())

    def set_radius(self, ids: Ids, radius: int) -> int:
        """Let entries match at ``radius`` bits or nearer, whatever a search's own radius is.

        A radius of 256 takes that bound away again. Those that are absent are passed over. Returns
        how many were present.
        """
        if not 0 <= radius <= CODE_BITS:
            raise RadiusError(f"a radius is 0..{CODE_BITS} bits, not {radius}")
        with self._turn:
            self._check_open()
            return self._marked(ids, lambda shard, rows: shard.set_own(rows, radius))

    def apply(self, changes: Changes, sequence: int | None = None, mark: str = "") -> Applied:
        """See ``NumberedIndex``; also raises ``DeviceMemoryError``, and changes nothing."""
        added = changes.add
        ids, codes, groups = checked_rows(added.ids, added.codes, added.groups, CODE_BYTES)
        gone, off, on = map(checked_ids, (changes.remove, changes.disable, changes.enable))
        unused = np.empty(0, np.int64)
        if added.enabled is not None:
            unused = checked_ids(added.ids)[~np.asarray(added.enabled, np.bool_)]
        with self._turn:
            self._check_open()
            if sequence is not None and sequence <= self._sequence:
                raise SequenceError(f"change {sequence} is not after {self._sequence}")
            staying = np.setdiff1d(ids, gone)
            twice = [shard.directory.find(staying) for shard in self.shards]
            if count := sum(map(len, twice)):
                example = next(
                    int(shard.directory.ids(rows)[0])
                    for shard, rows in zip(self.shards, twice, strict=True)
                    if len(rows)
                )
                raise DuplicateIdError(example, count)
            tags = self._slots.tags(groups)
            parts = self._parts(len(ids))
            for shard, part in parts:
                shard.reserve(part.stop - part.start)
            removed = self._marked(gone, lambda shard, rows: shard.remove(rows))
            for shard, part in parts:
                shard.append(ids[part], codes[part], tags[part])
            disabled = self._marked(off, lambda shard, rows: shard.set_enabled(rows, False))
            enabled = self._marked(on, lambda shard, rows: shard.set_enabled(rows, True))
            self._marked(unused, lambda shard, rows: shard.set_enabled(rows, False))
            if sequence is not None:
                self._sequence, self._mark = sequence, mark
        return Applied(removed, len(ids), disabled, enabled)

    def rebuild(self, entries: Iterable[Additions], sequence: int, mark: str = "") -> None:
        """See ``NumberedIndex``; searches wait. What was held goes first: two may not fit.

        Raises ``RowsError``, ``DuplicateIdError`` or ``DeviceMemoryError``; then it holds nothing.
        """
        with self._turn:
            self._check_open()
            self._clear()
            try:
                for batch in entries:
                    self.apply(Changes(add=batch))
            except BaseException:
                self._clear()
                self._sequence, self._mark = 0, ""
                raise
            self._sequence, self._mark = sequence, mark

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``; raises ``DeviceMemoryError`` for answers beyond measure."""
        codes, radius, limit = checked(codes), checked_radius(radius), checked_limit(limit)
        bound = widest(radius)
        out = Collector(len(codes), limit)
        if bound < 0:
            return out.hits()
        with self._turn:
            self._check_open()
            radii = self._slots.radii(radius)
            for start in range(0, len(codes), MOST_QUERIES):
                part = codes[start : start + MOST_QUERIES]

                def gather(shard: Shard, part: Codes = part, start: int = start) -> None:
                    for keys in shard.within(part, bound, radii):
                        self._collect(shard, keys, start, out)

                self._on_all(gather)
        return out.hits()

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``; raises ``DeviceMemoryError`` for answers beyond measure."""
        codes, k = checked(codes), checked_neighbours(k)
        out = Collector(len(codes))
        with self._turn:
            self._check_open()
            chosen = CODE_BITS if groups is None else dict.fromkeys(groups, CODE_BITS)
            radii = self._slots.radii(chosen)
            for start in range(0, len(codes), MOST_QUERIES):
                part = codes[start : start + MOST_QUERIES]

                def gather(shard: Shard, part: Codes = part, start: int = start) -> None:
                    self._collect(shard, shard.nearest(part, k, radii), start, out)

                self._on_all(gather)
        return first(out.hits(), k)

    def add_words(self, first: int, words: Sequence[torch.Tensor], group: int = 0) -> None:
        """Add codes that are on the devices already, one part a device, ids from ``first`` on.

        ``words``: int32 (n, 8) each; ``first`` is above every id so far. For sets that are made
        where they are searched. Raises ``DeviceMemoryError``.
        """
        with self._turn:
            self._check_open()
            tag = self._slots.tags(np.array([group], np.int32))
            for shard, part in zip(self.shards, words, strict=True):
                shard.reserve(len(part))
            for shard, part in zip(self.shards, words, strict=True):
                ids = np.arange(first, first + len(part), dtype=np.int64)
                shard.append_words(ids, part, np.repeat(tag, len(part)))
                first += len(part)

    def use(self, calibration: Calibration) -> None:
        """Search by ``calibration`` from now on."""
        with self._turn:
            for shard in self.shards:
                shard.engine.calibration = calibration

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        with self._turn:
            shards = self.shards
            where = ", ".join(dict.fromkeys(str(shard.device) for shard in shards))
            return IndexStats(
                f"{shards[0].engine.name} on {where}",
                sum(shard.directory.present for shard in shards),
                sum(shard.directory.enabled for shard in shards),
                {
                    "codes": sum(shard.slabs.nbytes for shard in shards),
                    "ids": sum(shard.directory.nbytes for shard in shards),
                    "results": sum(shard.scanner.nbytes for shard in shards),
                },
                self._sequence,
                "; ".join(dict.fromkeys(s.replays.trouble for s in shards if s.replays.trouble)),
            )

    def compact(self) -> None:
        """Let go of the memory of removed entries now; it happens by itself when half are."""
        with self._turn:
            self._on_all(lambda shard: shard.compact())

    def save(self) -> bool:
        """There is no place to save to."""
        return False

    def close(self) -> None:
        """Let go of the devices' memory; what comes after raises ``ClosedIndexError``."""
        with self._turn:
            if not self._closed:
                self._clear()
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedIndexError("the index has been closed")

    def _clear(self) -> None:
        for shard in self.shards:
            shard.clear()

    def _parts(self, count: int) -> list[tuple[Shard, slice]]:
        """Which of ``count`` new rows go to which device."""
        if not count:
            return []
        if count < _SPREAD_FROM or len(self.shards) == 1:
            fewest = min(self.shards, key=lambda shard: shard.directory.present)
            return [(fewest, slice(0, count))]
        edges = np.linspace(0, count, len(self.shards) + 1).astype(int).tolist()
        return [
            (shard, slice(low, high))
            for shard, low, high in zip(self.shards, edges[:-1], edges[1:], strict=True)
        ]

    def _marked(self, ids: Ids, mark: Callable[[Shard, NDArray[np.int64]], None]) -> int:
        """Find ``ids`` on every device and ``mark`` their rows; returns how many there were."""
        distinct, marked = np.unique(checked_ids(ids)), 0
        for shard in self.shards if len(distinct) else ():
            rows = shard.directory.find(distinct)
            if len(rows):
                mark(shard, rows)
            marked += len(rows)
        return marked

    def _on_all(self, work: Callable[[Shard], None]) -> None:
        """Do ``work`` on all devices, side by side where there are several."""
        if self._pool is None:
            work(self.shards[0])
        else:
            for _ in self._pool.map(work, self.shards):
                pass

    def _collect(self, shard: Shard, keys: Keys, start: int, out: Collector) -> None:
        queries, distances, rows = taken_apart(keys)
        tags: Tags = shard.directory.tags(rows)
        out.add(queries + start, shard.directory.ids(rows), self._slots.groups(tags), distances)
