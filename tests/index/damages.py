"""What may happen to a file of an index while a server runs: done to the bytes, in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def zeroed(path: Path) -> None:
    """Every page is zeros, as after a lost write of a file system."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(bytes(size))


def flipped(path: Path) -> None:
    """One bit differs, in the middle of the first part; of a file without parts, in its header."""
    at = 4096 + 40 if path.stat().st_size > 4096 + 40 else 40
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 4]))


def truncated(path: Path) -> None:
    """Only the first page is left: reading beyond it through a map kills the process."""
    os.truncate(path, 4096)


def deleted(path: Path) -> None:
    """The name is gone."""
    path.unlink()


DAMAGES: tuple[Damage, ...] = (zeroed, flipped, truncated, deleted)
