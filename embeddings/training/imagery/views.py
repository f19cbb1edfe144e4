"""Views of training images for telling photographs from the rest: both kinds worn alike.

Every view is drawn from the same ranges of size, compression, crop, blur, colour and screen,
whatever kind its picture is, so that none of them says which kind it is. Some views of photographs
are re-rendered until they are paintings or drawings, and count as such. A view's ``wear`` says
whether it is as people usually send pictures, or small, blurred or on a screen.

It knows pixels and labels; no networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PIL import Image

from embeddings.edits import colour, compression, drawings, filters, geometry, render, screens, text
from embeddings.edits.canvas import scaled
from embeddings.training.batches.data import TrainingImage

Wear = Literal["usual", "small", "blurred", "screen"]
RERENDERED: Final = "re-rendered"
"""The style of what was a photograph."""


@dataclass(frozen=True)
class PassRecipe:
    """``[usual]`` and ``[worn]``: a pass over the corpus, and how its views are drawn; shares are
    0..1.
    """

    seed: int
    most: int
    """Images of one source and style at most."""
    weight: float
    """Of its views when evidence is fitted."""
    worn: float
    """Share of views that are small, blurred or on a screen."""
    rerendered: float
    """Share of photographs' views that become paintings or drawings."""
    rephotographed: float
    """Share of all views that become a photograph of a screen or a print."""
    cropped: float
    coloured: float
    captioned: float
    smallest: int
    """Shorter side of views that are not worn at least, pixels."""
    largest: int
    """And at most."""


@dataclass(frozen=True)
class TrainingView:
    """One view and what it shows."""

    image: Image.Image
    photographic: bool
    style: str
    """The image's, or ``RERENDERED``."""
    wear: Wear


def draw(image: TrainingImage, rng: np.random.Generator, recipe: PassRecipe) -> TrainingView:
    """A random view of ``image``."""
    view, photographic, style = image.open(), image.kind == "photo", image.style
    wear = _wear(rng, 1 - recipe.worn)
    if rng.random() < 0.5:
        view = geometry.mirror(view)
    if rng.random() < recipe.cropped:
        view = geometry.crop(view, float(rng.uniform(0.4, 1)), rng, float(rng.uniform(0.8, 1.25)))
    if photographic and rng.random() < recipe.rerendered:
        view, photographic, style = _painted(view, rng), False, RERENDERED
    if rng.random() < recipe.rephotographed:
        view = _rephotographed(view, rng)
    if rng.random() < recipe.coloured:
        view = _coloured(view, rng)
    if rng.random() < recipe.captioned:
        view = _captioned(view, rng)
    if wear == "screen":
        view = screens.any_screen(view, rng, image.open())
    side = int(rng.integers(recipe.smallest, recipe.largest + 1))
    if wear == "small":
        side = int(rng.integers(32, recipe.smallest))
    view = _sized(view, side)
    if wear == "blurred":
        view = filters.blur(view, float(rng.uniform(0.8, 2.5)) * side / recipe.largest)
    elif rng.random() < 0.2:
        view = filters.blur(view, float(rng.uniform(0.2, 0.6)))
    return TrainingView(_compressed(view, rng), photographic, style, wear)


def _wear(rng: np.random.Generator, usual: float) -> Wear:
    kinds: tuple[Wear, ...] = ("small", "blurred", "screen")
    return "usual" if rng.random() < usual else kinds[int(rng.integers(len(kinds)))]


def _sized(view: Image.Image, side: int) -> Image.Image:
    scale = min(1.0, side / min(view.size))
    return scaled(view, max(8, view.width * scale), max(8, view.height * scale))


def _painted(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    draw = rng.random()
    if draw < 0.5:
        return render.smooth(view, int(rng.integers(4, 8)), float(rng.uniform(35, 60)))
    if draw < 0.7:
        return render.cartoon(view, int(rng.integers(6, 14)), float(rng.uniform(0.7, 1.5)))
    if draw < 0.8:
        return render.palette(view, int(rng.integers(5, 12)), False)
    if draw < 0.9:
        return render.sketch(view, float(rng.uniform(2, 6)))
    return render.line_art(view, float(rng.uniform(0.7, 1.5)))


def _rephotographed(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    draw = rng.random()
    if draw < 0.4:
        view = render.moire(view, float(rng.uniform(0.1, 0.6)), rng)
    elif draw < 0.8:
        view = drawings.paper(view, rng, float(rng.uniform(0.05, 0.2)))
    view = geometry.perspective(view, float(rng.uniform(0, 0.1)), rng)
    return filters.noise(view, float(rng.uniform(1, 6)), rng)


def _coloured(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.3:
        view = colour.greyscale(view)
    else:
        view = colour.saturation(view, float(rng.uniform(0.5, 1.7)))
    view = colour.contrast(view, float(rng.uniform(0.7, 1.4)))
    return colour.gamma(view, float(rng.uniform(0.7, 1.4)))


def _captioned(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.5:
        return text.random_band(view, rng, float(rng.uniform(0.1, 0.25)))
    words = text.phrase(rng, 3)
    return text.meme(view, words, text.phrase(rng, 3), float(rng.uniform(0.08, 0.15)))


def _compressed(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.2:
        return compression.webp(view, int(rng.integers(40, 96)))
    subsampling = "4:2:0" if rng.random() < 0.8 else "4:4:4"
    return compression.jpeg(view, int(rng.integers(40, 96)), subsampling)
