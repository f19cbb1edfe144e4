"""Screenshots: the picture inside the furniture of a program, drawn here, of no real product.

Sizes follow the picture: it stays about as large as it was and the screen grows around it. It knows
nothing of fonts and words beyond what ``text`` offers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from embeddings.edits.canvas import Colour, covering, scaled
from embeddings.edits.text import font, phrase

_LIGHT: Final = ((255, 255, 255), (242, 242, 245), (30, 30, 34), (150, 150, 158))
_DARK: Final = ((18, 18, 20), (38, 38, 42), (236, 236, 240), (120, 120, 128))
_ACCENTS: Final[tuple[Colour, ...]] = (
    (24, 119, 242), (37, 180, 95), (225, 48, 108), (250, 120, 20), (120, 80, 220), (0, 160, 170),
)  # fmt: skip

MIN_SIDE: Final = 48
"""Pixels: a picture's shorter side on a screen is at least this."""

Theme = tuple[Colour, Colour, Colour, Colour]
"""Paper, panel, ink, faint ink."""


def _theme(rng: np.random.Generator) -> tuple[Theme, Colour]:
    theme = _DARK if rng.random() < 0.4 else _LIGHT
    return theme, _ACCENTS[int(rng.integers(0, len(_ACCENTS)))]


def _framed(image: Image.Image) -> Image.Image:
    # A strip would make a screen thousands of pixels high: programs crop such pictures too. And
    # furniture needs some room, so a stamp is shown enlarged.
    width, height = image.size
    if width > 3 * height:
        image = covering(image, 3 * height, height)
    elif height > 3 * width:
        image = covering(image, width, 3 * width)
    scale = MIN_SIDE / min(image.size)
    return scaled(image, image.width * scale, image.height * scale) if scale > 1 else image


def _lines(
    draw: ImageDraw.ImageDraw, box: tuple[float, float], rng: np.random.Generator, unit: int,
    ink: Colour, lines: int = 1, words: int = 4,
) -> None:  # fmt: skip
    for line in range(lines):
        place = (box[0], box[1] + line * unit * 1.35)
        draw.text(place, phrase(rng, words), fill=ink, font=font(unit))


