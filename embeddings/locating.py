"""Where the picture is on a page: screenshots, pages and pasted pictures show an image within an
image, and a code of everything would be a code of the page.

A small network (``architecture.LOCATOR``) looks at the squashed image and says of each of 24 by 24
cells how much of it belongs to the picture that the page shows; of an image without a page that is
all of it. The rectangle that fits the answer best is cut out, if it is one beyond doubt.

It knows the network's answer and rectangles; not what computes it, nor how images are prepared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.views import Box

SIDE: Final = 96
"""Pixels a side of what the network looks at."""

CELLS: Final = 24
"""Cells a side of its answer."""

_LEAST: Final = 0.12  # of the image's area: a smaller picture is not what a page shows
_MOST: Final = 0.9  # beyond, what is around it is hardly a page
_SURE: Final = 0.8  # mean certainty that cells within belong to the picture, and others do not


@dataclass(frozen=True)
class Part:
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


WHOLE: Final = Part(0.0, 0.0, 1.0, 1.0)


def glance(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A prepared image, uint8 (s, s, 3), as the locator looks at it: uint8 (96, 96, 3)."""
    resized = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(resized)


def picture(answer: NDArray[np.float32]) -> Part:
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
    core = np.zeros_like(inside)
    core[top + 1 : bottom - 1, left + 1 : right - 1] = True
    rim = np.zeros_like(inside)
    rim[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = True
    within = answer[core].mean() if core.any() else np.float32(0)
    without = 1 - answer[~rim].mean() if not rim.all() else np.float32(0)
    if not _LEAST <= share <= _MOST or min(within, without) < _SURE:
        return WHOLE
    columns, rows = answer[top:bottom].mean(0), answer[:, left:right].mean(1)
    return Part(
        _edge(columns, left), _edge(rows, top),
        1 - _edge(columns[::-1], CELLS - right), 1 - _edge(rows[::-1], CELLS - bottom),
    )  # fmt: skip


def _edge(covered: NDArray[np.float32], first: int) -> float:
    """Where a side lies, 0..1, near cell ``first``: as far out as cells there are covered."""
    if first == 0:
        return 0.0
    return float((first + 1 - covered[first - 1] - covered[first]) / CELLS)


def _best(gains: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the rectangle of cells with the largest sum."""
    sums = np.zeros((CELLS + 1, CELLS + 1), np.float64)
    sums[1:, 1:] = gains.cumsum(0, dtype=np.float64).cumsum(1)
    firsts, lasts = np.triu_indices(CELLS + 1, 1)
    bands = sums[lasts] - sums[firsts]
    totals = bands[:, lasts] - bands[:, firsts]
    rows, columns = np.unravel_index(int(totals.argmax()), totals.shape)
    return int(firsts[rows]), int(lasts[rows]), int(firsts[columns]), int(lasts[columns])
