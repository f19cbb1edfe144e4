"""Edits that put the picture beside, on, under or through another one.

It knows nothing of where the other picture comes from.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from embeddings.edits.canvas import contained, covering, placed


def paste_onto(
    image: Image.Image, other: Image.Image, fraction: float, rng: np.random.Generator
) -> Image.Image:
    """``image`` somewhere on ``other``, its sides at most ``fraction`` (0..1) of the other's.

    The page takes ``image``'s shape and size, so that the pasted picture has ``fraction`` of its
    old sides.
    """
    page = covering(other, image.width, image.height)
    pasted = contained(image, image.width * fraction, image.height * fraction)
    page.paste(pasted, placed(page.size, pasted.size, rng))
    return page


def side_by_side(
    image: Image.Image, other: Image.Image, first: bool = True, stacked: bool = False
) -> Image.Image:
    """Both pictures whole, left and right at equal height; ``stacked``: one above the other."""
    if stacked:
        pair = [image, contained(other, image.width, other.height * image.width)]
        sheet = Image.new("RGB", (image.width, sum(part.height for part in pair)))
    else:
        pair = [image, contained(other, other.width * image.height, image.height)]
        sheet = Image.new("RGB", (sum(part.width for part in pair), image.height))
    if not first:
        pair.reverse()
    sheet.paste(pair[0], (0, 0))
    sheet.paste(pair[1], (0, pair[0].height) if stacked else (pair[0].width, 0))
    return sheet


def collage(
    image: Image.Image,
    others: list[Image.Image],
    rng: np.random.Generator,
    rows: int = 2,
    columns: int = 2,
    gap: float = 0.01,
) -> Image.Image:
    """A grid of equal panes, ``image`` in a random one, ``others`` in turn in the rest.

    The sheet has ``image``'s size, so a 2×2 collage leaves it half of each side.
    """
    width, height = image.size
    line = round(min(width, height) * gap)
    sheet = Image.new("RGB", (width, height), (255, 255, 255))
    chosen = int(rng.integers(0, rows * columns))
    pane_width = max(1, (width - (columns - 1) * line) // columns)
    pane_height = max(1, (height - (rows - 1) * line) // rows)
    for pane in range(rows * columns):
        part = image if pane == chosen else others[pane % len(others)]
        row, column = divmod(pane, columns)
        sheet.paste(
            covering(part, pane_width, pane_height),
            (column * (pane_width + line), row * (pane_height + line)),
        )
    return sheet


def blend(image: Image.Image, other: Image.Image, amount: float) -> Image.Image:
    """``other`` laid over the picture, ``amount`` opaque (0..1)."""
    return Image.blend(image, covering(other, image.width, image.height), amount)


def inset(
    image: Image.Image, other: Image.Image, fraction: float, rng: np.random.Generator
) -> Image.Image:
    """A small ``other`` on the picture, its sides at most ``fraction`` of the picture's."""
    drawn = image.copy()
    small = contained(other, image.width * fraction, image.height * fraction)
    drawn.paste(small, placed(drawn.size, small.size, rng))
    return drawn


def shadowed(image: Image.Image, other: Image.Image, amount: float, degrees: float) -> Image.Image:
    """``other`` shows through along a gradient: nothing at one side, ``amount`` at the other."""
    angle = math.radians(degrees)
    across = np.linspace(-0.5, 0.5, image.width, dtype=np.float32) * math.cos(angle)
    down = np.linspace(-0.5, 0.5, image.height, dtype=np.float32) * math.sin(angle)
    ramp = np.clip(down[:, None] + across[None, :] + 0.5, 0, 1) * np.float32(255 * amount)
    mask = Image.fromarray(ramp.astype(np.uint8))
    return Image.composite(covering(other, image.width, image.height), image, mask)
