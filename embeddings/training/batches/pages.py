"""Pages with a picture on them, and where it is: what the locator is trained on.

A page is a screenshot, a picture beside or pasted onto another, a meme's band or a sheet drawn at
random. Each is drawn three times with the same random numbers: with the picture, and with an
all black and an all white one in its place, whose difference says which pixels of the page are the
picture's. A quarter of the samples are pictures without a page, of which everything is theirs.

It knows edits and masks; nothing of networks or files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from embeddings.edits import compose, geometry, sampling, screens, text
from embeddings.edits.canvas import contained, covering, placed, random_colour
from embeddings.edits.choices import CHOICES
from embeddings.edits.sampling import Kind
from embeddings.network.encoder import squashed
from embeddings.network.preparing.locating import CELLS, LEAST, glance
from embeddings.network.preparing.trimming import content

Page = Callable[[Image.Image, Image.Image, np.random.Generator], Image.Image]
"""The picture, an unrelated other, a generator -> the page."""

_LARGER: Final = 2.0  # times another picture on the page: which of them it shows is no question
_MOVING: Final = frozenset(("crop", "turn", "mirror", "squash", "frame", "ground", "blend"))
_BEFORE: Final = frozenset(one.name for one in CHOICES if one.group != "page")
_AFTER: Final = frozenset(
    one.name for one in CHOICES if one.name in _BEFORE and one.group not in _MOVING
)  # edits that leave everything on a page in its place


def _paste(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    return compose.paste_onto(image, other, float(rng.uniform(0.45, 0.93)), rng)


def _beside(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Of two pictures the first is the page's, unless the second is twice as large."""
    stacked = bool(rng.random() < 0.4)
    if rng.random() < 0.5 or _times(image, other, stacked) < 1 / _LARGER:
        other = covering(other, image.width, image.height)
    first = bool(rng.random() < 0.5) if _times(image, other, stacked) > _LARGER else True
    return compose.side_by_side(image, other, first, stacked)


def _times(image: Image.Image, other: Image.Image, stacked: bool) -> float:
    """How many times the space of ``other`` ``image`` takes on a sheet with both."""
    ratio = image.width * other.height / (image.height * other.width)
    return 1 / ratio if stacked else ratio


def _band(image: Image.Image, _: Image.Image, rng: np.random.Generator) -> Image.Image:
    return text.random_band(image, rng, float(rng.uniform(0.1, 0.6)))


def _screen(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    return screens.any_screen(image, rng, other if rng.random() < 0.6 else None)


def _sheet(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A page of no program: a ground, boxes, words and small pictures, and the picture on top."""
    width, height = (round(side * rng.uniform(1.02, 1.9)) for side in image.size)
    ground = rng.random()
    page = Image.new("RGB", (width, height), random_colour(rng))
    if ground < 0.2:
        page = covering(other, width, height)
    elif ground < 0.35:
        ends = np.array([random_colour(rng), random_colour(rng)], np.float32)
        ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        shade = ends[0] * (1 - ramp) + ends[1] * ramp
        page = Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(page)
    for _ in range(int(rng.integers(0, 12))):
        left, top = int(rng.integers(-20, width)), int(rng.integers(-20, height))
        right, bottom = left + int(rng.integers(4, width)), top + int(rng.integers(4, 40))
        what = rng.random()
        if what < 0.4:
            draw.rectangle((left, top, right, bottom), fill=random_colour(rng))
        elif what < 0.8:
            size = int(rng.integers(6, 16))
            words = text.phrase(rng, int(rng.integers(1, 7)))
            draw.text((left, top), words, fill=random_colour(rng), font=text.font(size))
        else:
            page.paste(contained(other, width / 3, height / 3), (left, top))
    page.paste(image, placed(page.size, image.size, rng))
    return page


_PAGES: Final[tuple[tuple[float, Page], ...]] = (
    (0.24, _screen),
    (0.18, _paste),
    (0.14, _beside),
    (0.06, _band),
    (0.14, _sheet),
)
"""Share of the samples, and how the page is drawn."""

_WHOLE: Final[tuple[tuple[float, Page], ...]] = (
    (0.05, lambda image, other, rng: compose.inset(image, other, rng.uniform(0.2, 0.4), rng)),
    (0.04, lambda image, other, rng: compose.collage(image, [other, geometry.mirror(other)], rng)),
)
"""What has further pictures in it and is one all the same."""


def sample(
    image: Image.Image,
    other: Image.Image,
    rng: np.random.Generator,
    kind: Kind,
    detail: int,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A page as the locator sees it, uint8 (96, 96, 3), and its answer, uint8 (24, 24): how much
    of each cell is the picture's, 0..255. ``detail``: pixels a side that images are squashed to.
    """
    if rng.random() < 0.5:
        image = _edited(image, other, rng, kind, _BEFORE, 2)
    page, mask = drawn(image, other, rng)
    if rng.random() < 0.3:
        page, mask = _cropped(page, mask, rng)
    page = _edited(page, other, rng, kind, _AFTER, 3)
    mask = mask.resize(page.size)
    pixels = np.asarray(page)
    part = content(pixels)
    cells = mask.crop((part.left, part.top, part.right, part.bottom))
    answer = np.asarray(cells.resize((CELLS, CELLS), Image.Resampling.BOX))
    if answer.mean() < 255 * LEAST:
        answer = np.full_like(answer, 255)
    return glance(squashed(part.of(pixels), detail)), answer


def drawn(
    image: Image.Image, other: Image.Image, rng: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """A page and its mask, mode L: 255 where the picture is."""
    draw = rng.random()
    for share, page in _WHOLE:
        draw -= share
        if draw < 0:
            whole = page(image, other, rng)
            return whole, Image.new("L", whole.size, 255)
    seed = int(rng.integers(0, 2**62))
    for share, page in _PAGES:
        draw -= share
        if draw < 0:
            black, white = Image.new("RGB", image.size), Image.new("RGB", image.size, "white")
            shown, dark, light = (
                page(one, other, np.random.default_rng(seed)) for one in (image, black, white)
            )
            mask = np.asarray(light.convert("L"), np.int16) - np.asarray(dark.convert("L"))
            marked = Image.fromarray(np.clip(mask, 0, 255).astype(np.uint8))
            # Mirrored, the first of two pictures would be the second.
            if page is not _beside and rng.random() < 0.25:
                return geometry.mirror(shown), geometry.mirror(marked)
            return shown, marked
    return image, Image.new("L", image.size, 255)


def _cropped(
    page: Image.Image, mask: Image.Image, rng: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    fraction, seed = float(rng.uniform(0.6, 1)), int(rng.integers(0, 2**62))
    first, second = (
        geometry.crop(one, fraction, np.random.default_rng(seed)) for one in (page, mask)
    )
    return first, second


def _edited(
    image: Image.Image,
    other: Image.Image,
    rng: np.random.Generator,
    kind: Kind,
    names: frozenset[str],
    most: int,
) -> Image.Image:
    """``image`` through up to ``most`` of the edits named."""
    strength = float(rng.random())
    chosen = [one for one in sampling.drawn(rng, strength, kind) if one.name in names]
    for one in chosen[:most]:
        image = one.draw(image, other, rng, strength)
    return image
