"""Memory that is searched: this process's own, on large pages, readable past its end.

It knows sizes and types; not what arrays mean.
"""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index.kernels.intrinsics import PADDING

_LARGE_PAGE: Final = 1 << 21


def allocated(size: int, kind: type[np.generic] | str) -> NDArray[Any]:
    """An uninitialised array of ``size`` numbers, on large pages where there are any."""
    needed = size * np.dtype(kind).itemsize
    if needed < _LARGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.frombuffer(mmap.mmap(-1, needed + PADDING), np.uint8)[:needed].view(kind)
    # Shared memory, the default, gets no large pages unless an administrator asked for them.
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    memory = mmap.mmap(-1, needed + PADDING + _LARGE_PAGE, flags=private)
    memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.uint8)
    # Only whole aligned pages can be large ones. What is cut off is never touched, so never there.
    start = -whole.ctypes.data % _LARGE_PAGE
    return whole[start : start + needed].view(kind)
