"""The work nobody should wait for: sealing, merging, saving.

One piece of work at a time, on a thread that lives only while there is some and gives way to
queries. A disk that is full or broken costs durability, not answers: the index goes on in memory,
says so, and tries again after later changes. It knows what is due and in which order; not how it is
done.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Final, Generic

from embeddings.cores import give_way
from index.contract.errors import DamagedFileError
from index.contract.numbered import Pace
from index.storage.holder import Holder
from index.storage.kind import RowKind, S
from index.storage.merging import SEAL_AT, mergeable, merged, sealed
from index.storage.scrub import Watch
from index.storage.snapshots import Folder, Snapshot

SAVE_EVERY: Final = 30.0
"""Seconds after which a change is saved even when nothing was sealed:

bounds what a restart replays.
"""


class Maintenance(Generic[S]):
    """Keeps one index in shape."""

    def __init__(
        self, kind: RowKind[S], holder: Holder[S], folder: Folder[S] | None, background: bool
    ) -> None:
        """``folder``: where to save, if anywhere; ``background``: whether to start threads."""
        self._kind = kind
        self._holder = holder
        self._folder = folder
        self._turn = 0 if folder is None else folder.turn
        self._background = background
        self._working = threading.Lock()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._saved = holder.moment()[0].version, holder.moment()[1]
        self._saved_at = time.monotonic()
        self._reshaped = False
        self.trouble = ""
        """Why the last save failed; empty when it did not."""

    def notice(self) -> None:
        """See to what a change has made due; what cannot be is told in ``trouble``."""
        if not self._due():
            return
        with self._starting:
            if self._background and self._thread is None:
                thread = threading.Thread(target=self._work, name="index-maintenance", daemon=True)
                try:
                    thread.start()
                except RuntimeError as failure:  # no thread to be had; the next change tries again
                    self.trouble = f"maintenance failed: {failure!r}"
                else:
                    self._thread = thread

    def catch_up(self) -> None:
        """Do now, in this thread, what is due."""
        with self._working:
            while self._step():
                continue

    def save(self) -> bool:
        """Save now, in this thread, what is in force; whether that succeeded."""
        with self._working:
            return self._save()

    def wait(self) -> None:
        """Wait for the thread, if one is at work."""
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join()

    def scrub(self, watch: Watch, pace: Pace, deep: bool) -> str:
        """What is wrong with the files of what is in force; they are written anew, soon.

        Where they were another process's, and that has ended, they are ours from now on.
        """
        with self._working:
            ours = self._ours()
        self.notice()
        if not ours or self._folder is None:
            return ""
        found: dict[str, str] = {}
        place = self._folder.path
        for part in self._holder.state.parts:
            if not part.file:
                continue
            said = watch.damage(place / part.file, "S", part.header_xxh64, pace, deep)
            # What was merged meanwhile is deleted on purpose.
            if said and any(now.file == part.file for now in self._holder.state.parts):
                found[part.file] = said
        with self._working:
            state, epoch = self._holder.moment()
            watch.keep({place / part.file for part in state.parts})
            for part in state.parts:
                if part.file in found:
                    self._holder.put_saved(part, replace(part, file="", header_xxh64=""), epoch)
            if said := self._folder.damage():
                found["manifest"] = said
            self._reshaped = self._reshaped or bool(found)
        self.notice()
        return "; ".join(found.values())

    def forget(self) -> None:
        """Let a restart find nothing: what was in memory was damaged, and may have been saved."""
        with self._working:
            if self._ours() and self._folder is not None and self._holder.lost:
                self._folder.forget()

    def stop(self) -> None:
        """Start no more threads, and wait for the one at work."""
        with self._starting:
            self._background = False
        self.wait()

    def _ours(self) -> bool:
        """Whether we may write to the folder. Of what is in memory nothing is in its files where
        they were another's meanwhile: those may be deleted by now, or hold something else."""
        try:
            if self._folder is None or not self._folder.take():
                return False
        except OSError as failure:
            self.trouble = f"not saved: {failure}"
            return False
        if self._turn != self._folder.turn:
            self._turn, self._reshaped, self.trouble = self._folder.turn, True, ""
            state, epoch = self._holder.moment()
            for part in state.parts:
                self._holder.put_saved(part, replace(part, file="", header_xxh64=""), epoch)
        return True

    def _work(self) -> None:
        give_way()
        while True:
            failed = False
            try:
                self.catch_up()
            except Exception as failure:  # noqa: BLE001 - a thread nobody joins must say what ended it
                self.trouble = f"maintenance failed: {failure!r}"
                failed = True
            with self._starting:
                # Whoever changes something after this check starts a new thread.
                if failed or not self._background or not self._due():
                    self._thread = None
                    return

    def _due(self) -> bool:
        state = self._holder.state
        if self._holder.lost:
            return False
        return len(state.delta) >= SEAL_AT or bool(mergeable(state.parts)) or self._save_due()

    def _save_due(self) -> bool:
        state, epoch = self._holder.moment()
        if self._folder is None or not (self._reshaped or self._saved != (state.version, epoch)):
            return False
        waited = time.monotonic() - self._saved_at
        # After a failure, or where it is another's folder, not at once again.
        soon = self._reshaped and not self.trouble and self._folder.writable
        return waited >= SAVE_EVERY or soon

    def _step(self) -> bool:
        """Do the most pressing piece of work; whether there was any."""
        state, epoch = self._holder.moment()
        if self._holder.lost:
            return False
        if len(state.delta) >= SEAL_AT:
            self._holder.put_sealed(sealed(self._kind, state.delta, 1), state.delta, epoch)
        elif chosen := mergeable(state.parts):
            parts = [state.parts[number] for number in chosen]
            self._holder.put_merged(merged(self._kind, parts, 1), parts, epoch)
        elif self._save_due():
            self._save()
            return False
        else:
            return False
        self._reshaped = True
        return True

    def _save(self) -> bool:
        if self._folder is None or self._holder.lost:
            return False
        self._saved_at = time.monotonic()
        if not self._ours():
            return False
        state, epoch = self._holder.moment()
        if not self._reshaped and self._saved == (state.version, epoch):
            return True
        try:
            parts = []
            for part in state.parts:
                if not part.file:
                    saved = self._folder.save_part(part, state.sequence)
                    self._holder.put_saved(part, saved, epoch)
                    part = saved
                parts.append(part)
            if len(state.delta):
                built = sealed(self._kind, state.delta, 1)
                if built is not None:
                    built = self._folder.save_part(built, state.sequence)
                    parts.append(built)
                self._holder.put_sealed(built, state.delta, epoch)
            self._folder.save(Snapshot(tuple(parts), state.sequence, state.mark))
        except (OSError, DamagedFileError) as failure:
            self.trouble = f"not saved: {failure}"
            return False
        self.trouble = ""
        self._reshaped = False
        self._saved = (state.version, epoch)
        return True
