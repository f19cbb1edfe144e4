"""One file of the matrix, and the few ways to make one that all formats share."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.embeddings.matrix import profiles
from tests.embeddings.matrix.picture import (
    Rgb,
    cover,
    levels,
    pictured,
    stored,
)

BROWSER: Final = None
SWAPPED: Final = (profiles.SRGB_XY[1], profiles.SRGB_XY[0], profiles.SRGB_XY[2])
"""Primaries whose red is green and whose green is red."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One file."""

    ending: str
    file: bytes
    right: Rgb | None
    """uint8 (h, w, 3); ``BROWSER``: the browser says."""
    browser: bool = True
    """Whether a browser shows it as it is meant here."""


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def through(primaries: tuple[tuple[float, float], ...], gamma: float) -> Rgb:
    """The picture, if its numbers stand for light of these primaries."""
    light = (pictured() / 255) ** gamma @ profiles.to_srgb(primaries).T
    return levels(stored(light)).astype(np.uint8)


def with_opacity(image: Image.Image) -> Image.Image:
    clear = image.copy()
    clear.putalpha(Image.fromarray(levels(cover()).astype(np.uint8)))
    return clear


def quantized(count: int) -> tuple[NDArray[np.int64], Rgb]:
    """The picture as places in a palette: int (h, w), uint8 (count, 3)."""
    image = Image.fromarray(pictured()).quantize(count)
    palette = (image.getpalette() or [])[: 3 * count]
    colours = np.array(palette + [0] * (3 * count - len(palette)), np.uint8).reshape(count, 3)
    return np.asarray(image).astype(np.int64), colours
