"""What an index keeps, looked at again and again, so that damage is noticed before it is a miss.

Arrays that never change are summed up when they are first seen and each time after; files are
compared with what their writer knows of them. It knows bytes; not what to do about damage.
"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from index.contract.errors import DamagedFileError
from index.contract.numbered import Pace
from index.files import container

_PIECE: Final = 1 << 20
"""Bytes summed up between two calls of a pace."""

_Signature = tuple[int, int, int]
"""Of a file: inode, bytes, time of the last change."""


class Watch:
    """Arrays and files that should stay as they are. Used by one thread."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._arrays: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._files: dict[Path, _Signature] = {}

    def changed(self, array: NDArray[Any], pace: Pace) -> bool:
        """Whether ``array``, of which nobody changes anything, holds something else than when it
        was first seen."""
        key, now = id(array), _summed(array, pace)
        known = self._arrays.get(key)
        if known is not None and known[0]() is array:
            return known[1] != now
        # Arrays that are gone leave with their sums; others may get their place in memory.
        forget = weakref.ref(array, lambda _: self._arrays.pop(key, None))
        self._arrays[key] = forget, now
        return False

    def damage(self, path: Path, kind: str, header_xxh64: str, pace: Pace, deep: bool) -> str:
        """What is wrong with a file that was written with this header; empty if nothing is.

        Unless ``deep``, a file that nobody touched since it was found whole is not read again.
        """
        try:
            about = path.stat()
            signature = about.st_ino, about.st_size, about.st_mtime_ns
            if not deep and self._files.get(path) == signature:
                return ""
            self._files.pop(path, None)
            if container.verify(path, kind, pace) != header_xxh64:
                return f"{path.name}: not what was written"
        except DamagedFileError as error:
            return str(error)
        except OSError as error:
            return f"{path.name}: {error.strerror or repr(error)}"
        self._files[path] = signature
        return ""

    def keep(self, paths: set[Path]) -> None:
        """Forget all files but ``paths``."""
        self._files = {path: seen for path, seen in self._files.items() if path in paths}


def _summed(array: NDArray[Any], pace: Pace) -> int:
    summed = xxhash.xxh64()
    view = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    for at in range(0, len(view), _PIECE):
        piece = view[at : at + _PIECE]
        summed.update(piece)
        pace(len(piece))
    return summed.intdigest()
