"""Where a picture's content is: margins of one colour are left out before an image is squashed.

Letterboxes, borders and the empty ground of a drawing say nothing of a picture and take most of a
small square's pixels. The picture is laid under a grid of 64 by 64 cells, and lines of cells are
dropped from its sides while they keep the colour they began with. Cells average a few pixels, so
that noise and recompression do not stop it; everything is whole numbers, so that every device finds
the same margins.

A line thinner than a sixty-fourth of a picture may fall between the pixels that are looked at, and
count as margin or not. It knows pixels; not how images are squashed or encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.network.preparing.views import Box

CELLS: Final = 64
"""Cells a side. A smaller image has no margins."""

SAMPLES: Final = 4
"""Pixels a side of a cell that are looked at."""

_SAME: Final = 6  # levels out of 255 a cell may differ from its margin's colour
_LEAST: Final = 8  # cells a side that stay, else nothing is left out
_SMALLEST: Final = 24  # pixels a side that stay, else nothing is: an icon's worth is no picture


def content(image: NDArray[np.uint8]) -> Box:
    """The part of ``image``, uint8 (h, w, 3), that is within its margins."""
    height, width = image.shape[:2]
    if min(height, width) < CELLS:
        return Box(0, 0, width, height)
    return within(image.take(sampled(height), 0).take(sampled(width), 1), height, width)


def trimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``image``, uint8 (h, w, 3), without its margins: a view into its memory."""
    return content(image).of(image)


def sampled(length: int) -> NDArray[np.int64]:
    """Places of the pixels looked at along a side of ``length`` pixels: int64 (256,)."""
    count = CELLS * SAMPLES
    return (2 * np.arange(count) + 1) * length // (2 * count)


def within(samples: NDArray[np.uint8], height: int, width: int) -> Box:
    """``content`` of an image of ``height`` by ``width`` pixels, at least ``CELLS`` each.

    ``samples``: uint8 (256, 256, 3), what is looked at. All of an image that is of one colour, or
    nearly empty. Margins are taken twice: a border may lie around a letterbox, or bars of another
    colour at its sides.
    """
    cells = _sums(samples)
    top = bottom = left = right = _Edge()
    for _ in range(2):
        lines = cells[top.looked : CELLS - bottom.looked, left.looked : CELLS - right.looked]
        above, below = _margins(lines)
        top, bottom = top.moved(above), bottom.moved(below)
        lines = cells[top.looked : CELLS - bottom.looked, left.looked : CELLS - right.looked]
        before, after = _margins(lines.swapaxes(0, 1))
        left, right = left.moved(before), right.moved(after)
    if CELLS - top.out - bottom.out < _LEAST or CELLS - left.out - right.out < _LEAST:
        return Box(0, 0, width, height)
    # A cell that is partly content stays whole.
    box = Box(
        left.out * width // CELLS,
        top.out * height // CELLS,
        -(-(CELLS - right.out) * width // CELLS),
        -(-(CELLS - bottom.out) * height // CELLS),
    )
    small = min(box.right - box.left, box.bottom - box.top) < _SMALLEST
    return Box(0, 0, width, height) if small else box


@dataclass(frozen=True)
class _Edge:
    """One side of the content."""

    out: int = 0
    """Lines of cells that are left out."""
    looked: int = 0
    """Where more are looked for: between two margins lies a line of cells that hold some of
    both."""

    def moved(self, lines: int) -> _Edge:
        """``lines`` further in."""
        return _Edge(self.looked + lines, self.looked + lines + 1) if lines else self


def _sums(samples: NDArray[np.uint8]) -> NDArray[np.int32]:
    """What each cell's pixels add up to: int32 (64, 64, 3)."""
    # Row by row, then column by column: three times as fast as NumPy's sum over two axes.
    lines = samples.reshape(CELLS, SAMPLES, -1)
    rows = lines[:, 0].astype(np.int32)
    for place in range(1, SAMPLES):
        rows += lines[:, place]
    cells = rows.reshape(CELLS, CELLS, SAMPLES, 3)
    found = cells[:, :, 0].copy()
    for place in range(1, SAMPLES):
        found += cells[:, :, place]
    return found


def _margins(lines: NDArray[np.int32]) -> tuple[int, int]:
    """How many of ``lines``, (n, m, 3), from the first and from the last, are of one colour."""
    if lines.size == 0:
        return 0, 0
    first = _same(lines)
    return (first, 0) if first == len(lines) else (first, _same(lines[::-1]))


def _same(lines: NDArray[np.int32]) -> int:
    """How many of ``lines`` keep the colour of the first: its median, channel by channel."""
    colour = np.sort(lines[0], axis=0)[len(lines[0]) // 2]
    for place, line in enumerate(lines):  # most images end at the first
        if np.abs(line - colour).max() > _SAME * SAMPLES**2:
            return place
    return len(lines)
