"""Edits that change colours pixel by pixel.

It knows nothing of neighbouring pixels (see ``filters``) nor of what is a fill or a line (see
``drawings``).
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from embeddings.edits.canvas import Colour


def brightness(image: Image.Image, factor: float) -> Image.Image:
    """Multiply every value by ``factor``: 1 changes nothing."""
    return ImageEnhance.Brightness(image).enhance(factor)


def contrast(image: Image.Image, factor: float) -> Image.Image:
    """Move every value away from the mean grey by ``factor``: 1 changes nothing."""
    return ImageEnhance.Contrast(image).enhance(factor)


def saturation(image: Image.Image, factor: float) -> Image.Image:
    """Move every colour away from its grey by ``factor``: 1 changes nothing, 0 is greyscale."""
    return ImageEnhance.Color(image).enhance(factor)


def hue(image: Image.Image, degrees: float) -> Image.Image:
    """Turn every hue by ``degrees`` about the grey axis; brightness stays."""
    # A rotation of RGB about (1, 1, 1): one matrix, no conversion to HSV and back.
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle) / math.sqrt(3)
    same, left, right = (
        (1 + 2 * cosine) / 3,
        (1 - cosine) / 3 - sine,
        (1 - cosine) / 3 + sine,
    )
    matrix = (same, left, right, 0.0, right, same, left, 0.0, left, right, same, 0.0)
    return image.convert("RGB", matrix)


def gamma(image: Image.Image, exponent: float) -> Image.Image:
    """Raise every value, taken as 0..1, to ``exponent``: above 1 darkens."""
    table = (255 * (np.arange(256) / 255) ** exponent + 0.5).astype(int).tolist()
    return image.point(table * 3)


def invert(image: Image.Image) -> Image.Image:
    """The negative."""
    return ImageOps.invert(image)


def greyscale(image: Image.Image) -> Image.Image:
    """Black and white, still RGB."""
    return image.convert("L").convert("RGB")


def sepia(image: Image.Image) -> Image.Image:
    """Browned, as an old print."""
    matrix = (0.393, 0.769, 0.189, 0.0, 0.349, 0.686, 0.168, 0.0, 0.272, 0.534, 0.131, 0.0)
    return image.convert("RGB", matrix)


def tint(image: Image.Image, colour: Colour, amount: float) -> Image.Image:
    """Lay ``colour`` over the image, ``amount`` opaque (0..1)."""
    return Image.blend(image, Image.new("RGB", image.size, colour), amount)


def gains(image: Image.Image, red: float, green: float, blue: float) -> Image.Image:
    """Multiply each channel by its own factor: a cast, as of a wrong white balance."""
    steps = np.arange(256)
    tables = [np.minimum(255, steps * factor).astype(int).tolist() for factor in (red, green, blue)]
    return image.point(tables[0] + tables[1] + tables[2])


def swap_channels(image: Image.Image, order: tuple[int, int, int]) -> Image.Image:
    """Read the channels in another order: (2, 1, 0) turns RGB into BGR."""
    bands = image.split()
    return Image.merge("RGB", [bands[index] for index in order])


def posterise(image: Image.Image, bits: int) -> Image.Image:
    """Keep ``bits`` (1..8) of each value, spread over the full range: white stays white."""
    levels = 2**bits
    table = [(value * levels // 256) * 255 // (levels - 1) for value in range(256)]
    return image.point(table * 3)


def solarise(image: Image.Image, above: int) -> Image.Image:
    """Invert only the values above ``above`` (0..255)."""
    return ImageOps.solarize(image, above)


def autocontrast(image: Image.Image, cutoff: float = 1.0) -> Image.Image:
    """Stretch each channel to the full range, ``cutoff`` percent cut at either end."""
    return ImageOps.autocontrast(image, cutoff)


def equalise(image: Image.Image) -> Image.Image:
    """Flatten each channel's histogram."""
    return ImageOps.equalize(image)
