"""What an index holds at one moment, and what each change makes of it.

States are values: a change returns a new one and leaves the old to its readers. It knows rows, ids
and sequences; not threads, files or how rows are searched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Ids
from index.storage import bitmap
from index.storage.bitmap import Bitmap
from index.storage.delta import Delta
from index.storage.kind import S

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeldSegment(Generic[S]):
    """A segment and which of its rows are still in force."""

    segment: S
    present: Bitmap
    """Rows that are not removed."""
    live: Bitmap
    """Rows that are present and enabled."""
    file: str = ""
    """Name of the file that holds the segment; empty while it is in memory alone."""
    header_xxh64: str = ""
    entries: int = field(init=False)
    """Rows present."""
    enabled: int = field(init=False)
    """Rows live."""

    def __post_init__(self) -> None:
        """Count the rows."""
        object.__setattr__(self, "entries", bitmap.count(self.present))
        object.__setattr__(self, "enabled", bitmap.count(self.live))

    @classmethod
    def fresh(cls, segment: S, live: Bitmap | None = None) -> HeldSegment[S]:
        """A segment all of whose rows are present; ``live`` defaults to all as well."""
        everything = bitmap.full(len(segment))
        return cls(segment, everything, everything if live is None else live)

    def __len__(self) -> int:
        """Rows, removed ones included."""
        return len(self.segment)

    def find(self, ids: Ids) -> Rows:
        """The rows of those of ``ids`` that are present."""
        rows = self.segment.find(ids)
        rows = rows[rows >= 0]
        return rows[bitmap.has(self.present, rows)]


@dataclass(frozen=True, eq=False)
class State(Generic[S]):
    """Everything a query needs."""

    parts: tuple[HeldSegment[S], ...]
    """Largest first, as far as merging has got."""
    delta: Delta
    sequence: int
    """The store's number of the last change that is in."""
    mark: str = ""
    """The store's name for what it held at that number."""
    version: int = 0
    """Counts changes, numbered by a store or not."""
    quick: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    """What ``quick`` keeps here."""

    @property
    def entries(self) -> int:
        """Rows present."""
        return sum(part.entries for part in self.parts) + bitmap.count(self.delta.present)

    @property
    def enabled(self) -> int:
        """Rows live."""
        return sum(part.enabled for part in self.parts) + bitmap.count(self.delta.live)


Bits = tuple[Bitmap, Bitmap]
"""(present, live)."""


def removed(rows: Rows, present: Bitmap, live: Bitmap) -> Bits:
    """What is left once ``rows`` are removed."""
    return bitmap.without_rows(present, rows), bitmap.without_rows(live, rows)


def disabled(rows: Rows, present: Bitmap, live: Bitmap) -> Bits:
    """With ``rows``, which are present, disabled."""
    return present, bitmap.without_rows(live, rows)


def enabled(rows: Rows, present: Bitmap, live: Bitmap) -> Bits:
    """With ``rows``, which are present, enabled."""
    return present, bitmap.with_rows(live, rows)


def marked(
    state: State[S], ids: Ids, change: Callable[[Rows, Bitmap, Bitmap], Bits]
) -> tuple[State[S], int]:
    """``state`` with ``change`` made to those of ``ids`` that are present, and how many these are.

    ``ids``: ascending, each once.
    """
    if not len(ids):
        return state, 0
    count, parts = 0, []
    for part in state.parts:
        rows = part.find(ids)
        count += len(rows)
        if len(rows):
            present, live = change(rows, part.present, part.live)
            part = replace(part, present=present, live=live)
        parts.append(part)
    delta = state.delta
    rows = delta.find(ids)
    if len(rows):
        present, live = change(rows, delta.present, delta.live)
        delta = replace(delta, present=present, live=live)
    return replace(state, parts=tuple(parts), delta=delta), count + len(rows)


def brought_up_to_date(
    built: HeldSegment[S], ids: Ids, was: tuple[Bitmap, Bitmap], now: tuple[Bitmap, Bitmap]
) -> HeldSegment[S]:
    """``built`` from rows as they *were*, after what has happened to them since.

    ``ids``: of the rows it was built from; ``was`` and ``now``: their (present, live). Rows are
    only ever removed or switched in place, never added.
    """
    gone = bitmap.members(was[0] & ~now[0], len(ids))
    off = bitmap.members(was[1] & ~now[1], len(ids))
    on = bitmap.members(now[1] & ~was[1], len(ids))
    present, live = built.present, built.live
    for rows, change in ((off, disabled), (on, enabled), (gone, removed)):
        if len(rows):
            present, live = change(built.find(np.sort(ids[rows])), present, live)
    return replace(built, present=present, live=live)
