"""``FlatIndex`` behind the contract of ``numbered``: for machines where nothing faster runs.

It knows no files: after a start it is fed anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from embeddings.codes import Codes
from index.contract.changes import Applied, Changeable, Changes, Entries
from index.contract.errors import SequenceError
from index.contract.interface import Asked, Hits, IndexStats, Radius
from index.contract.numbered import Alarm, Pace
from index.flat.exact import FlatIndex


class NumberedFlatIndex(Changeable):
    """A ``NumberedIndex`` in memory."""

    needs_rebuild = ""

    def __init__(self, reason: str = "") -> None:
        """``reason``: why this one was chosen, for operators."""
        self._flat = FlatIndex()
        self._reason = reason
        self._sequence, self._mark = 0, ""
        self._writing = threading.Lock()

    @property
    def sequence(self) -> int:
        """See ``NumberedIndex``."""
        return self._sequence

    @property
    def mark(self) -> str:
        """See ``NumberedIndex``."""
        return self._mark

    def apply(self, changes: Changes, sequence: int | None = None, mark: str = "") -> Applied:
        """See ``NumberedIndex``."""
        with self._writing:
            if sequence is not None and sequence <= self._sequence:
                raise SequenceError(f"change {sequence} is not after {self._sequence}")
            applied = self._flat.apply(changes)
            if sequence is not None:
                self._sequence, self._mark = sequence, mark
        return applied

    def rebuild(self, entries: Iterable[Entries], sequence: int, mark: str = "") -> None:
        """See ``NumberedIndex``."""
        flat = FlatIndex()
        for batch in entries:
            flat.apply(Changes(add=batch))
        with self._writing:
            self._flat, self._sequence, self._mark = flat, sequence, mark

    def search(self, codes: Codes, radius: Radius, limit: int | None = None) -> Hits:
        """See ``CodeIndex``."""
        return self._flat.search(codes, radius, limit)

    def search_scored(
        self, codes: Codes, radius: Radius, asked: Asked, limit: int | None = None
    ) -> Hits:
        """See ``NumberedIndex``."""
        return self._flat.search_scored(codes, radius, asked, limit)

    def nearest(self, codes: Codes, k: int, groups: frozenset[int] | None = None) -> Hits:
        """See ``CodeIndex``."""
        return self._flat.nearest(codes, k, groups)

    def groups(self) -> frozenset[int]:
        """See ``NumberedIndex``."""
        return self._flat.groups()

    def scrub(self, pace: Pace, alarm: Alarm, deep: bool = True) -> str:
        """There are no files, and FAISS lets nobody look at its memory."""
        del pace, alarm, deep
        return ""

    def stats(self) -> IndexStats:
        """See ``CodeIndex``."""
        stats = self._flat.stats()
        return IndexStats(
            stats.kind, stats.entries, stats.enabled, stats.bytes, self._sequence, self._reason
        )

    def save(self) -> bool:
        """There is no place to save to."""
        return False

    def close(self) -> None:
        """There is nothing to let go of."""