def chat(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """A phone's messenger: a bar with a name, bubbles, the picture as a message, an input line."""
    (paper, panel, ink, faint), accent = _theme(rng)
    shown = _framed(image)
    unit = max(7, shown.width // 16)
    width, bar = round(shown.width * 1.3), unit * 3
    above, below = int(rng.integers(0, 3)), int(rng.integers(0, 3))
    bubble = unit * 2
    height = bar + (above + below) * (bubble + unit) + shown.height + unit * 5
    screen = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, width, bar), fill=accent if rng.random() < 0.5 else panel)
    draw.ellipse((unit, unit * 0.6, unit * 2.8, unit * 2.4), fill=faint)
    if other is not None:
        screen.paste(
            covering(other, unit * 1.3, unit * 1.3), (round(unit * 1.25), round(unit * 0.85))
        )
    draw.text((unit * 3.4, unit), phrase(rng, 2), fill=ink, font=font(unit))
    y = bar + unit

    def say(y: int) -> int:
        mine = rng.random() < 0.5
        length = round(width * rng.uniform(0.3, 0.75))
        left = width - length - unit if mine else unit
        draw.rounded_rectangle(
            (left, y, left + length, y + bubble), radius=unit // 2, fill=accent if mine else panel
        )
        words = phrase(rng, max(1, length // (unit * 3)))
        draw.text((left + unit // 2, y + unit // 2), words, fill=ink, font=font(unit - 1))
        return y + bubble + unit

    for _ in range(above):
        y = say(y)
    screen.paste(shown, (unit if rng.random() < 0.5 else width - shown.width - unit, y))
    y += shown.height + unit
    for _ in range(below):
        y = say(y)
    draw.rounded_rectangle((unit, y, width - unit * 4, y + bubble), radius=unit, fill=panel)
    draw.text((unit * 2, y + unit // 2), "Message", fill=faint, font=font(unit - 1))
    draw.ellipse((width - unit * 3, y, width - unit, y + bubble), fill=accent)
    return screen


def gallery(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """A phone's photo viewer: the picture between wide bars, a row of small pictures, buttons."""
    (paper, panel, ink, faint), accent = _theme(rng)
    shown = _framed(image)
    width = shown.width
    unit = max(7, width // 16)
    height = max(round(width * rng.uniform(1.4, 1.9)), shown.height + unit * 9)
    screen = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(screen)
    draw.text((unit, unit * 0.5), "9:41", fill=ink, font=font(unit))
    draw.rectangle((width - unit * 3, unit * 0.7, width - unit, unit * 1.4), outline=ink)
    draw.text((width / 2, unit * 2.6), phrase(rng, 2), fill=ink, font=font(unit), anchor="mt")
    screen.paste(shown, (0, (height - shown.height) // 2))
    strip = height - unit * 4
    for index in range(10):
        left = round(index * width / 10)
        if other is not None and index % 3 != 1:
            screen.paste(covering(other, width / 10 - 1, unit * 1.5), (left, strip))
        else:
            draw.rectangle((left, strip, left + width / 10 - 2, strip + unit * 1.5), fill=panel)
    for index in range(5):
        x = width * (index + 0.5) / 5
        y = height - unit * 1.2
        draw.ellipse((x - unit * 0.5, y - unit * 0.5, x + unit * 0.5, y + unit * 0.5),
                     outline=accent if index == 2 else faint, width=max(1, unit // 6))  # fmt: skip
    return screen


def browser(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """A browser's window: address line, headline, the picture in a column, text, a side bar."""
    (paper, panel, ink, faint), accent = _theme(rng)
    shown = _framed(image)
    unit = max(7, shown.width // 20)
    side = round(shown.width * rng.uniform(0.3, 0.6))
    width = shown.width + side + unit * 3
    bar = round(unit * 3.4)
    height = bar + shown.height + unit * 9
    screen = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, width, bar), fill=panel)
    for index, light in enumerate(((236, 106, 94), (245, 191, 79), (98, 197, 84))):
        x = unit * (0.6 + index)
        draw.ellipse((x, unit * 0.5, x + unit * 0.7, unit * 1.2), fill=light)
    draw.rounded_rectangle(
        (unit * 4, unit * 0.3, unit * 10, unit * 1.5), radius=unit // 3, fill=paper
    )
    draw.rounded_rectangle(
        (unit * 2, unit * 1.8, width - unit, unit * 3.1), radius=unit // 2, fill=paper
    )
    draw.text(
        (unit * 2.6, unit * 1.9), "example.org/" + phrase(rng, 1), fill=faint, font=font(unit - 1)
    )
    left = unit if rng.random() < 0.6 else side + unit * 2
    aside = shown.width + unit * 2 if left == unit else unit
    draw.text((left, bar + unit), phrase(rng, 4), fill=ink, font=font(round(unit * 1.5)))
    screen.paste(shown, (left, bar + unit * 4))
    _lines(
        draw,
        (left, bar + shown.height + unit * 4.6),
        rng,
        unit,
        ink,
        3,
        max(3, shown.width // (unit * 4)),
    )
    y = bar + unit * 2
    while y + unit * 6 < height:
        block = round(side * 0.6)
        if other is not None and rng.random() < 0.5:
            screen.paste(covering(other, side - unit, min(block, height - y)), (aside, y))
        else:
            draw.rectangle((aside, y, aside + side - unit, y + block), fill=panel)
            draw.text(
                (aside + unit // 2, y + unit // 2), phrase(rng, 2), fill=accent, font=font(unit)
            )
        y += block + unit * 2
    return screen


def feed(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """A social feed's post: name, picture, icons, count, comment; a slice of the next post."""
    (paper, panel, ink, faint), accent = _theme(rng)
    shown = _framed(image)
    width = shown.width
    unit = max(7, width // 16)
    tail = int(rng.integers(0, max(2, shown.height // 3)))
    height = shown.height + unit * 8 + tail
    screen = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(screen)
    draw.ellipse((unit * 0.5, unit * 0.5, unit * 2.5, unit * 2.5), fill=accent)
    draw.text((unit * 3, unit * 0.5), phrase(rng, 2), fill=ink, font=font(unit))
    draw.text((unit * 3, unit * 1.7), "2 h", fill=faint, font=font(unit - 2))
    screen.paste(shown, (0, unit * 3))
    y = shown.height + unit * 3.6
    for index in range(3):
        x = unit * (0.6 + index * 2)
        draw.rounded_rectangle((x, y, x + unit * 1.2, y + unit * 1.2), radius=unit // 2,
                               outline=ink, width=max(1, unit // 6))  # fmt: skip
    draw.text(
        (unit * 0.6, y + unit * 1.6), f"{rng.integers(2, 999)} likes", fill=ink, font=font(unit)
    )
    _lines(draw, (unit * 0.6, y + unit * 2.9), rng, unit, faint, 1, 5)
    if tail > 1 and other is not None:
        screen.paste(
            covering(other, width, shown.height).crop((0, 0, width, tail)), (0, height - tail)
        )
    elif tail > 1:
        draw.rectangle((0, height - tail, width, height), fill=panel)
    return screen


def desktop(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """A picture viewer's window on a desktop, the wallpaper a gradient or ``other``."""
    (paper, panel, ink, _), accent = _theme(rng)
    shown = _framed(image)
    unit = max(7, shown.width // 24)
    width, height = round(shown.width * 1.5), round(shown.height * 1.35) + unit * 5
    if other is not None and rng.random() < 0.5:
        screen = covering(other, width, height)
    else:
        ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        shade = np.array(accent) * (1 - ramp) + np.array(panel) * ramp
        screen = Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(screen)
    left = int(rng.integers(0, width - shown.width))
    top = int(rng.integers(0, max(1, height - shown.height - unit * 4)))
    draw.rectangle((left, top, left + shown.width - 1, top + unit * 2), fill=panel)
    draw.text((left + unit * 0.5, top + unit * 0.4), phrase(rng, 2), fill=ink, font=font(unit))
    draw.text((left + shown.width - unit * 2, top + unit * 0.3), "x", fill=ink, font=font(unit))
    screen.paste(shown, (left, top + unit * 2))
    draw.rectangle((0, height - unit * 2, width, height), fill=paper)
    for index in range(6):
        x = unit * (1 + index * 2)
        draw.rectangle((x, height - unit * 1.6, x + unit, height - unit * 0.5),
                       fill=_ACCENTS[(index + len(accent)) % len(_ACCENTS)])  # fmt: skip
    return screen


SCREENS: Final = (chat, gallery, browser, feed, desktop)


def any_screen(
    image: Image.Image, rng: np.random.Generator, other: Image.Image | None = None
) -> Image.Image:
    """A screenshot of one of the programs, at random."""
    return SCREENS[int(rng.integers(0, len(SCREENS)))](image, rng, other)
