"""The files of an SQLite store, and whether they are still those that were opened.

A file that is moved, deleted or replaced stays open in whoever has it: what is written goes on to
one that nobody finds again. SQLite does not notice, neither for its database nor for the two files
beside it: the log, in which all that was committed lately is, and the memory through which
processes share their locks. It knows files; not what is in them.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final, NamedTuple

from service.domain.errors import StoreReplacedError

_LOG: Final = "-wal"
_SHARED: Final = "-shm"
_PATIENCE: Final = 2.0
"""Seconds that a rescue waits for readers."""


class _Found(NamedTuple):
    """A file, by its device and inode; all 0 where there is none."""

    device: int = 0
    inode: int = 0
    size: int = 0


class Files:
    """Those of one open database; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Remember what is there now. Raises ``sqlite3.Error``."""
        self._path = path
        # While anybody has the database open, SQLite keeps both files beside it. So a connection
        # is held open here: if they are others later, somebody else did that.
        self._held = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        self._held.execute("SELECT count(*) FROM sqlite_master").fetchall()
        self._opened = {end: self._found(end) for end in ("", _LOG, _SHARED)}
        self._rescuing = threading.Lock()
        self._rescued = False

    def check(self) -> None:
        """Raise ``StoreReplacedError`` unless all are those that were opened, whole."""
        path, was = self._path, self._opened[""]
        now = self._found("")
        if now[:2] != was[:2]:
            raise StoreReplacedError(
                f"{path} is not the file that was opened: it was moved, deleted or replaced;"
                " put it back, or restart to use what is there now"
            )
        if now.size < was.size:
            raise StoreReplacedError(
                f"{path} was cut short or compacted by another program; restart to use what is"
                " there now, or restore a backup"
            )
        self._opened[""] = now  # the database grows, and only ever that
        if self._is_another(_SHARED):
            raise StoreReplacedError(
                f"{path}{_SHARED} was moved, deleted or replaced, so that processes do not know of"
                " each other's writes: put it back, or restart all that use the store"
            )
        if self._is_another(_LOG):
            kept = (
                f"what it held was written to {path.name}: put it back, or restart"
                if self._rescue()
                else "it holds what was acknowledged: put it back, or end this server in an orderly"
                f" way, which writes that to {path.name}"
            )
            raise StoreReplacedError(f"{path}{_LOG} was moved, deleted or replaced; {kept}")
        self._rescued = False

    def close(self) -> None:
        """Let go of the database."""
        self._held.close()

    def _rescue(self) -> bool:
        """Write to the database what was committed to a log that is gone, once; whether that was
        done."""
        with self._rescuing:
            if self._rescued:
                return True
            if self._found(_LOG).size:
                return False  # somebody writes to another log: ours may no longer be the newer
            try:
                # Our connections have the lost file open. A power cut, or a kill, ends that.
                busy, _, _ = self._held.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            except sqlite3.Error:
                return False
            self._rescued = not busy
            return self._rescued

    def _is_another(self, end: str) -> bool:
        return self._found(end)[:2] != self._opened[end][:2]

    def _found(self, end: str) -> _Found:
        try:
            about = self._path.with_name(self._path.name + end).stat()
        except OSError:
            return _Found()
        return _Found(about.st_dev, about.st_ino, about.st_size)
