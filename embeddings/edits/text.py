"""Words on a picture: captions, meme bands, watermarks. Set in the font that Pillow carries.

It knows nothing of languages: the words are plain English nouns and verbs, drawn at random.
"""

from __future__ import annotations

import functools
import math
from typing import Final, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from embeddings.edits.canvas import BLACK, WHITE, Colour, placed, random_colour

Edge = Literal["top", "bottom"]

_PROSE: Final = (
    "when you see the morning bus and it is already late again today look at this one more time "
    "my friend said never but here we are still waiting for summer coffee first then work nobody "
    "asked about green tea weekend mood only best day ever wow really new photo from our garden "
    "share with someone who needs rain boots tomorrow maybe not sure why it works but it does"
)
WORDS: Final = tuple(_PROSE.split())

MIN_FONT: Final = 7
"""Pixels: below this the letters are noise, so no text is set smaller."""

MAX_FONT: Final = 96


@functools.lru_cache(maxsize=MAX_FONT)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font at ``size`` pixels, held within what is readable and cheap."""
    return ImageFont.load_default(min(MAX_FONT, max(MIN_FONT, size)))


def phrase(rng: np.random.Generator, words: int) -> str:
    """``words`` random words."""
    return " ".join(WORDS[index] for index in rng.integers(0, len(WORDS), words))


def _wrapped(words: str, size: int, width: int) -> str:
    # Pillow's font is about half as wide as it is high: an estimate saves measuring every line.
    room = max(4, int(width / (0.52 * max(size, MIN_FONT))))
    lines, line = [], ""
    for word in words.split():
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def caption(
    image: Image.Image,
    words: str,
    height: float = 0.1,
    edge: Edge = "bottom",
    colour: Colour = WHITE,
    outline: Colour | None = BLACK,
) -> Image.Image:
    """Letters on the picture itself, ``height`` of the shorter side high, at its top or bottom."""
    drawn = image.copy()
    size = round(min(image.size) * height)
    text = _wrapped(words, size, image.width)
    draw = ImageDraw.Draw(drawn)
    margin = max(2, size // 3)
    top = edge == "top"
    draw.multiline_text(
        (image.width / 2, margin if top else image.height - margin),
        text,
        fill=colour,
        font=font(size),
        anchor="ma" if top else "md",
        align="center",
        stroke_width=0 if outline is None else max(1, size // 12),
        stroke_fill=outline,
    )
    return drawn


def band(
    image: Image.Image,
    words: str,
    height: float = 0.25,
    edge: Edge = "top",
    paper: Colour = WHITE,
    ink: Colour = BLACK,
) -> Image.Image:
    """A meme's band: a strip of ``paper``, ``height`` of the image's own, added, with words."""
    strip = max(1, round(image.height * height))
    framed = Image.new("RGB", (image.width, image.height + strip), paper)
    top = edge == "top"
    framed.paste(image, (0, strip if top else 0))
    size = max(MIN_FONT, min(round(strip * 0.32), image.width // 8))
    while size > MIN_FONT and (_wrapped(words, size, image.width).count("\n") + 1.5) * size > strip:
        size -= 1
    ImageDraw.Draw(framed).multiline_text(
        (image.width / 2, strip / 2 if top else image.height + strip / 2),
        _wrapped(words, size, image.width),
        fill=ink,
        font=font(size),
        anchor="mm",
        align="center",
    )
    return framed


def meme(image: Image.Image, upper: str, lower: str, height: float = 0.13) -> Image.Image:
    """White capitals with a black outline at top and bottom."""
    return caption(caption(image, upper.upper(), height, "top"), lower.upper(), height, "bottom")


def _stamped(image: Image.Image, mask: Image.Image, colour: Colour, opacity: float) -> Image.Image:
    drawn = image.copy()
    faint = mask.point([round(value * opacity) for value in range(256)])
    drawn.paste(colour, (0, 0), faint)
    return drawn


def watermark_tiled(
    image: Image.Image, words: str, opacity: float, degrees: float = 30.0, colour: Colour = WHITE
) -> Image.Image:
    """The same words over and over, slanted, ``opacity`` 0..1."""
    size = max(MIN_FONT, min(image.size) // 10)
    face = font(size)
    tile = Image.new("L", (max(1, round(face.getlength(words))) + size, round(size * 2.2)), 0)
    ImageDraw.Draw(tile).text((0, 0), words, fill=255, font=face)
    # A sheet as long as the diagonal covers the picture however it is turned.
    side = math.ceil(math.hypot(*image.size))
    copies = (-(-side // tile.height), -(-side // tile.width))
    sheet = Image.fromarray(np.tile(np.asarray(tile), copies)[:side, :side].copy())
    turned = sheet.rotate(degrees, Image.Resampling.BILINEAR)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    mask = turned.crop((left, top, left + image.width, top + image.height))
    return _stamped(image, mask, colour, opacity)


def watermark_corner(
    image: Image.Image,
    words: str,
    opacity: float,
    rng: np.random.Generator,
    colour: Colour = WHITE,
    height: float = 0.09,
) -> Image.Image:
    """One line of words somewhere on the picture, ``opacity`` 0..1."""
    size = max(MIN_FONT, round(min(image.size) * height))
    length = font(size).getlength(words)
    if length > image.width:
        size = max(MIN_FONT, int(size * image.width / length))
        length = font(size).getlength(words)
    mask = Image.new("L", image.size, 0)
    corner = placed(image.size, (round(length), size + size // 2), rng)
    ImageDraw.Draw(mask).text(corner, words, fill=255, font=font(size))
    return _stamped(image, mask, colour, opacity)


def random_band(image: Image.Image, rng: np.random.Generator, height: float) -> Image.Image:
    """A meme's band with random words, edge and colours; dark ink on light paper or the reverse."""
    paper = random_colour(rng)
    ink = BLACK if sum(paper) > 3 * 120 else WHITE
    edge: Edge = "top" if rng.random() < 0.6 else "bottom"
    return band(image, phrase(rng, int(rng.integers(2, 10))), height, edge, paper, ink)
