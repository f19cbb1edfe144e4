"""Things drawn on top of a picture: faces, hearts, stars, scribbles, bars.

It knows nothing of words (see ``text``) nor of other pictures (see ``compose``).
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from embeddings.edits.canvas import BLACK, WHITE, Colour, placed, random_colour


def _face(side: int, rng: np.random.Generator) -> Image.Image:
    sticker = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(sticker)
    draw.ellipse((0, 0, side - 1, side - 1), fill=(255, 204, 50), outline=(190, 130, 20))
    eye = max(1.0, side * 0.08)
    for centre in (0.33, 0.67):
        x, y = side * centre, side * 0.38
        draw.ellipse((x - eye, y - eye, x + eye, y + eye), fill=(70, 40, 10))
    mouth = (side * 0.25, side * 0.35, side * 0.75, side * 0.8)
    if rng.random() < 0.5:
        draw.arc(mouth, 20, 160, fill=(70, 40, 10), width=max(1, side // 14))
    else:
        draw.chord(mouth, 10, 170, fill=(120, 30, 30))
    return sticker


def _heart(side: int, rng: np.random.Generator) -> Image.Image:
    turn = np.linspace(0, 2 * math.pi, 24)
    x = 16 * np.sin(turn) ** 3
    y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
    points = [
        (float((a / 34 + 0.5) * side), float((0.5 - (b + 2) / 34) * side))
        for a, b in zip(x, y, strict=True)
    ]
    sticker = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    red = (225, 40, 60) if rng.random() < 0.7 else random_colour(rng)
    ImageDraw.Draw(sticker).polygon(points, fill=red)
    return sticker


def _star(side: int, rng: np.random.Generator) -> Image.Image:
    points = []
    for corner in range(10):
        reach = side * (0.5 if corner % 2 == 0 else 0.21)
        angle = math.pi * corner / 5
        points.append((side / 2 + reach * math.sin(angle), side / 2 - reach * math.cos(angle)))
    sticker = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(sticker).polygon(points, fill=random_colour(rng), outline=WHITE)
    return sticker


def _bubble(side: int, rng: np.random.Generator) -> Image.Image:
    sticker = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(sticker)
    colour = random_colour(rng)
    draw.rounded_rectangle((0, 0, side - 1, side * 0.7), radius=side * 0.2, fill=colour)
    draw.polygon(
        [(side * 0.2, side * 0.65), (side * 0.5, side * 0.65), (side * 0.15, side)], fill=colour
    )
    dot = max(1.0, side * 0.06)
    for centre in (0.3, 0.5, 0.7):
        x, y = side * centre, side * 0.36
        draw.ellipse(
            (x - dot, y - dot, x + dot, y + dot), fill=BLACK if sum(colour) > 360 else WHITE
        )
    return sticker


def stickers(
    image: Image.Image, count: int, fraction: float, rng: np.random.Generator
) -> Image.Image:
    """``count`` faces, hearts, stars, bubbles, each about ``fraction`` of the shorter side wide."""
    drawn = image.copy()
    for _ in range(count):
        side = max(2, round(min(image.size) * fraction * rng.uniform(0.7, 1.3)))
        make = (_face, _face, _heart, _star, _bubble)[int(rng.integers(0, 5))]
        sticker = make(side, rng)
        if rng.random() < 0.5:
            sticker = sticker.rotate(rng.uniform(-30, 30), Image.Resampling.BILINEAR, expand=True)
        drawn.paste(sticker, placed(image.size, sticker.size, rng), sticker)
    return drawn


def scribble(
    image: Image.Image, strokes: int, width: float, rng: np.random.Generator
) -> Image.Image:
    """Freehand lines of random colours, ``width`` of the shorter side thick."""
    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    scale = np.array(image.size)
    for _ in range(strokes):
        steps = rng.normal(0, 0.12, (9, 2)).cumsum(axis=0) + rng.uniform(0.15, 0.85, 2)
        points = [(float(x), float(y)) for x, y in steps * scale]
        draw.line(points, random_colour(rng), max(1, round(min(image.size) * width)), joint="curve")
    return drawn


def bars(
    image: Image.Image, count: int, height: float, rng: np.random.Generator, colour: Colour = BLACK
) -> Image.Image:
    """Redaction bars, each ``height`` of the image's height, a third to two thirds as wide."""
    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    for _ in range(count):
        size = (
            max(1, round(image.width * rng.uniform(0.3, 0.65))),
            max(1, round(image.height * height)),
        )
        left, top = placed(image.size, size, rng)
        draw.rectangle((left, top, left + size[0] - 1, top + size[1] - 1), fill=colour)
    return drawn
