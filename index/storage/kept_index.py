"""``KeptIndex``: rows of any kind, changed while they are searched, and kept in a folder.

Changes go into a small delta and are in force for the next query. A background thread seals the
delta into segments, merges segments as they grow, and saves snapshots; queries never wait for any
of it: each takes the state in force when it starts, and states never change.

The store that feeds the index is the truth, and numbers its changes. ``apply`` takes changes with
their number; a snapshot holds the state at one number; an index opened again says by ``sequence``
which, and the caller applies what is newer. A new folder opens empty at sequence 0. Where files are
missing, damaged, or another's, ``needs_rebuild`` says so, and the index refuses to answer or to
change until the caller has handed over all entries by ``rebuild``.

It knows sequences and files; not what its rows are or how they are searched: see ``kind``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Final, Generic, Self

import numpy as np

from embeddings.cores import available_cores
from index.contract.arguments import distinct_ids
from index.contract.changes import Additions, Applied, Changeable, Changes
from index.contract.errors import (
    ClosedIndexError,
    DamagedFileError,
    DuplicateIdError,
    RebuildNeededError,
    SequenceError,
)
from index.contract.interface import IndexStats
from index.contract.numbered import Alarm, Pace
from index.storage.delta import Delta
from index.storage.holder import Holder
from index.storage.kind import MOST_ROWS, RowKind, S
from index.storage.maintenance import Maintenance
from index.storage.rows import Rows, in_chunks, rows_of
from index.storage.scrub import Watch
from index.storage.snapshots import Folder
from index.storage.state import HeldSegment, State, disabled, enabled, marked, removed

BULK: Final = 65_536
"""Rows in one call from which they become a segment at once."""
_DELTA_MOST: Final = 262_144
"""Rows in the delta at which writers help with the backlog before they return."""


class KeptIndex(Changeable, Generic[S]):
    """See ``numbered.Fed``; whoever inherits says how its states are searched."""

    def __init__(
        self,
        kind: RowKind[S],
        folder: Folder[S] | None = None,
        threads: int | None = None,
        background: bool = True,
    ) -> None:
        """What ``folder`` holds, or an index in memory.

        ``threads``: most that building may use, all cores by default. ``background``: whether
        maintenance runs by itself, or only in ``maintain``.
        """
        self._kind = kind
        self._threads = available_cores() if threads is None else threads
        self._folder = folder
        self._no_rows = kind.columns(np.empty((0, kind.width), np.uint8))
        self._holder = Holder[S](State((), Delta.empty(self._no_rows), 0))
        if folder is not None:
            self._load(folder)
        self._maintenance = Maintenance(kind, self._holder, folder, background)
        self._watch = Watch()
        self._closed = False

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
        rows = rows_of(changes.add, self._kind.width)
        ids = [
            distinct_ids(some)
            for some in (changes.remove, changes.disable, changes.enable, rows.off)
        ]
        with self._holder.writing:
            self._check_ready()
            state = self._holder.state
            if sequence is not None and sequence <= state.sequence:
                raise SequenceError(f"change {sequence} is not after {state.sequence}")
            state, gone = marked(state, ids[0], removed)
            state = self._added(state, rows)
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
        return Applied(gone, len(rows.ids), off, on)

    def rebuild(self, entries: Iterable[Additions], sequence: int, mark: str = "") -> None:
        """Hold exactly ``entries``, which are the store's at ``sequence``, and save them.

        Until it returns, queries see what was there before. Other changes must wait. Raises
        ``RowsError`` or ``DuplicateIdError`` and changes nothing if the entries cannot be.
        """
        parts: list[HeldSegment[S]] = []
        for rows in in_chunks(entries, self._kind.width):
            columns = self._kind.columns(rows.payload)
            segment = self._kind.build(rows.ids, rows.groups, columns, self._threads)
            part = HeldSegment.fresh(segment)
            for earlier in parts:
                if len(twice := earlier.find(segment.ids)):
                    raise DuplicateIdError(int(earlier.segment.ids[twice[0]]), len(twice))
            present, live = disabled(part.find(rows.off), part.present, part.live)
            parts.append(HeldSegment(segment, present, live))
        with self._holder.writing:
            if self._closed:
                raise ClosedIndexError("the index has been closed")
            version, delta = self._holder.state.version + 1, Delta.empty(self._no_rows)
            self._holder.state = State(tuple(parts), delta, sequence, mark, version)
            self._holder.epoch += 1
            self._holder.lost = ""
        self._maintenance.save()

    def stats(self) -> IndexStats:
        """What the index holds now."""
        state = self._holder.state
        parts: dict[str, int] = {}
        for part in state.parts:
            for name, array in part.segment.parts().items():
                parts[name] = parts.get(name, 0) + array.nbytes
            parts["bitmaps"] = parts.get("bitmaps", 0) + part.present.nbytes + part.live.nbytes
        parts["delta"] = state.delta.nbytes
        taken = "" if self._folder is None else self._folder.trouble
        trouble = self.needs_rebuild or self._maintenance.trouble or taken
        return IndexStats(
            self._kind.name, state.entries, state.enabled, parts, state.sequence, trouble
        )

    def groups(self) -> frozenset[int]:
        """The groups of its rows; of rows that are removed, for a while too."""
        state = self._holder.state
        columns = [part.segment.groups for part in state.parts]
        columns.append(state.delta.groups[: len(state.delta)])
        return frozenset(int(group) for column in columns for group in np.unique(column))

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

    def _load(self, folder: Folder[S]) -> None:
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
        self._holder.state = State(
            snapshot.parts, Delta.empty(self._no_rows), snapshot.sequence, snapshot.mark
        )
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

    def _moment(self) -> State[S]:
        """What is in force. Raises where nothing may be answered from it."""
        if self._closed or self.needs_rebuild:
            self._check_ready()
        return self._holder.state

    def _check_ready(self) -> None:
        if self._closed:
            raise ClosedIndexError("the index has been closed")
        if self.needs_rebuild:
            raise RebuildNeededError(self.needs_rebuild)

    def _added(self, state: State[S], rows: Rows) -> State[S]:
        """``state`` and these rows, enabled."""
        ids, groups = rows.ids, rows.groups
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
        if len(ids) < BULK:
            columns = self._kind.columns(rows.payload)
            return replace(state, delta=state.delta.appended(ids, groups, columns))
        parts = list(state.parts)
        for at in range(0, len(ids), MOST_ROWS):
            cut = slice(at, at + MOST_ROWS)
            columns = self._kind.columns(rows.payload[cut])
            parts.append(
                HeldSegment.fresh(self._kind.build(ids[cut], groups[cut], columns, self._threads))
            )
        parts.sort(key=len, reverse=True)
        return replace(state, parts=tuple(parts))
