"""The lock of a folder: at most one process writes there.

It lasts as long as the process, however that ends. It knows nothing of what the folder holds.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

TAKEN = "another process keeps these files: they are read, and nothing is saved"
"""What operators should know of an index whose folder is locked."""


class Lock:
    """Held by the first process that asks for it; others find it taken."""

    def __init__(self, folder: Path) -> None:
        """Ask once, making the folder if need be. Raises ``OSError`` if that cannot be done."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(folder / "LOCK", os.O_RDWR | os.O_CREAT, 0o600)
        self.held = True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.held = False

    def release(self) -> None:
        """Let others have it."""
        os.close(self._file)
