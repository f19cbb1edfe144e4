"""The few things every edit stands on: colours, and fitting one picture into another.

It knows no edit.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]
"""Red, green, blue, 0..255."""

Pixels = NDArray[np.uint8]
"""uint8 (h, w, 3)."""

BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (255, 255, 255)


def pixels(image: Image.Image) -> Pixels:
    """The pixels of an RGB image, uint8 (h, w, 3); read-only."""
    return np.asarray(image, dtype=np.uint8)


def from_float(values: NDArray[np.float32]) -> Image.Image:
    """An RGB image from float (h, w, 3) in 0..255, clipped and rounded."""
    return Image.fromarray((np.clip(values, 0, 255) + 0.5).astype(np.uint8))


def random_colour(rng: np.random.Generator) -> Colour:
    """Any colour, uniformly; in a third of draws black or white, which real borders mostly are."""
    draw = rng.random()
    if draw < 0.17:
        return BLACK
    if draw < 0.34:
        return WHITE
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def mean_colour(image: Image.Image) -> Colour:
    """The mean colour of an image."""
    red, green, blue = pixels(image.resize((1, 1), Image.Resampling.BOX))[0, 0].tolist()
    return red, green, blue


def scaled(image: Image.Image, width: float, height: float) -> Image.Image:
    """``image`` at ``width`` × ``height`` pixels, each at least 1; its shape may change."""
    size = (max(1, round(width)), max(1, round(height)))
    if size == image.size:
        return image.copy()
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def contained(image: Image.Image, width: float, height: float) -> Image.Image:
    """``image`` scaled, its shape kept, to the largest size that fits in ``width`` × ``height``."""
    scale = min(width / image.width, height / image.height)
    return scaled(image, image.width * scale, image.height * scale)


def covering(image: Image.Image, width: float, height: float) -> Image.Image:
    """``image`` scaled to fill ``width`` × ``height``, its excess cut off on both sides."""
    target = max(1, round(width)), max(1, round(height))
    part_width = min(float(image.width), image.height * target[0] / target[1])
    part_height = min(float(image.height), image.width * target[1] / target[0])
    left, top = (image.width - part_width) / 2, (image.height - part_height) / 2
    box = (left, top, left + part_width, top + part_height)
    return image.resize(target, Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)


def bounded(image: Image.Image, max_pixels: int) -> Image.Image:
    """``image``, made smaller where it holds more than ``max_pixels``; its shape is kept."""
    count = image.width * image.height
    if count <= max_pixels:
        return image
    scale = math.sqrt(max_pixels / count)
    width, height = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    # A strip one pixel high cannot shrink in that direction: its length gives instead.
    width, height = min(width, max_pixels // height), min(height, max_pixels // width)
    return scaled(image, width, height)


def placed(
    size: tuple[int, int], inner: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """A random top left corner that keeps ``inner`` within ``size`` where it fits."""
    return (
        int(rng.integers(0, max(1, size[0] - inner[0] + 1))),
        int(rng.integers(0, max(1, size[1] - inner[1] + 1))),
    )
