"""Edits that move pixels: crops, rotations, mirrors, perspective, aspect, size, borders.

It knows nothing of what the pixels show.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PIL import Image

from embeddings.edits.canvas import BLACK, Colour, scaled

MAX_ASPECT: Final = 16.0
"""Longer strips keep their frame when turned: no rectangle worth keeping is inscribed."""


def crop(
    image: Image.Image, fraction: float, rng: np.random.Generator, aspect: float = 1.0
) -> Image.Image:
    """Keep a random rectangle of ``fraction`` of the **area**, 0..1.

    ``aspect`` stretches the rectangle's shape against the image's own: 1 keeps it.
    """
    side = math.sqrt(fraction)
    width = min(image.width, max(1, round(image.width * side * math.sqrt(aspect))))
    height = min(image.height, max(1, round(image.height * side / math.sqrt(aspect))))
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def crop_centre(image: Image.Image, fraction: float) -> Image.Image:
    """Keep the middle ``fraction`` of the area, 0..1, in the image's own shape."""
    side = math.sqrt(fraction)
    width, height = max(1, round(image.width * side)), max(1, round(image.height * side))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def rotate(image: Image.Image, degrees: float, fill: Colour = BLACK) -> Image.Image:
    """Turn anticlockwise; the frame grows to hold all of the image, its corners ``fill``."""
    quarter = {
        0: None,
        90: Image.Transpose.ROTATE_90,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_270,
    }
    turned = degrees % 360
    if turned in quarter:
        how = quarter[int(turned)]
        return image.copy() if how is None else image.transpose(how)
    return image.rotate(turned, Image.Resampling.BILINEAR, expand=True, fillcolor=fill)


def rotate_inside(image: Image.Image, degrees: float) -> Image.Image:
    """Turn anticlockwise and keep the largest upright rectangle that shows no corner."""
    long, short = max(image.size), min(image.size)
    if long > MAX_ASPECT * short:
        return rotate(image, degrees)
    angle = math.radians(degrees)
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        # Half-constrained: two corners of the rectangle touch the long sides.
        half = 0.5 * short
        across, down = half / max(sine, 1e-9), half / max(cosine, 1e-9)
        width, height = (across, down) if image.width >= image.height else (down, across)
    else:
        spread = cosine * cosine - sine * sine
        width = (image.width * cosine - image.height * sine) / spread
        height = (image.height * cosine - image.width * sine) / spread
    turned = image.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    box_width = min(turned.width, max(1, int(abs(width))))
    box_height = min(turned.height, max(1, int(abs(height))))
    left, top = (turned.width - box_width) // 2, (turned.height - box_height) // 2
    return turned.crop((left, top, left + box_width, top + box_height))


def mirror(image: Image.Image) -> Image.Image:
    """Left becomes right."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def flip(image: Image.Image) -> Image.Image:
    """Top becomes bottom."""
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def perspective(
    image: Image.Image, amount: float, rng: np.random.Generator, fill: Colour = BLACK
) -> Image.Image:
    """Seen from a slant: each corner moves inward by up to ``amount`` (0..0.45) of a side."""
    width, height = image.size
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    inward = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    reach = np.array([width, height]) * min(amount, 0.45)
    target = source + inward * reach * rng.random((4, 2))
    # Pillow wants output -> input: eight unknowns, two equations a corner.
    rows, values = np.zeros((8, 8)), source.ravel()
    for corner, ((x, y), (u, v)) in enumerate(zip(target, source, strict=True)):
        rows[2 * corner] = (x, y, 1, 0, 0, 0, -u * x, -u * y)
        rows[2 * corner + 1] = (0, 0, 0, x, y, 1, -v * x, -v * y)
    coefficients = np.linalg.solve(rows, values).tolist()
    return image.transform(
        image.size,
        Image.Transform.PERSPECTIVE,
        coefficients,
        Image.Resampling.BILINEAR,
        fillcolor=fill,
    )


def squash(image: Image.Image, factor: float) -> Image.Image:
    """Multiply the width by ``factor`` where it is below 1; above 1 divide the height by it."""
    if factor <= 1:
        return scaled(image, image.width * factor, image.height)
    return scaled(image, image.width, image.height / factor)


def resize(image: Image.Image, scale: float) -> Image.Image:
    """Scale both sides by ``scale``."""
    return scaled(image, image.width * scale, image.height * scale)


def down_up(image: Image.Image, scale: float) -> Image.Image:
    """Scale down by ``scale`` (0..1) and back to the old size: detail is lost, size is not."""
    return scaled(resize(image, scale), image.width, image.height)


def border(image: Image.Image, fraction: float, colour: Colour = BLACK) -> Image.Image:
    """A frame of ``colour``, ``fraction`` of the shorter side wide."""
    width = max(1, round(min(image.size) * fraction))
    framed = Image.new("RGB", (image.width + 2 * width, image.height + 2 * width), colour)
    framed.paste(image, (width, width))
    return framed


def letterbox(image: Image.Image, aspect: float, colour: Colour = BLACK) -> Image.Image:
    """Bars of ``colour`` that bring width / height to ``aspect``, on two opposite sides."""
    width = max(image.width, round(image.height * aspect))
    height = max(image.height, round(image.width / aspect))
    boxed = Image.new("RGB", (width, height), colour)
    boxed.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return boxed
