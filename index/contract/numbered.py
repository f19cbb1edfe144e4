"""Indexes that a store feeds with numbered changes: what they promise.

The store is the truth. It numbers its changes and gives each a mark, a name that no other store and
no other course of events has; after a start it applies those the index has not seen::

    index = open_index(path, space="lite0-256-7", signal="code", store=store_id)
    if index.needs_rebuild or not store.holds(index.sequence, index.mark):
        index.rebuild(store.entries(), store.sequence, store.mark)  # read in one transaction
    for change in store.changes(after=index.sequence):
        index.apply(change.changes, change.sequence, change.mark)

An index whose mark the store does not hold followed a store that was since restored from a backup:
hence the second condition. ``index.opening.open_index`` chooses the implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from embeddings.codes import Codes
from index.contract.changes import Additions, Applied, Changes
from index.contract.interface import Asked, CodeIndex, Hits, IndexStats, Radius

Alarm = Callable[[str], None]
"""Told what was damaged."""

Pace = Callable[[int], None]
"""Told of so many bytes that were read; may wait, or raise to give up."""


class Fed(Protocol):
    """What a store may feed: of codes or of digests."""

    @property
    def sequence(self) -> int:
        """The number of the last change that is in; 0 for none."""
        ...

    @property
    def mark(self) -> str:
        """The store's name for that change; empty where none was given."""
        ...

    @property
    def needs_rebuild(self) -> str:
        """Why ``rebuild`` must come before anything else; empty when it need not."""
        ...

    def apply(self, changes: Changes, sequence: int | None = None, mark: str = "") -> Applied:
        """Bring ``changes`` into force together, and with them the store's ``sequence``.

        All or nothing. Raises ``RowsError``, ``DuplicateIdError``, or ``SequenceError`` when
        ``sequence`` is not greater than the index's own.
        """
        ...

    def rebuild(self, entries: Iterable[Additions], sequence: int, mark: str = "") -> None:
        """Hold exactly ``entries``, which are the store's at ``sequence``."""
        ...

    def scrub(self, pace: Pace, alarm: Alarm, deep: bool = True) -> str:
        """Look whether all that never changes is still as it was, in memory and in files.

        Returns what is wrong with files, which are then written anew from memory; empty if nothing
        is. Of what changed in memory ``alarm`` is told, and after that ``needs_rebuild`` says so
        too. ``pace`` is told of the bytes that were looked at. Without ``deep``, files that nobody
        touched are not read again. One thread at a time.
        """
        ...

    def stats(self) -> IndexStats:
        """What the index holds now."""
        ...

    def save(self) -> bool:
        """Write a snapshot now, if there is a place for one; whether that succeeded."""
        ...

    def close(self) -> None:
        """Save, and let go of threads and files."""
        ...


class NumberedIndex(Fed, CodeIndex, Protocol):
    """A ``CodeIndex`` that knows which of a store's changes it holds, and scores what it finds."""

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """As ``search``, but of the codes within ``radius`` only those whose score with the query's
        descriptor reaches their group's threshold; ``Hits.scores`` says what each has.

        The ``limit`` counts what is left: codes that come near and do not score crowd nobody out.
        """
        ...

    def groups(self) -> frozenset[int]:
        """The groups of its rows; of rows that are removed, for a while too."""
        ...
