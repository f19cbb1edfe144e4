"""``NumberedDigestIndex``: a ``DigestIndex`` that a store feeds, and that survives a restart.

Its folder holds, beside ``LOCK``::

    DIGESTS   a container of kind "D": all that was in force at one change sequence

The header holds "signal", "lineage", "width", "sequence" and "mark"; the parts are those of one
layer: "ids" and "row_of_key" (int64), "groups" (int32), "status" (uint8, see ``rows``), "digests"
(uint8, row after row) and "keys" (the first eight bytes of each digest as a number, in ascending
order, kept as int64 with the same bits).

A file holds everything, so it is written when enough has changed, on a thread of its own, and at
the end. Like every file of an index it holds no truth of its own: what fails a check is not
searched, and the caller is asked to rebuild. It knows files and numbers; digests are ``digests``'.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from embeddings.cores import available_cores
from index.contract.changes import Applied, Changes, Entries
from index.contract.errors import (
    ClosedIndexError,
    DamagedFileError,
    RebuildNeededError,
    SequenceError,
)
from index.contract.interface import Hits, IndexStats
from index.contract.numbered import Alarm, Pace
from index.digests.digest_index import DigestIndex, DigestLayer, Digests
from index.digests.rows import Rows
from index.files import container
from index.files.locking import TAKEN, Lock
from index.segmented.scrub import Watch

FILE: Final = "DIGESTS"

SAVE_CHANGES: Final = 10_000
"""Changes that a restart may have to replay; of a large index, one in ``_SAVE_SHARE`` of it."""
_SAVE_SHARE: Final = 50


class NumberedDigestIndex:
    """See ``numbered.Fed``; searching is ``DigestIndex``'s."""

    def __init__(
        self, width: int, path: Path | None, signal: str, lineage: str = "", write: bool = True
    ) -> None:
        """The index in the folder ``path`` as it was saved last, or one in memory.

        Digests have ``width`` bytes. A folder that another process has open is read, and never
        written to; without ``write`` any is. Raises ``OSError`` if the folder cannot be made.
        """
        self._index = DigestIndex(width)
        self._path = path
        self._fields: dict[str, Any] = {"signal": signal, "lineage": lineage, "width": width}
        self._sequence, self._mark, self._changed, self._saved = 0, "", 0, 0
        self._writing, self._saving = threading.Lock(), threading.Lock()
        self._saver: threading.Thread | None = None
        self._closed = False
        self._watch, self._header = Watch(), ""
        self._lock = Lock(path) if path is not None and write else None
        self.needs_rebuild = ""
        """Why ``rebuild`` must come before anything else; empty when it need not."""
        self.trouble = ""
        """Why the last save failed; empty when it did not."""
        if path is not None and (path / FILE).exists():
            try:
                self._load(path)
            except (DamagedFileError, OSError) as failure:
                self.needs_rebuild = str(failure)
            except (KeyError, TypeError, ValueError) as failure:  # whole, and not as we write it
                self.needs_rebuild = f"{FILE}: of another release: {failure!r}"

    @property
    def width(self) -> int:
        """Bytes a digest."""
        return self._index.width

    @property
    def sequence(self) -> int:
        """The number of the last change that is in; 0 for none."""
        return self._sequence

    @property
    def mark(self) -> str:
        """The store's name for that change."""
        return self._mark

    def apply(self, changes: Changes, sequence: int | None = None, mark: str = "") -> Applied:
        """See ``Fed``."""
        with self._writing:
            self._check_ready()
            if sequence is not None and sequence <= self._sequence:
                raise SequenceError(f"change {sequence} is not after {self._sequence}")
            applied = self._index.apply(changes)
            self._changed += max(len(changes.remove), len(changes.add.ids), 1)
            if sequence is not None:
                self._sequence, self._mark = sequence, mark
            due = self._changed - self._saved >= max(SAVE_CHANGES, len(self._index) // _SAVE_SHARE)
            if due and self._writable and (self._saver is None or not self._saver.is_alive()):
                saver = threading.Thread(target=self.save, name="save-digests", daemon=True)
                try:
                    saver.start()
                except RuntimeError as failure:  # no thread to be had; the next change tries again
                    self.trouble = f"not saved: {failure}"
                else:
                    self._saver = saver
        return applied

    def rebuild(self, entries: Iterable[Entries], sequence: int, mark: str = "") -> None:
        """See ``Fed``; until it returns, queries see what was there before."""
        fresh = DigestIndex(self.width)
        batches = list(entries)
        if batches:
            everything = Entries(
                np.concatenate([batch.ids for batch in batches]),
                np.concatenate([batch.codes for batch in batches]),
                np.concatenate([batch.groups for batch in batches]),
                np.concatenate([_enabled(batch) for batch in batches]),
            )
            fresh.apply(Changes(add=everything))
        with self._writing:
            if self._closed:
                raise ClosedIndexError("the index has been closed")
            self._index, self._sequence, self._mark = fresh, sequence, mark
            self._changed += 1
            self.needs_rebuild = ""
        self.save()

    def search(self, digests: Digests, groups: frozenset[int] | None = None) -> Hits:
        """See ``DigestIndex``."""
        if self.needs_rebuild or self._closed:
            self._check_ready()
        return self._index.search(digests, groups)

    def scrub(self, pace: Pace, alarm: Alarm, deep: bool = True) -> str:
        """See ``Fed``."""
        index = self._index
        for layer in index.layers:
            for name, array in _arrays(layer).items():
                if self._watch.changed(array, pace):
                    self._lose(index, f"{name} of a layer changed in memory", alarm)
                    return ""
        header = self._header
        if self._path is None or not (self._writable and header) or self.needs_rebuild:
            return ""
        said = self._watch.damage(self._path / FILE, "D", header, pace, deep)
        with self._writing:
            if not said or self._header != header:  # or was it replaced meanwhile?
                return ""
            self._changed += 1
        self.save()
        return said

    def stats(self) -> IndexStats:
        """What the index holds now."""
        stats = self._index.stats()
        taken = TAKEN if self._lock is not None and not self._lock.held else ""
        trouble = self.needs_rebuild or self.trouble or taken
        return IndexStats(
            stats.kind, stats.entries, stats.enabled, stats.bytes, self._sequence, trouble
        )

    def save(self) -> bool:
        """Write what is in force; whether that succeeded (``stats().trouble`` says why not)."""
        if not self._writable or self._path is None:
            return False
        with self._saving:
            with self._writing:
                if self.needs_rebuild:
                    return False
                if self._changed == self._saved:
                    return True
                changed, index, layers = self._changed, self._index, self._index.layers
                fields = {**self._fields, "sequence": self._sequence, "mark": self._mark}
            try:
                parts = _parts(index.joined(layers))
                self._header = container.write(self._path / FILE, "D", fields, parts)
            except OSError as failure:
                self.trouble = f"not saved: {failure}"
                return False
            self.trouble, self._saved = "", changed
            return True

    def close(self) -> None:
        """Save, and let go of the folder; later queries fail."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
        try:
            if self._saver is not None:
                self._saver.join()
            if not self.needs_rebuild:
                self.save()
        finally:
            if self._lock is not None:
                self._lock.release()

    def _lose(self, damaged: DigestIndex, reason: str, alarm: Alarm) -> None:
        """Answer nothing until all entries were handed over, unless ``damaged`` is gone already.

        A restart finds nothing: what was damaged in memory may have been saved.
        """
        with self._writing:
            if self._index is not damaged:
                return
            alarm(reason)
            self.needs_rebuild = reason
        with self._saving, contextlib.suppress(OSError):
            if self._writable and self._path is not None and self.needs_rebuild:
                self._header = ""
                (self._path / FILE).unlink()

    @property
    def _writable(self) -> bool:
        return self._lock is not None and self._lock.held

    def _load(self, path: Path) -> None:
        contents = container.read(path / FILE, "D", available_cores())
        for key, mine in self._fields.items():
            if contents.fields.get(key) != mine:
                said = contents.fields.get(key)
                raise DamagedFileError(f"{FILE}: its {key} is {said!r}, not {mine!r}")
        self._header = contents.header_xxh64
        parts = contents.parts
        layer = DigestLayer(
            Rows(parts["ids"], parts["groups"], parts["status"]),
            parts["digests"].reshape(-1, self.width),
            parts["keys"].view(np.uint64),
            parts["row_of_key"],
        )
        self._index.restore(layer)
        self._sequence = int(contents.fields["sequence"])
        self._mark = str(contents.fields["mark"])

    def _check_ready(self) -> None:
        if self._closed:
            raise ClosedIndexError("the index has been closed")
        if self.needs_rebuild:
            raise RebuildNeededError(self.needs_rebuild)


def _enabled(batch: Entries) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(batch.ids), np.bool_) if batch.enabled is None else batch.enabled


def _arrays(layer: DigestLayer) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "ids": layer.rows.ids,
        "groups": layer.rows.groups,
        "status": layer.rows.status,
        "digests": layer.payload,
        "keys": layer.keys,
        "row_of_key": layer.row_of_key,
    }


def _parts(layer: DigestLayer) -> dict[str, np.ndarray[Any, Any]]:
    arrays = _arrays(layer)
    return {**arrays, "digests": layer.payload.reshape(-1), "keys": layer.keys.view(np.int64)}
