"""``SegmentedIndex``: exact search without reading most codes, fresh at once, kept on disk.

Changes go into a small delta and are in force for the next query. A background thread seals the
delta into segments, merges segments as they grow, and saves snapshots; queries never wait for any
of it: each takes the state in force when it starts, and states never change.

The store that feeds the index is the truth, and numbers its changes. ``apply`` takes changes with
their number; a snapshot holds the state at one number; after ``open``, ``sequence`` says which, and
the caller applies what is newer. A new folder opens empty at sequence 0. Where files are missing,
damaged, or another's, ``needs_rebuild`` says so, and the index refuses to answer or to change
until the caller has handed over all entries by ``rebuild``.

It knows sequences; not what store they come from. Searching is in ``searching``, files in
``snapshots``, merging in ``merging``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from embeddings.codes import CODE_BYTES, Codes, checked
from embeddings.cores import available_cores
from index.contract.arguments import checked_ids, checked_limit, checked_radius, checked_rows
from index.contract.changes import Applied, Changeable, Changes, Entries
from index.contract.errors import (
    ClosedIndexError,
    DamagedFileError,
    DuplicateIdError,
    RebuildNeededError,
    RowsError,
    SequenceError,
)
from index.contract.hits import Collector
from index.contract.interface import Asked, Groups, Hits, Ids, IndexStats, Radius
from index.contract.numbered import Alarm, Pace
from index.kernels.build.loading import warm_up
from index.search.batches import search_delta, search_part
from index.search.nearest import nearest
from index.search.planning import Explanation, Step
from index.search.scoring import Scorer
from index.search.single import ready
from index.search.workers import Workers
from index.segmented.holder import Holder
from index.segmented.maintenance import Maintenance
from index.segmented.scrub import Watch
from index.segmented.snapshots import Folder, Identity
from index.segments.building import build
from index.segments.delta import Delta
from index.segments.permutation import reordered
from index.segments.segment import MOST_ROWS
from index.segments.state import Part, State, disabled, enabled, marked, removed

_BULK: Final = 65_536
"""Rows in one call from which they become a segment at once."""
_DELTA_MOST: Final = 262_144
"""Rows in the delta at which writers help with the backlog before they return."""


class SegmentedIndex(Changeable):
    """A ``CodeIndex`` that also numbers its changes and survives a restart."""

    def __init__(
        self,
        folder: Folder | None = None,
        threads: int | None = None,
        background: bool = True,
    ) -> None:
        """An index in memory; use ``open`` for one with a folder.

        ``threads``: most threads one search may use, all cores by default. ``background``: whether
        maintenance runs by itself, or only in ``maintain``.
        """
        warm_up()
        self._threads = available_cores() if threads is None else threads
        self._folder = folder
        self._holder = Holder(State((), Delta.empty(), 0))
        self._workers = Workers(self._threads)
        if folder is not None:
            self._load(folder)
        self._maintenance = Maintenance(self._holder, folder, background)
        self._watch = Watch()
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        space: str,
        signal: str,
        lineage: str = "",
        threads: int | None = None,
        background: bool = True,
        write: bool = True,
    ) -> Self:
        """The index in the folder ``path``, as it was saved last.

        ``space``, ``signal`` and ``lineage`` (which store) must be those it was saved under, or it
        needs a rebuild. A folder that another process has open is read, and never written to;
        without ``write`` any is. Raises ``OSError`` if the folder cannot be made.
        """
        warm_up()
        return cls(Folder(path, Identity(space, signal, lineage), write), threads, background)

    @property
    def needs_rebuild(self) -> str:
        """Why all entries must be handed over by ``rebuild``; empty when the index holds what it
        should."""
        return self._holder.lost

    @property
    def sequence(self) -> int:
        """The number of the last change that is in; 0 for none."""
        return self._holder.state.sequence

    @property
    def mark(self) -> str:
        """The store's name for that change; empty where none was given."""
        return self._holder.state.mark

    def apply(self, changes: Changes, sequence: int | None = None, mark: str = "") -> Applied:
        """Bring ``changes`` into force together, and with them the store's ``sequence``.

        ``mark`` is the store's name for it. All or nothing: raises ``RowsError`` or
        ``DuplicateIdError`` for rows that cannot be, and ``SequenceError`` when ``sequence`` is not
        greater than the index's own.
        """
        rows = checked_rows(changes.add.ids, changes.add.codes, changes.add.groups, CODE_BYTES)
        ids = [
            np.unique(checked_ids(some))
            for some in (changes.remove, changes.disable, changes.enable, _off(changes.add))
        ]
        with self._holder.writing:
            self._check_ready()
            state = self._holder.state
            if sequence is not None and sequence <= state.sequence:
                raise SequenceError(f"change {sequence} is not after {state.sequence}")
            state, gone = marked(state, ids[0], removed)
            state = self._added(state, *rows)
            state, off = marked(state, ids[1], disabled)
            state, on = marked(state, ids[2], enabled)
            state, _ = marked(state, ids[3], disabled)
            self._holder.state = replace(
                state,
                sequence=state.sequence if sequence is None else sequence,
                mark=state.mark if sequence is None else mark,
                version=state.version + 1,
            )
        if len(self._holder.state.delta) > _DELTA_MOST:
            self._maintenance.catch_up()
        self._maintenance.notice()
        return Applied(gone, len(rows[0]), off, on)

    def rebuild(self, entries: Iterable[Entries], sequence: int, mark: str = "") -> None:
        """Hold exactly ``entries``, which are the store's at ``sequence``, and save them.

        Until it returns, queries see what was there before. Other changes must wait. Raises
        ``RowsError`` or ``DuplicateIdError`` and changes nothing if the entries cannot be.
        """
        parts: list[Part] = []
        for ids, codes, groups, off in _gathered(entries):
            segment = build(ids, groups, reordered(codes), self._threads)
            part = Part.fresh(segment)
            for earlier in parts:
                if len(twice := earlier.find(segment.ids)):
                    raise DuplicateIdError(int(earlier.segment.ids[twice[0]]), len(twice))
            present, live = disabled(part.find(off), part.present, part.live)
            parts.append(Part(segment, present, live))
        with self._holder.writing:
            if self._closed:
                raise ClosedIndexError("the index has been closed")
            version = self._holder.state.version + 1
            self._holder.state = State(tuple(parts), Delta.empty(), sequence, mark, version)
            self._holder.epoch += 1
            self._holder.lost = ""
        self._maintenance.save()

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``."""
        if self._closed or self.needs_rebuild:
            self._check_ready()
        state = self._holder.state
        # What was worked out for a radius vouches that it is one. See ``quick`` for why this is
        # terse.
        way = state.quick.get(radius) if type(radius) is int else None
        if way is None or limit is not None:
            radius, limit = checked_radius(radius), checked_limit(limit)
            way = ready(state, radius, self._workers)
        hits: Hits | None = None if way is None else way.answer(codes, limit)
        return self._search(checked(codes), radius, limit, None) if hits is None else hits

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """See ``NumberedIndex``."""
        self._check_ready()
        codes, limit = checked(codes), checked_limit(limit)
        scorer = Scorer(asked, len(codes))
        return self._search(codes, checked_radius(radius), limit, None, scorer)

    def use_threads(self, threads: int) -> None:
        """Let one search use so many threads from now on, the caller's included."""
        self._workers.use(threads)
        self._holder.state.quick.clear()

    def explain(self, codes: Codes, radius: Radius) -> list[Explanation]:
        """How each of ``codes`` is searched now: runs the search and says what it did."""
        self._check_ready()
        steps: list[list[Step]] = [[] for _ in range(len(codes))]
        self._search(checked(codes), checked_radius(radius), 1, steps)
        return [Explanation(tuple(mine)) for mine in steps]

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``."""
        self._check_ready()
        return nearest(self._holder.state, self._workers, checked(codes), k, groups)

    def groups(self) -> frozenset[int]:
        """See ``NumberedIndex``."""
        state = self._holder.state
        waiting = state.delta.groups[: len(state.delta)]
        columns = (*(part.segment.groups for part in state.parts), np.unique(waiting))
        return frozenset(int(group) for column in columns for group in column)

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        state = self._holder.state
        parts: dict[str, int] = {}
        for part in state.parts:
            for name, array in part.segment.parts().items():
                parts[name] = parts.get(name, 0) + array.nbytes
            parts["bitmaps"] = parts.get("bitmaps", 0) + part.present.nbytes + part.live.nbytes
        parts["delta"] = state.delta.nbytes
        parts["scratch"] = self._workers.scratch.nbytes
        taken = "" if self._folder is None else self._folder.trouble
        trouble = self.needs_rebuild or self._maintenance.trouble or taken
        return IndexStats("segmented", state.entries, state.enabled, parts, state.sequence, trouble)

    def scrub(self, pace: Pace, alarm: Alarm, deep: bool = True) -> str:
        """See ``Fed``. The newest rows, which are no segment yet, are not looked at."""
        state, epoch = self._holder.moment()
        for part in state.parts:
            bits = {"present": part.present, "live": part.live}
            for name, array in {**part.segment.parts(), **bits}.items():
                if self._holder.epoch != epoch:
                    return ""  # all was replaced: what we hold of it only takes room
                if self._watch.changed(array, pace):
                    self._lose(epoch, f"{name} of a segment changed in memory", alarm)
                    return ""
        return "" if self.needs_rebuild else self._maintenance.scrub(self._watch, pace, deep)

    def save(self) -> bool:
        """Save what is in force; whether that succeeded (``stats().trouble`` says why not)."""
        return not self._closed and self._maintenance.save()

    def maintain(self) -> None:
        """Do now what the background would do in time."""
        self._maintenance.catch_up()

    def settle(self) -> None:
        """Wait until the background has nothing left to do."""
        self._maintenance.wait()

    def close(self) -> None:
        """Save, and let go of threads and files; queries under way finish, later ones fail."""
        with self._holder.writing:
            if self._closed:
                return
            self._closed = True
        try:
            self._maintenance.stop()
            if not self.needs_rebuild:
                self._maintenance.save()
        finally:
            self._workers.close()
            if self._folder is not None:
                self._folder.close()

    def __enter__(self) -> Self:
        """The index itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _load(self, folder: Folder) -> None:
        if folder.is_new:
            return
        try:
            snapshot = folder.load(self._threads)
        except (DamagedFileError, OSError) as failure:
            self._holder.lost = str(failure)
            return
        except (KeyError, TypeError, ValueError) as failure:  # whole, and not as we write it
            self._holder.lost = f"its files are of another release: {failure!r}"
            return
        self._holder.state = State(snapshot.parts, Delta.empty(), snapshot.sequence, snapshot.mark)
        if folder.writable:
            folder.tidy(snapshot)

    def _lose(self, epoch: int, reason: str, alarm: Alarm) -> None:
        """Answer nothing until all entries were handed over, unless that was done since
        ``epoch``."""
        with self._holder.writing:
            if self._holder.epoch != epoch:
                return
            alarm(reason)
            self._holder.lost = reason
        self._maintenance.forget()

    def _search(
        self,
        codes: Codes,
        radius: Radius,
        limit: int | None,
        steps: list[list[Step]] | None,
        scorer: Scorer | None = None,
    ) -> Hits:
        state, out = self._holder.state, Collector(len(codes), limit, scorer is not None)
        if len(codes):
            queries = reordered(codes)
            for part in state.parts:
                search_part(part, queries, radius, self._workers, out, steps, scorer)
            search_delta(state.delta, queries, radius, self._workers, out, steps, scorer)
        return out.hits()

    def _check_ready(self) -> None:
        if self._closed:
            raise ClosedIndexError("the index has been closed")
        if self.needs_rebuild:
            raise RebuildNeededError(self.needs_rebuild)

    def _added(self, state: State, ids: Ids, codes: Codes, groups: Groups) -> State:
        """``state`` and enabled rows, sorted by id."""
        if not len(ids):
            return state
        present = np.concatenate(
            [
                *(part.segment.ids[part.find(ids)] for part in state.parts),
                state.delta.ids[state.delta.find(ids)],
            ]
        )
        if len(present):
            raise DuplicateIdError(int(present[0]), len(present))
        words = reordered(codes)
        if len(ids) < _BULK:
            return replace(state, delta=state.delta.appended(ids, groups, words))
        parts = list(state.parts)
        for at in range(0, len(ids), MOST_ROWS):
            rows = slice(at, at + MOST_ROWS)
            segment = build(
                ids[rows], groups[rows], words[4 * at : 4 * (at + MOST_ROWS)], self._threads
            )
            parts.append(Part.fresh(segment))
        parts.sort(key=len, reverse=True)
        return replace(state, parts=tuple(parts))


