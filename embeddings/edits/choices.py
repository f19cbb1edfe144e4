"""The random edits a training view may be given, each with its weights and its range.

Each takes the image, an unrelated ``other``, a generator and a strength 0..1, and draws its own
parameters: near no effect at strength 0, up to the heaviest still recognisable at 1. It knows
nothing of how edits are chained (see ``sampling``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from embeddings.edits import (
    colour,
    compose,
    compression,
    drawings,
    filters,
    geometry,
    render,
    screens,
    stickers,
    text,
)
from embeddings.edits.canvas import random_colour

Draw = Callable[[Image.Image, Image.Image, np.random.Generator, float], Image.Image]


@dataclass(frozen=True)
class EditChoice:
    """One edit as the sampler may draw it."""

    name: str
    group: str
    """At most one edit of a group is in a chain: two heavy crops would leave nothing."""
    draw: Draw
    """image, other, rng, strength 0..1 -> image."""
    weak: float
    """Weight at strength 0."""
    strong: float
    """Weight at strength 1."""
    photo: float = 1.0
    """Factor on the weight for photographs."""
    nonphoto: float = 1.0
    """Factor on the weight for drawings, renders and the like."""


def _between(rng: np.random.Generator, weak: float, strong: float, strength: float) -> float:
    """Uniform in a range from ``weak`` towards ``strong``; its ends move with strength."""
    lowest = 0.3 * strength
    reach = lowest + (1 - lowest) * rng.random()
    return weak + (strong - weak) * (0.25 + 0.75 * strength) * reach


def _factor(rng: np.random.Generator, most: float, strength: float) -> float:
    """A factor around 1, as often below as above, at most ``most`` times either way."""
    return float(most ** ((0.35 + 0.65 * strength) * rng.uniform(-1, 1)))


def _crop(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    return geometry.crop(image, _between(rng, 0.95, 0.2, s), rng, _factor(rng, 1.5, s))


def _rotate(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    draw = rng.random()
    if draw < 0.3:
        return geometry.rotate(image, float(rng.choice([90, 180, 270])))
    degrees = rng.uniform(-1, 1) * (8 + (172 if draw < 0.5 else 25) * s)
    if draw < 0.75:
        return geometry.rotate(image, degrees, random_colour(rng))
    return geometry.rotate_inside(image, degrees)


def _mirror(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    return geometry.flip(image) if rng.random() < 0.3 * s else geometry.mirror(image)


def _perspective(
    image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    return geometry.perspective(image, _between(rng, 0.05, 0.4, s), rng, random_colour(rng))


def _squash(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    return geometry.squash(image, _factor(rng, 2.0, s))


def _resize(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    scale = _between(rng, 0.8, 0.2, s)
    return geometry.down_up(image, scale) if rng.random() < 0.7 else geometry.resize(image, scale)


def _frame(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    if rng.random() < 0.5:
        return geometry.border(image, _between(rng, 0.03, 0.35, s), random_colour(rng))
    return geometry.letterbox(
        image, image.width / image.height * _factor(rng, 2.2, s), random_colour(rng)
    )


def _tone(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    edit = (colour.brightness, colour.contrast, colour.saturation, colour.gamma)
    return edit[int(rng.integers(0, 4))](image, _factor(rng, 2.2, s))


def _jitter(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    image = colour.brightness(image, _factor(rng, 1.5, s))
    image = colour.contrast(image, _factor(rng, 1.5, s))
    return colour.hue(image, rng.uniform(-1, 1) * (10 + 60 * s))


def _hue(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    return colour.hue(image, rng.uniform(-1, 1) * (20 + 160 * s))


def _cast(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    if rng.random() < 0.5:
        red, green, blue = (_factor(rng, 1.6, s) for _ in range(3))
        return colour.gains(image, red, green, blue)
    return colour.tint(image, random_colour(rng), _between(rng, 0.05, 0.45, s))


def _grey(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:  # noqa: ARG001
    return colour.greyscale(image) if rng.random() < 0.7 else colour.sepia(image)


def _invert(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:  # noqa: ARG001
    if rng.random() < 0.75:
        return colour.invert(image)
    return colour.solarise(image, int(rng.integers(64, 200)))


def _levels(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    draw = rng.random()
    if draw < 0.5:
        return colour.posterise(image, int(rng.integers(4 - round(2 * s), 6)))
    return colour.equalise(image) if draw < 0.75 else colour.autocontrast(image, 3 * s)


def _blur(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    side = min(image.size)
    if rng.random() < 0.8:
        return filters.blur(image, side * _between(rng, 0.004, 0.03, s))
    return filters.motion_blur(
        image, round(side * _between(rng, 0.01, 0.08, s)), rng.random() < 0.5
    )


def _sharpen(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    return filters.sharpen(image, round(_between(rng, 60, 500, s)))


def _noise(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    if rng.random() < 0.8:
        return filters.noise(image, _between(rng, 3, 50, s), rng)
    return filters.grain(image, _between(rng, 0.002, 0.12, s), rng)


def _pixelate(
    image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    return filters.pixelate(image, round(_between(rng, 90, 18, s)))


def _codec(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    draw = rng.random()
    if draw < 0.75:
        return compression.jpeg(image, round(_between(rng, 70, 5, s)))
    if draw < 0.98:
        return compression.webp(image, round(_between(rng, 60, 1, s)))
    return compression.avif(image, round(_between(rng, 60, 10, s)))


def _caption(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    height = _between(rng, 0.06, 0.16, s)
    words = text.phrase(rng, int(rng.integers(1, 4 + round(6 * s))))
    if rng.random() < 0.35:
        return text.meme(image, words, text.phrase(rng, int(rng.integers(1, 6))), height)
    edge: text.Edge = "top" if rng.random() < 0.5 else "bottom"
    return text.caption(image, words, height, edge, random_colour(rng))


def _band(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    return text.random_band(image, rng, _between(rng, 0.12, 0.6, s))


def _watermark(
    image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    words, opacity = text.phrase(rng, int(rng.integers(1, 3))), _between(rng, 0.25, 0.8, s)
    if rng.random() < 0.5:
        return text.watermark_tiled(image, words, opacity, rng.uniform(-45, 45), random_colour(rng))
    return text.watermark_corner(
        image, words, opacity, rng, random_colour(rng), rng.uniform(0.07, 0.2)
    )


def _stickers(
    image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    draw = rng.random()
    if draw < 0.6:
        count = int(rng.integers(1, 2 + round(4 * s)))
        return stickers.stickers(image, count, _between(rng, 0.12, 0.4, s), rng)
    if draw < 0.8:
        return stickers.scribble(image, int(rng.integers(1, 3 + round(3 * s))), 0.02, rng)
    return stickers.bars(
        image, int(rng.integers(1, 3)), _between(rng, 0.06, 0.2, s), rng, random_colour(rng)
    )


def _screen(
    image: Image.Image,
    other: Image.Image,
    rng: np.random.Generator,
    s: float,  # noqa: ARG001
) -> Image.Image:
    return screens.any_screen(image, rng, other if rng.random() < 0.6 else None)


def _paste(
    image: Image.Image, other: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    return compose.paste_onto(image, other, _between(rng, 0.85, 0.3, s), rng)


def _beside(
    image: Image.Image, other: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    if rng.random() < 0.65:
        return compose.side_by_side(image, other, rng.random() < 0.5, rng.random() < 0.5)
    if rng.random() < 0.5 or s < 0.3:
        return compose.inset(image, other, _between(rng, 0.25, 0.5, s), rng)
    return compose.collage(image, [other, geometry.mirror(other)], rng)


def _blend(
    image: Image.Image, other: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    amount = _between(rng, 0.12, 0.5, s)
    if rng.random() < 0.7:
        return compose.blend(image, other, amount)
    return compose.shadowed(image, other, min(1.0, 1.7 * amount), rng.uniform(0, 360))


def _print(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    if rng.random() < 0.5:
        period = max(2.5, min(image.size) / rng.uniform(45, 90))
        return render.halftone(image, period, rng.uniform(0, 90), rng.random() < 0.5)
    return render.moire(image, _between(rng, 0.3, 1.0, s), rng)


def _rerender(
    image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    draw = rng.random()
    if draw < 0.3:
        return render.smooth(
            image, int(rng.integers(2, 4 + round(4 * s))), _between(rng, 12, 60, s)
        )
    if draw < 0.6:
        return render.palette(image, round(_between(rng, 24, 3, s)), rng.random() < 0.4)
    return render.cartoon(image, int(rng.integers(6, 16)), rng.uniform(0.7, 1.5))


def _lines(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:  # noqa: ARG001
    draw = rng.random()
    if draw < 0.5:
        return render.sketch(image, min(image.size) * rng.uniform(0.015, 0.06))
    if draw < 0.85:
        return render.line_art(image, rng.uniform(0.6, 1.6), rng.uniform(0.4, 1.2))
    return render.emboss(image)


def _recolour(
    image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    draw = rng.random()
    if draw < 0.5:
        return drawings.swap_fills(image, 1 + int(rng.integers(0, 1 + round(4 * s))), rng)
    if draw < 0.75:
        orders = ((1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2))
        return colour.swap_channels(image, orders[int(rng.integers(0, 5))])
    # Dark half and light half: two colours of one brightness would leave an empty sheet.
    channels = rng.integers(0, 128, 6).tolist()
    return drawings.duotone(
        image,
        (channels[0], channels[1], channels[2]),
        (128 + channels[3], 128 + channels[4], 128 + channels[5]),
    )


def _redraw(image: Image.Image, _: Image.Image, rng: np.random.Generator, s: float) -> Image.Image:
    draw = rng.random()
    if draw < 0.6:
        wider = (1 + round(s * rng.random())) * (1 if rng.random() < 0.6 else -1)
        return drawings.line_weight(image, wider)
    if draw < 0.8:
        return drawings.flatten(image, _between(rng, 0.2, 0.6, s))
    return drawings.paper(image, rng, _between(rng, 0.1, 0.4, s))


def _ground(
    image: Image.Image, other: Image.Image, rng: np.random.Generator, s: float
) -> Image.Image:
    return drawings.replace_ground(image, rng, other if rng.random() < 0.5 * s else None)


CHOICES: Final = (
    EditChoice("crop", "crop", _crop, 2.0, 2.8),
    EditChoice("rotate", "turn", _rotate, 1.0, 1.9),
    EditChoice("mirror", "mirror", _mirror, 1.2, 1.0),
    EditChoice("perspective", "turn", _perspective, 0.5, 0.8),
    EditChoice("squash", "squash", _squash, 0.8, 0.6),
    EditChoice("resize", "detail", _resize, 1.0, 0.6),
    EditChoice("frame", "frame", _frame, 0.8, 1.0),
    EditChoice("tone", "tone", _tone, 1.2, 0.7),
    EditChoice("jitter", "tone", _jitter, 1.2, 1.0),
    EditChoice("hue", "hue", _hue, 0.6, 0.9),
    EditChoice("cast", "hue", _cast, 0.4, 0.6),
    EditChoice("grey", "hue", _grey, 0.6, 0.7),
    EditChoice("invert", "invert", _invert, 0.1, 0.8),
    EditChoice("levels", "levels", _levels, 0.4, 0.4),
    EditChoice("blur", "detail", _blur, 0.8, 1.0),
    EditChoice("sharpen", "levels", _sharpen, 0.4, 0.2),
    EditChoice("noise", "noise", _noise, 0.8, 0.8),
    EditChoice("pixelate", "detail", _pixelate, 0.2, 1.2),
    EditChoice("codec", "codec", _codec, 2.0, 1.0),
    EditChoice("caption", "caption", _caption, 0.8, 1.0),
    EditChoice("band", "frame", _band, 0.6, 1.0),
    EditChoice("watermark", "caption", _watermark, 0.5, 0.8),
    EditChoice("stickers", "stickers", _stickers, 0.6, 1.0),
    EditChoice("screen", "page", _screen, 0.3, 0.8),
    EditChoice("paste", "page", _paste, 0.3, 1.4),
    EditChoice("beside", "page", _beside, 0.2, 0.4),
    EditChoice("blend", "blend", _blend, 0.3, 1.2),
    EditChoice("print", "detail", _print, 0.1, 1.3),
    EditChoice("rerender", "detail", _rerender, 0.3, 0.7, photo=1.0, nonphoto=0.7),
    EditChoice("lines", "hue", _lines, 0.1, 0.5),
    EditChoice("recolour", "hue", _recolour, 0.2, 0.6, photo=0.4, nonphoto=2.0),
    EditChoice("redraw", "redraw", _redraw, 0.2, 0.4, photo=0.2, nonphoto=2.0),
    EditChoice("ground", "ground", _ground, 0.1, 0.3, photo=0.4, nonphoto=2.5),
)
"""Every edit the sampler knows, with its weights."""
