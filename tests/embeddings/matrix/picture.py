"""The picture every file of the matrix has, and the light that its numbers stand for."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.corpora.samples import photograph

Rgb = NDArray[np.uint8]
WIDTH, HEIGHT = 160, 120


@cache
def pictured() -> Rgb:
    """A photograph of a cat: uint8 (120, 160, 3)."""
    return np.asarray(photograph("cat").image.convert("RGB").resize((WIDTH, HEIGHT)))


@cache
def grey() -> NDArray[np.uint8]:
    """The same without colour: uint8 (120, 160)."""
    return np.asarray(Image.fromarray(pictured()).convert("L"))


@cache
def cover() -> NDArray[np.float64]:
    """Opacity, 0..1: all of the picture but an oval hole and a soft right edge; (120, 160)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    hole = ((rows - 30) / 22) ** 2 + ((columns - 48) / 34) ** 2 < 1
    return np.where(hole, 0.0, np.clip((WIDTH - columns) / 40, 0, 1))


def linear(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light, 0..1, of what sRGB stores as 0..1."""
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def stored(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """What sRGB stores, 0..1, for light, cut to 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def levels(share: NDArray[np.float64], top: int = 255) -> NDArray[np.int64]:
    """0..1 as whole levels up to ``top``."""
    return np.rint(np.clip(share, 0, 1) * top).astype(np.int64)


def on_white(rgb: Rgb, opacity: NDArray[np.float64], ground: float = 255) -> Rgb:
    """``rgb`` with ``opacity``, 0..1 (h, w), on white or on another grey."""
    share = opacity[..., None]
    return np.rint(rgb * share + ground * (1 - share)).astype(np.uint8)


def as_rgb(plane: NDArray[np.generic]) -> Rgb:
    """One channel (h, w) as three."""
    return np.repeat(np.asarray(plane, np.uint8)[..., None], 3, axis=2)


def turned(rgb: Rgb, orientation: int) -> Rgb:
    """What is to be stored so that ``orientation``, 1..8 of EXIF, gives ``rgb``."""
    ways = {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb, 1),
        7: rgb.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(rgb, -1),
    }
    return np.ascontiguousarray(ways[orientation])
