"""The state in force, and how maintenance replaces pieces of it while changes go on.

Readers take ``state`` once, without a lock. Writers hold ``writing``. What maintenance built from
an older state is brought up to date with the changes made since, and dropped if the index was
rebuilt meanwhile. It knows states; not threads or files.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic

from index.storage import bitmap
from index.storage.delta import Delta
from index.storage.kind import S
from index.storage.state import HeldSegment, State, brought_up_to_date


class Holder(Generic[S]):
    """One reference to the state in force."""

    def __init__(self, state: State[S]) -> None:
        """``state``: what is in force at first."""
        self.writing = threading.Lock()
        self.state = state
        self.epoch = 0
        """Which rebuild the state stems from. Read and changed under ``writing``."""
        self.lost = ""
        """Why the state must be neither searched nor saved; empty while it may be."""

    def moment(self) -> tuple[State[S], int]:
        """The state in force and its epoch."""
        with self.writing:
            return self.state, self.epoch

    def put_sealed(self, built: HeldSegment[S] | None, delta: Delta, epoch: int) -> None:
        """Let ``built`` take the place of the rows it was made of, those of ``delta``."""
        with self.writing:
            if self.epoch != epoch:
                return
            now, rows = self.state.delta, len(delta)
            parts = self.state.parts
            if built is not None:
                since = (bitmap.head(now.present, rows), bitmap.head(now.live, rows))
                ids = delta.ids[:rows]
                was = (delta.present, delta.live)
                parts = (*parts, brought_up_to_date(built, ids, was, since))
            self.state = replace(self.state, parts=parts, delta=now.after(rows))

    def put_merged(
        self, built: HeldSegment[S] | None, merged: Sequence[HeldSegment[S]], epoch: int
    ) -> None:
        """Let ``built`` take the place of the parts it was made of."""
        with self.writing:
            if self.epoch != epoch:
                return
            now = {id(part.segment): part for part in self.state.parts}
            for old in merged:
                current = now.pop(id(old.segment))
                if built is not None:
                    built = brought_up_to_date(
                        built,
                        old.segment.ids,
                        (old.present, old.live),
                        (current.present, current.live),
                    )
            kept = [*now.values(), *([] if built is None else [built])]
            kept.sort(key=len, reverse=True)
            self.state = replace(self.state, parts=tuple(kept))

    def put_saved(self, old: HeldSegment[S], saved: HeldSegment[S], epoch: int) -> None:
        """Note which file the segment of ``saved`` is in now, or that it is in none any more."""
        with self.writing:
            if self.epoch != epoch:
                return
            parts = tuple(
                replace(part, file=saved.file, header_xxh64=saved.header_xxh64)
                if part.segment is old.segment
                else part
                for part in self.state.parts
            )
            self.state = replace(self.state, parts=parts)
