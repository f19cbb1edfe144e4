"""Edits that mix a pixel with its neighbours or with noise.

Lengths are in pixels of the image as given: a caller who wants the same effect at every size scales
them. It knows nothing of compression, which has its own module.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from embeddings.edits.canvas import from_float, pixels, scaled


def blur(image: Image.Image, radius: float) -> Image.Image:
    """Gaussian blur, ``radius`` (standard deviation) in pixels."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def motion_blur(image: Image.Image, length: int, horizontal: bool) -> Image.Image:
    """The mean of ``length`` pixels along one axis, as a moving camera leaves."""
    reach = max(1, length // 2)
    return image.filter(ImageFilter.BoxBlur((reach, 0) if horizontal else (0, reach)))


def sharpen(image: Image.Image, percent: int, radius: float = 2.0) -> Image.Image:
    """Unsharp mask of ``percent`` strength."""
    return image.filter(ImageFilter.UnsharpMask(radius, percent, 0))


def noise(image: Image.Image, deviation: float, rng: np.random.Generator) -> Image.Image:
    """Add Gaussian noise, ``deviation`` in grey levels, to each channel by itself."""
    drawn = rng.standard_normal((image.height, image.width, 3), dtype=np.float32)
    return from_float(pixels(image) + drawn * np.float32(deviation))


def grain(image: Image.Image, fraction: float, rng: np.random.Generator) -> Image.Image:
    """Turn ``fraction`` of the pixels black or white."""
    drawn = rng.random((image.height, image.width), dtype=np.float32)
    values = pixels(image).copy()
    values[drawn < fraction / 2] = 0
    values[drawn > 1 - fraction / 2] = 255
    return Image.fromarray(values)


def pixelate(image: Image.Image, cells: int) -> Image.Image:
    """Blocks of one colour, ``cells`` of them along the longer side."""
    scale = min(1.0, cells / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST)


def vignette(image: Image.Image, amount: float) -> Image.Image:
    """Darken towards the corners, there by ``amount`` (0..1)."""
    across = np.linspace(-1, 1, image.width, dtype=np.float32) ** 2
    down = np.linspace(-1, 1, image.height, dtype=np.float32) ** 2
    shade = 1 - np.float32(amount / 2) * (down[:, None] + across[None, :])
    return from_float(pixels(image) * shade[:, :, None])


def soften(image: Image.Image, scale: float) -> Image.Image:
    """Lose detail cheaply: down to ``scale`` (0..1) and back up."""
    small = scaled(image, image.width * scale, image.height * scale)
    return small.resize(image.size, Image.Resampling.BICUBIC)
