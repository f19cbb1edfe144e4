"""Edits that artists and traders make to drawings: other colours, other lines, another ground.

They work on photographs too, where they do less or look odd. It knows nothing of what is drawn.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from embeddings.edits.canvas import Colour, covering, from_float, mean_colour, pixels, random_colour

Mask = NDArray[np.bool_]
"""bool (h, w)."""

_FLAT: Final = 24
"""Grey levels a channel may differ from the ground's colour and still belong to it."""


def duotone(image: Image.Image, dark: Colour, light: Colour) -> Image.Image:
    """Shades between two colours, by brightness."""
    steps = np.linspace(0, 1, 256)[:, None]
    table = (np.array(dark) * (1 - steps) + np.array(light) * steps).astype(int)
    grey = image.convert("L")
    return Image.merge("RGB", [grey.point(table[:, c].tolist()) for c in range(3)])


def line_weight(image: Image.Image, pixels_wider: int) -> Image.Image:
    """Dark lines ``pixels_wider`` thicker on each side; negative: thinner."""
    reach = abs(pixels_wider)
    worse = np.minimum if pixels_wider > 0 else np.maximum
    values = pixels(image)
    for axis in (0, 1):
        padding = [(0, 0)] * 3
        padding[axis] = (reach, reach)
        padded = np.pad(values, padding, mode="edge")
        length = values.shape[axis]
        out = values
        for shift in range(2 * reach + 1):
            part = (
                padded[shift : shift + length] if axis == 0 else padded[:, shift : shift + length]
            )
            out = worse(out, part)
        values = out
    return Image.fromarray(np.ascontiguousarray(values))


def swap_fills(
    image: Image.Image, count: int, rng: np.random.Generator, colours: int = 10
) -> Image.Image:
    """Give the ``count`` largest of ``colours`` flat fills another colour each; shading stays."""
    chosen = image.quantize(colours, Image.Quantize.FASTOCTREE)
    index = np.asarray(chosen)
    values = pixels(image)
    sizes = np.bincount(index.ravel(), minlength=colours)
    shift = np.zeros((256, 3), np.int16)
    for fill in np.argsort(-sizes, kind="stable")[:count].tolist():
        patch = values[index == fill]
        if len(patch):
            new = rng.integers(0, 256, 3)
            shift[fill] = new - patch.mean(axis=0).round().astype(np.int16)
    return Image.fromarray(np.clip(values + shift[index], 0, 255).astype(np.uint8))


def _ground(image: Image.Image) -> Image.Image:
    """Where the ground is, "L" of 0 and 255: of the rim's median colour and joined to the rim."""
    values = pixels(image).astype(np.int16)
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    like = np.abs(values - np.median(rim, axis=0)).max(axis=2) <= _FLAT
    # Growing from the rim along straight runs, eight sweeps: not a full flood, but it leaves closed
    # shapes their inside, and costs a hundredth of one in Python.
    joined = np.zeros_like(like)
    joined[[0, -1]], joined[:, [0, -1]] = like[[0, -1]], like[:, [0, -1]]
    for _ in range(2):
        for axis in (0, 1):
            for step in (1, -1):
                joined = _swept(joined, like, axis, step)
    return Image.fromarray(joined.astype(np.uint8) * 255)


def _swept(joined: Mask, like: Mask, axis: int, step: int) -> Mask:
    seeds, open_ = (joined, like) if axis == 0 else (joined.T, like.T)
    seeds, open_ = seeds[::step], open_[::step]
    # A pixel is joined if, since the last wall before it in its run, a seed was seen.
    rows = np.arange(len(open_), dtype=np.int32)[:, None]
    last_wall = np.maximum.accumulate(np.where(open_, -1, rows), axis=0)
    last_seed = np.maximum.accumulate(np.where(seeds & open_, rows, -1), axis=0)
    grown = (open_ & (last_seed > last_wall))[::step]
    return grown if axis == 0 else grown.T


def replace_ground(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """Put another ground behind what is shown: a colour, or ``other``.

    The ground is the flat region joined to the rim. Where there is none, as in most photographs, an
    oval in the middle is taken to be what is shown.
    """
    mask = _ground(image)
    share = float(np.asarray(mask).mean()) / 255
    if not 0.08 < share < 0.97:
        mask = Image.new("L", image.size, 255)
        left, top = int(image.width * 0.08), int(image.height * 0.06)
        ImageDraw.Draw(mask).ellipse(
            (left, top, image.width - 1 - left, image.height - 1 - top), fill=0
        )
    ground = (
        Image.new("RGB", image.size, random_colour(rng))
        if other is None
        else covering(other, image.width, image.height)
    )
    return Image.composite(ground, image, mask)


def flatten(image: Image.Image, amount: float) -> Image.Image:
    """Move every colour towards the picture's mean by ``amount`` (0..1): faded ink."""
    return Image.blend(image, Image.new("RGB", image.size, mean_colour(image)), amount)


def paper(image: Image.Image, rng: np.random.Generator, amount: float = 0.15) -> Image.Image:
    """On textured, yellowed paper."""
    coarse = rng.standard_normal((max(1, image.height // 4), max(1, image.width // 4))).astype(
        np.float32
    )
    texture = np.asarray(Image.fromarray(coarse).resize(image.size, Image.Resampling.BILINEAR))
    tone = np.array([1.0, 0.96, 0.86], np.float32)
    return from_float(pixels(image) * tone * (1 + np.float32(amount) * texture * 0.5)[:, :, None])
