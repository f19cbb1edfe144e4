"""Looks at a reference: forms of its prepared picture whose mean descriptor is what is listed.

A reference is listed once and searched a billion times, so it may cost more than a query: the
network is shown its picture as it is, blurred, in coarse squares, in grey, in noise, small on a
white ground, and five parts of it; the signs of the mean descriptor are its code. What all forms of
a picture agree in is what its copies keep: copies that were edited much come nearer, copies that
were hardly edited a little less near. Which forms, and what each weighs, was chosen on images that
are in no benchmark (docs/training-log.md). A query is shown to the network as it is, so codes of
both kinds are of one space.

It knows pixels and descriptors; not what network turns one into the other. A checkpoint's own
``looks`` are another thing: what it is shown of every image, queries too.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_BLUR: Final = 0.02  # of the side: the radius
_CELLS: Final = 32  # squares a side
_NOISE: Final = 30.0  # levels: the standard deviation
_SMALL: Final = 0.75  # of the side that the picture has on its ground
_PART: Final = 0.7  # of either side that each part has
_PARTS: Final = 5

_WEIGHTS: Final = np.array([10, 5, 5, 5, 5, 5, *[1] * _PARTS], np.float64)
COUNT: Final = len(_WEIGHTS)
"""How many looks there are; the first is the picture as it is."""


def looks(square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every look at a picture, uint8 (s, s, 3) as the network takes it: uint8 (COUNT, s, s, 3)."""
    image, side = Image.fromarray(square), len(square)
    cells = image.resize((_CELLS, _CELLS), Image.Resampling.BOX)
    return np.stack(
        [
            square,
            np.asarray(image.filter(ImageFilter.GaussianBlur(_BLUR * side))),
            np.asarray(cells.resize((side, side), Image.Resampling.NEAREST)),
            np.repeat(np.asarray(image.convert("L"))[:, :, None], 3, axis=2),
            np.clip(square + _noise(side), 0, 255).astype(np.uint8),
            _on_white(image),
            *_parts(square),
        ]
    )


def averaged(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean over a picture's looks: float32 (256,) of (COUNT, 256)."""
    weights = _WEIGHTS / _WEIGHTS.sum()
    mean: NDArray[np.float64] = weights @ descriptors.astype(np.float64)
    return mean.astype(np.float32)


def _on_white(image: Image.Image) -> NDArray[np.uint8]:
    side = image.width
    small = round(_SMALL * side)
    first = (side - small) // 2
    ground = np.full((side, side, 3), 255, np.uint8)
    inner = slice(first, first + small)
    ground[inner, inner] = np.asarray(image.resize((small, small), Image.Resampling.BILINEAR))
    return ground


def _parts(square: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The four corners and the middle, each enlarged to the whole."""
    side = len(square)
    kept = round(_PART * side)
    last, middle = side - kept, (side - kept) // 2
    places = ((0, 0), (0, last), (last, 0), (last, last), (middle, middle))
    return [
        np.asarray(
            Image.fromarray(
                np.ascontiguousarray(square[top : top + kept, left : left + kept])
            ).resize((side, side), Image.Resampling.BILINEAR, reducing_gap=1.0)
        )
        for top, left in places
    ]


@cache
def _noise(side: int) -> NDArray[np.int16]:
    """The same noise for every picture and with every library: int16 (side, side, 3).

    The bytes of SplitMix64's first numbers, four of them added for each value.
    """
    state = np.arange(1, side * side * 3 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn = (state ^ (state >> np.uint64(31))).astype("<u8").view(np.uint8).reshape(-1, 8)
    total = drawn[:, :4].astype(np.int64).sum(axis=1) - 2 * 255
    spread = 2 * np.sqrt((256**2 - 1) / 12)
    noise: NDArray[np.int16] = np.rint(total * (_NOISE / spread)).astype(np.int16)
    return noise.reshape(side, side, 3)
