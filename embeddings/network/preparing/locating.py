"""Where the picture is on a page, so that it alone is encoded.

Screenshots, pages and pasted pictures show an image within an image, and a code of everything
would be a code of the page. A small network (``architecture.LOCATOR``) looks at the squashed image
and says of each of 24 by 24 cells how much of it belongs to the picture that the page shows; of an
image without a page that is all of it. The rectangle that fits the answer best is cut out, if it
is one beyond doubt and not empty.

It knows the network's answer and rectangles; not what computes it, nor how images are prepared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.figures import MIN_STRUCTURE
from embeddings.hashes.structure import MIN_SIDE, structure
from embeddings.network.preparing.views import Box

SIDE: Final = 96
"""Pixels a side of what the network looks at."""

CELLS: Final = 24
"""Cells a side of its answer."""

LEAST: Final = 0.12
"""Share of an image's area: a smaller picture is not what a page shows."""

_MOST: Final = 0.9  # of the area: beyond, and one cell within all sides, there is hardly a page
_SURE: Final = 0.88  # mean certainty that cells within belong to the picture, and others do not


@dataclass(frozen=True)
class ImageShare:
    """Part of an image, in shares of its width and height, 0..1."""

    left: float
    top: float
    right: float
    bottom: float

    def within(self, height: int, width: int) -> Box:
        """This part of an image of ``height`` by ``width`` pixels, whole pixels."""
        return Box(
            math.floor(self.left * width),
            math.floor(self.top * height),
            math.ceil(self.right * width),
            math.ceil(self.bottom * height),
        )


WHOLE: Final = ImageShare(0.0, 0.0, 1.0, 1.0)

Locate = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""The network: glances, uint8 (n, 96, 96, 3), to the share of each cell that is the picture's,
float32 (n, 24, 24), 0..1."""


@dataclass(frozen=True)
class LocatedPicture:
    """A picture on a page."""

    row: int
    """Which of the images it is on."""
    part: ImageShare
    box: Box
    """The same in the image's own pixels."""


def pictures(
    squares: NDArray[np.uint8], sizes: Sequence[tuple[int, int]], locate: Locate
) -> Iterator[LocatedPicture]:
    """The pictures on those of n images that are pages, by one call of the network.

    ``squares``: uint8 (n, s, s, 3), the images as squashed; ``sizes``: their heights and widths.
    """
    answers = locate(np.stack([glance(square) for square in squares]))
    for row, (answer, (height, width)) in enumerate(zip(answers, sizes, strict=True)):
        part = picture(answer)
        box = part.within(height, width)
        if part != WHOLE and min(box.right - box.left, box.bottom - box.top) >= MIN_SIDE:
            yield LocatedPicture(row, part, box)


def is_empty(square: NDArray[np.uint8], part: ImageShare) -> bool:
    """Whether a picture cut out at ``part`` has too little structure to be matched.

    ``square``: uint8 (s, s, 3), the picture squashed. As much as a cell of the page is left out on
    each side: there the page may show, and that of an empty picture would be all there is.
    """
    across = math.ceil(len(square) / CELLS / (part.right - part.left))
    down = math.ceil(len(square) / CELLS / (part.bottom - part.top))
    core = square[down:-down, across:-across]
    return structure(np.ascontiguousarray(core)) < MIN_STRUCTURE


def glance(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A prepared image, uint8 (s, s, 3), as the locator looks at it: uint8 (96, 96, 3)."""
    resized = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(resized)


def picture(answer: NDArray[np.float32]) -> ImageShare:
    """The rectangle that fits ``answer`` best; ``WHOLE`` if it is no clear one.

    ``answer``: float32 (24, 24), 0..1, the share of each cell that is the picture's.
    """
    if answer.min() >= 0.5:
        return WHOLE
    top, bottom, left, right = _best(answer - np.float32(0.5))
    inside = np.zeros_like(answer, np.bool_)
    inside[top:bottom, left:right] = True
    share = inside.mean()
    # Cells on the rectangle's rim are partly the picture's, and prove nothing.
    core, grown = np.zeros_like(inside), np.zeros_like(inside)
    core[top + 1 : bottom - 1, left + 1 : right - 1] = True
    grown[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = True
    if not LEAST <= share <= _MOST or not core.any() or grown.all():
        return WHOLE
    if min(answer[core].mean(), 1 - answer[~grown].mean()) < _SURE:
        return WHOLE
    columns, rows = answer[top:bottom].mean(0), answer[:, left:right].mean(1)
    return ImageShare(
        _edge(columns, left), _edge(rows, top),
        1 - _edge(columns[::-1], CELLS - right), 1 - _edge(rows[::-1], CELLS - bottom),
    )  # fmt: skip


def _edge(covered: NDArray[np.float32], first: int) -> float:
    """Where a side lies, 0..1, near cell ``first``: as far out as cells there are covered."""
    if first == 0:
        return 0.0
    # Rounded, so that a last bit of float32 does not take a line of pixels more.
    return round((first + 1 - float(covered[first - 1]) - float(covered[first])) / CELLS, 4)


def _best(gains: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the rectangle of cells with the largest sum."""
    sums = np.zeros((CELLS + 1, CELLS + 1), np.float64)
    sums[1:, 1:] = gains.cumsum(0, dtype=np.float64).cumsum(1)
    firsts, lasts = np.triu_indices(CELLS + 1, 1)
    bands = sums[lasts] - sums[firsts]
    totals = bands[:, lasts] - bands[:, firsts]
    rows, columns = np.unravel_index(int(totals.argmax()), totals.shape)
    return int(firsts[rows]), int(lasts[rows]), int(firsts[columns]), int(lasts[columns])
