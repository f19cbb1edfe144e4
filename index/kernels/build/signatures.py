"""The compiled kernels by name, and the arguments each takes: the one place that declares them.

``compiling`` makes an object file whose symbols these are, ``loading`` calls them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

PREFIX: Final = "lookalike_"
"""How the object's symbols begin."""


@dataclass(frozen=True)
class Array:
    """An argument that is an array: one dimension or more, C-contiguous."""

    dtype: np.dtype[Any]
    written: bool = False


_CODES, _LONGS = Array(np.dtype(np.uint8)), Array(np.dtype(np.int64))
_WORDS = Array(np.dtype(np.uint32))
_TO_BYTES, _TO_HALVES = Array(np.dtype(np.uint8), True), Array(np.dtype(np.uint16), True)
_TO_WORDS, _TO_LONGS = Array(np.dtype(np.uint32), True), Array(np.dtype(np.int64), True)
_NUMBER: Final = None

KERNELS: Final[Mapping[str, Sequence[Array | None]]] = {
    "answer": (_CODES, _LONGS, _LONGS, _TO_LONGS),
    "probe": (*[_LONGS] * 3, *[_NUMBER] * 4, *[_TO_LONGS] * 7),
    "scan": (_LONGS, _NUMBER, _NUMBER, _LONGS, _NUMBER, *[_TO_LONGS] * 4),
    "permute": (_CODES, _TO_LONGS),
    "count_table": (_LONGS, _NUMBER, _TO_WORDS),
    "fill_table": (_LONGS, _NUMBER, _WORDS, _TO_WORDS, _TO_HALVES, _TO_BYTES),
    "halve": (_LONGS, _TO_LONGS, _TO_LONGS),
    "find": (_LONGS, _WORDS, _LONGS, _TO_LONGS),
}
"""Every kernel's arguments, in order: arrays, and whole numbers where there is ``None``."""
