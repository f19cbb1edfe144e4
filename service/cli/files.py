"""Paths from the command line to the bytes of files, in a fixed order.

A folder is walked recursively, entries sorted by name. Symbolic links are followed, but not into a
folder that is being walked already. Everything in a folder is tried, whatever its name: an image
may hide behind any, and what is passed over in silence is a silent miss. It knows no image format.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from service.domain.errors import ServiceError


class FileUnreadableError(ServiceError):
    """A path from which no bytes can be had."""

    code = "unreadable_file"


class FileMissingError(FileUnreadableError):
    """Nothing is at this path."""

    code = "file_not_found"


class NotAFileError(FileUnreadableError):
    """A device, a pipe or a socket: reading it might never end."""

    code = "not_a_file"


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Every path that is not a folder, and every file in those that are.

    A folder that cannot be listed comes out as a path of its own, so that reading it says why.
    """
    # A stack of our own: folders may be nested deeper than Python's.
    waiting = [(path, frozenset[tuple[int, int]]()) for path in reversed(list(paths))]
    while waiting:
        path, above = waiting.pop()
        try:
            found = path.stat()
            identity = (found.st_dev, found.st_ino)
            inside = sorted(path.iterdir(), reverse=True) if stat.S_ISDIR(found.st_mode) else None
        except (OSError, ValueError):
            inside = None
        if inside is None:
            yield path
        elif identity not in above:
            waiting += [(entry, above | {identity}) for entry in inside]


def read(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file, at most one more than ``max_bytes``: the decoder refuses the rest.

    Raises ``FileUnreadableError``.
    """
    try:
        # Asked before it is opened: opening a pipe would wait for somebody to write into it.
        if not stat.S_ISREG(path.stat().st_mode):
            if path.is_dir():
                next(path.iterdir(), None)  # says why it could not be walked
            raise NotAFileError("not a file: a folder, a device, a pipe or a socket")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except FileNotFoundError:
        raise FileMissingError("there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise FileUnreadableError(f"cannot be read: {(reason or str(error)).lower()}") from None
