"""The lock of a folder: at most one process writes there.

It lasts as long as the process, however that ends; who comes second has it then. A folder that was
deleted and made anew has another lock, so that nobody writes to what is another's by now. It knows
nothing of what the folder holds.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

TAKEN: Final = "another process keeps these files: they are read, and nothing is saved"
"""What operators should know of an index whose folder is locked."""


class Lock:
    """Held by the first process that asks for it; others find it taken. Not safe to use from
    several threads."""

    def __init__(self, folder: Path) -> None:
        """Ask once, making the folder if need be. Raises ``OSError`` if that cannot be done."""
        self._path = folder / "LOCK"
        self._file, self._over = -1, False
        self.held = False
        """Whether it was when it was asked for last."""
        self.turn = 0
        """How often it was got: between two turns the files were, or may have been, another's."""
        self.take()

    def take(self) -> bool:
        """Keep it, or ask again; whether it is held now. Raises as the constructor."""
        if self._over or (self.held and self._in_place()):
            return self.held
        self._let_go()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.held = True
        self.turn += 1
        return True

    def release(self) -> None:
        """Let others have it, for good."""
        self._over = True
        self._let_go()

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self.held = -1, False

    def _in_place(self) -> bool:
        """Whether the file that we hold is the one that others would ask for."""
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:
            return False