def _off(entries: Entries) -> Ids:
    """The ids of entries that are not enabled. Raises ``RowsError``."""
    if entries.enabled is None:
        return np.empty(0, np.int64)
    ids, enabled = checked_ids(entries.ids), np.asarray(entries.enabled)
    if enabled.dtype != np.bool_ or enabled.shape != ids.shape:
        expected = f"bool ({len(ids)},)"
        raise RowsError(f"enabled must be {expected}, not {enabled.dtype} {enabled.shape}")
    return ids[~enabled]


def _gathered(entries: Iterable[Entries]) -> Iterator[tuple[Ids, Codes, Groups, Ids]]:
    """Batches as chunks a segment can hold: ids, codes, groups, and ids that are not enabled."""
    waiting: list[tuple[Ids, Codes, Groups, Ids]] = []
    rows = 0
    for batch in entries:
        for at in range(0, len(batch.ids), MOST_ROWS):
            cut = slice(at, at + MOST_ROWS)
            ids, codes, groups = checked_rows(
                batch.ids[cut], batch.codes[cut], batch.groups[cut], CODE_BYTES
            )
            if rows + len(ids) > MOST_ROWS:
                yield _joined(waiting)
                waiting, rows = [], 0
            enabled = None if batch.enabled is None else batch.enabled[cut]
            off = _off(Entries(batch.ids[cut], enabled=enabled))
            waiting.append((ids, codes, groups, off))
            rows += len(ids)
    if rows:
        yield _joined(waiting)


def _joined(waiting: list[tuple[Ids, Codes, Groups, Ids]]) -> tuple[Ids, Codes, Groups, Ids]:
    ids, codes, groups, off = (np.concatenate(column) for column in zip(*waiting, strict=True))
    return *checked_rows(ids, codes, groups, CODE_BYTES), np.sort(off)
