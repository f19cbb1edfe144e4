"""Views of a query: the parts of a picture that may be a listed image by themselves.

Of a page with several pictures the code is that of one (``locating``), and PDQ is that of
everything. What frames a picture within a picture are long straight edges: ``views`` looks for
rectangles whose sides are such edges or the border of the image, and cuts them out. Each view costs
what an image costs; a query may ask for them, references never need them.

It knows pixels only: not how a view is hashed or matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 4
"""Views of an image, besides the whole."""

_SIDE: Final = 256  # pixels the longer side is brought down to for looking
_STEP: Final = 10  # levels out of 255 across an edge, at least
_LONG: Final = 0.2  # of the image's side: the shortest edge that counts
_SMALL, _LARGE = 0.06, 0.94  # of the image's area: what is a view at all
_LINES: Final = 14  # edges of either direction that are tried
_SIDES: Final = 0.75  # of a rectangle's side, and at least so much, must be edge
_FLAT: Final = 3  # levels out of 255 by which a line of one colour may vary
_SAME: Final = 0.6  # overlap from which two rectangles are one


@dataclass(frozen=True)
class Box:
    """Part of an image, pixels; ``right`` and ``bottom`` are just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """This part of ``image``, uint8 (h, w, 3): a view into its memory."""
        return image[self.top : self.bottom, self.left : self.right]

    def overlap(self, other: Box) -> float:
        """Shared area over joint area, 0..1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0, width) * max(0, height)
        return shared / (self.area + other.area - shared)


def views(rgb: NDArray[np.uint8], most: int = MOST) -> list[NDArray[np.uint8]]:
    """Up to ``most`` parts of ``rgb``, uint8 (h, w, 3), the likeliest first; none of most images.

    The parts are views into ``rgb``'s memory.
    """
    step = max(1, -(-max(rgb.shape[:2]) // _SIDE))
    height, width = rgb.shape[0] // step, rgb.shape[1] // step
    if min(height, width) < 32:
        return []
    cells = rgb[: height * step, : width * step].reshape(height, step, width, step, 3)
    small = cells.mean((1, 3), dtype=np.float32)
    return [
        rgb[box.top * step : box.bottom * step, box.left * step : box.right * step]
        for box in rectangles(small, most)
    ]


def rectangles(pixels: NDArray[np.float32], most: int) -> list[Box]:
    """Up to ``most`` rectangles in ``pixels``, float32 (h, w, 3), the best framed first, no two
    alike.
    """
    height, width = pixels.shape[:2]
    # across[y, x]: whether there is a step between columns x - 1 and x; the borders count as one.
    across = np.ones((height, width + 1), np.bool_)
    across[:, 1:-1] = np.abs(np.diff(pixels, axis=1)).max(2) >= _STEP
    down = np.ones((height + 1, width), np.bool_)
    down[1:-1] = np.abs(np.diff(pixels, axis=0)).max(2) >= _STEP
    columns, rows = _lines(across), _lines(down.T)
    across_sums, down_sums = _sums(across), _sums(down.T)
    left, right = (columns[side] for side in np.triu_indices(len(columns), 1))
    top, bottom = (rows[side] for side in np.triu_indices(len(rows), 1))
    wide, tall = right - left, (bottom - top)[:, None]
    # Of each rectangle, (vertical pairs, horizontal pairs), how much of its worst side is edge.
    sides = np.stack(
        [
            (across_sums[bottom][:, left] - across_sums[top][:, left]) / tall,
            (across_sums[bottom][:, right] - across_sums[top][:, right]) / tall,
            (down_sums[right][:, top] - down_sums[left][:, top]).T / wide,
            (down_sums[right][:, bottom] - down_sums[left][:, bottom]).T / wide,
        ]
    )
    share = tall * wide / (height * width)
    fits = (sides.min(0) >= _SIDES) & (share >= _SMALL) & (share <= _LARGE)
    fits &= np.minimum(tall, wide) >= _LONG * min(height, width)
    score = sides.mean(0) + 0.2 * share
    chosen: list[Box] = []
    order = np.argsort(np.where(fits, -score, np.inf), axis=None, kind="stable")
    for place in order[: np.count_nonzero(fits)]:
        upright, level = divmod(int(place), len(left))
        box = Box(int(left[level]), int(top[upright]), int(right[level]), int(bottom[upright]))
        if all(box.overlap(other) < _SAME for other in chosen) and not _padded(
            pixels[box.top : box.bottom, box.left : box.right]
        ):
            chosen.append(box)
            if len(chosen) == most:
                break
    return chosen


def _padded(part: NDArray[np.float32]) -> bool:
    """Whether ``part``, (h, w, 3), begins or ends in a line of one colour: a bar, or a page."""
    lines = (part[1], part[-2], part[:, 1], part[:, -2])
    return any(line.std(0).max() < _FLAT for line in lines)


def _sums(edges: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Edge cells above each cell: int32 (n + 1, m) of ``edges`` (n, m)."""
    sums = np.zeros((edges.shape[0] + 1, edges.shape[1]), np.int32)
    np.cumsum(edges, axis=0, out=sums[1:])
    return sums


def _lines(edges: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The columns of ``edges`` (n, m) that hold the longest runs, ascending; the first and last."""
    longest = np.zeros(edges.shape[1], np.int32)
    run = np.zeros(edges.shape[1], np.int32)
    for row in edges:
        run = (run + 1) * row
        np.maximum(longest, run, out=longest)
    # A step blurred over two columns is one line: the longer of neighbours stands for both.
    padded = np.pad(longest[1:-1], 2)
    peak = np.stack([padded[shift : shift + len(longest) - 2] for shift in range(5)]).max(0)
    inner = 1 + np.flatnonzero((longest[1:-1] == peak) & (longest[1:-1] >= _LONG * edges.shape[0]))
    best = inner[np.argsort(-longest[inner], kind="stable")][:_LINES]
    return np.concatenate(([0], np.sort(best), [edges.shape[1] - 1]))
