"""The pictures a file may show: the one browsers show on a white page, and others it can pass for.

Programs differ. Some show transparency on black, some ignore what a file says of its colours, some
show the thumbnail that a camera put beside the picture. Whoever makes a file can make these differ,
so that one is innocent and another is not: so those that look different are handed on as well. It
knows pixels; what becomes of them is not its business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST: Final = 4
"""Further pictures of one file that are looked at."""

_MOST_PIXELS: Final = 2**22
"""Of a further picture that is handed on: a hash needs no more, and the first keeps all it has."""
_CELLS: Final = 64
_LEAST_LEFT: Final = 0.6
_DIFFERENT: Final = 10.0
"""Levels, the root of the mean square over all cells."""
_ALIKE: Final = 0.97
"""Correlation of the cells: what colour profiles in use do to a picture leaves more than that."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture that a file may show."""

    name: str
    """``on_black``, ``stored_colours``, ``opaque``, ``thumbnail``..."""
    rgb: NDArray[np.uint8]
    """uint8 (h, w, 3), C-contiguous: sRGB, upright; perhaps reduced."""
    width: int
    """Pixels of the full size."""
    height: int
    """Pixels of the full size."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture that may be one more, or the same again."""

    name: str
    image: Image.Image
    """In mode RGB, upright; perhaps reduced."""
    size: tuple[int, int]
    """Width and height, pixels, of the full size."""


def different(main: Image.Image, others: Iterable[Shown]) -> list[Picture]:
    """Those of ``others`` that look neither like ``main``, mode RGB, nor like one before."""
    seen: list[NDArray[np.float32]] = []
    found: list[Picture] = []
    for other in others:
        seen = seen or [_cells(main)]
        cells = _cells(other.image)
        if all(_differ(cells, one) for one in seen):
            pixels = other.image.width * other.image.height
            small = other.image.reduce(math.isqrt(-(-pixels // _MOST_PIXELS) - 1) + 1)
            found.append(Picture(other.name, np.array(small), *other.size))
            seen.append(cells)
    return found


def without_bars(shown: Shown, size: tuple[int, int]) -> Shown:
    """A thumbnail without the bars that made it fit: its middle, in the shape of ``size``, width
    and height; the whole where that would leave little of it."""
    width, height = shown.image.size
    across = min(width, max(1, round(height * size[0] / size[1])))
    down = min(height, max(1, round(width * size[1] / size[0])))
    if across * down < _LEAST_LEFT * width * height or (across, down) == (width, height):
        return shown
    left, top = (width - across) // 2, (height - down) // 2
    middle = shown.image.crop((left, top, left + across, top + down))
    return Shown(shown.name, middle, (across, down))


def _differ(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether cells are those of two pictures, and not of one in slightly other colours."""
    if np.sqrt(np.mean((one - other) ** 2)) < _DIFFERENT:
        return False
    ones, others = (cells - cells.mean(axis=(0, 1)) for cells in (one, other))
    spread = float(np.sqrt(np.sum(ones**2) * np.sum(others**2)))
    return float(np.sum(ones * others)) < _ALIKE * spread or spread < 1


def _cells(image: Image.Image) -> NDArray[np.float32]:
    """``image`` averaged in 64 x 64 cells: float32 (64, 64, 3)."""
    small = image.resize((_CELLS, _CELLS), Image.Resampling.BOX, reducing_gap=1.1)
    return np.asarray(small, np.float32)
