"""What the demo lists and asks: sample images, edited copies of them, strangers, and what is right.

It knows images and verdicts; not how the service is reached.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import PIL.Image
import PIL.ImageDraw

from embeddings.edits import compression, geometry, text
from evaluation.corpora import samples

Verdict = Literal["block", "review", "none"]

PHOTOGRAPHS: Final = "photographs"
"""A bank whose PDQ matches block."""
DRAWINGS: Final = "drawings"
"""A bank whose PDQ matches ask for review."""
BLANK: Final = "blank page"

_COPIED_PHOTOGRAPHS: Final = ("cat", "coffee", "launchpad")
_COPIED_DRAWINGS: Final = ("house", "butterfly", "stained_glass")
_LISTED_PHOTOGRAPHS: Final = (*_COPIED_PHOTOGRAPHS, "coins", "tissue", "bricks")
_LISTED_DRAWINGS: Final = (
    *_COPIED_DRAWINGS,
    "comic",
    "robot",
    "reef",
    "town_map",
    "rosette",
    "teapot",
)
"""More than is asked about: a copy must be told from its neighbours too."""
_STRANGE_PHOTOGRAPHS: Final = ("retina", "galaxies", "gravel", "grass")
_STRANGE_DRAWINGS: Final = ("sailing", "owl", "bar_chart", "still_life")


@dataclass(frozen=True)
class Reference:
    """A known image, to be listed."""

    bank: str
    name: str
    data: bytes


@dataclass(frozen=True)
class DemoQuery:
    """An image to ask about."""

    name: str
    edit: str
    data: bytes
    verdict: Verdict
    """The right one."""
    bank: str = ""
    """Where it must be found; empty for a stranger."""
    coverage: str = "full"

    @property
    def entry(self) -> str:
        """The bank and the id under which it must be found; empty for a stranger."""
        return f"{self.bank}/{self.name}" if self.bank else ""


def references() -> Iterator[Reference]:
    """The listed images, as JPEG files."""
    for name in _LISTED_PHOTOGRAPHS:
        yield Reference(PHOTOGRAPHS, name, _jpeg(samples.photograph(name).image))
    for name in _LISTED_DRAWINGS:
        yield Reference(DRAWINGS, name, _jpeg(samples.drawing(name).image))
    yield Reference(DRAWINGS, BLANK, _blank((255, 255, 255)))


def queries() -> Iterator[DemoQuery]:
    """Copies of listed images, then strangers, then blank pages."""
    for bank, name, image in (
        *((PHOTOGRAPHS, name, samples.photograph(name).image) for name in _COPIED_PHOTOGRAPHS),
        *((DRAWINGS, name, samples.drawing(name).image) for name in _COPIED_DRAWINGS),
    ):
        yield DemoQuery(name, "the same file", _jpeg(image), "block", bank)
        for edit, verdicts, apply in _EDITS:
            verdict = verdicts[bank]
            edited = apply(image)
            yield DemoQuery(name, edit, _jpeg(edited, 90), verdict, bank)
    for name in _STRANGE_PHOTOGRAPHS:
        yield DemoQuery(name, "stranger", _jpeg(samples.photograph(name).image), "none")
    for name in _STRANGE_DRAWINGS:
        yield DemoQuery(name, "stranger", _jpeg(samples.drawing(name).image), "none")
    blank = _blank((255, 255, 255))
    yield DemoQuery(BLANK, "the same file", blank, "block", DRAWINGS, "digests_only")
    yield DemoQuery(BLANK, "another blank", _blank((250, 250, 245)), "none", "", "digests_only")


def _recompressed(image: PIL.Image.Image) -> PIL.Image.Image:
    return compression.jpeg(image, 25)


def _resized(image: PIL.Image.Image) -> PIL.Image.Image:
    return geometry.resize(image, 0.5)


def _cropped(image: PIL.Image.Image) -> PIL.Image.Image:
    return geometry.crop(image, 0.7, np.random.default_rng(7))


def _mirrored(image: PIL.Image.Image) -> PIL.Image.Image:
    return geometry.mirror(image)


def _captioned(image: PIL.Image.Image) -> PIL.Image.Image:
    return text.band(image, "when you see it again", 0.22)


def _screenshotted(image: PIL.Image.Image) -> PIL.Image.Image:
    """The picture in an image viewer: a title bar above, buttons below."""
    bar = round(image.height * 0.07)
    screen = PIL.Image.new("RGB", (image.width, image.height + 2 * bar), "#202124")
    screen.paste(image, (0, bar))
    draw = PIL.ImageDraw.Draw(screen)
    draw.text((bar / 2, bar / 2), "IMG_2041 (1).jpg", "#e8eaed", text.font(bar // 2), anchor="lm")
    for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        _button(draw, image.width - bar * (0.7 + 1.1 * place), bar / 2, bar * 0.18, colour)
    for place in range(-2, 3):
        x, y = image.width / 2 + place * bar * 1.6, bar * 1.5 + image.height
        _button(draw, x, y, bar * 0.28, "#9aa0a6")
    return screen


def _button(draw: PIL.ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: str) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


# What PDQ finds it decides as the bank says; what only the code finds is for people to look at.
_BY_PDQ: Final[dict[str, Verdict]] = {PHOTOGRAPHS: "block", DRAWINGS: "review"}
_BY_CODE: Final[dict[str, Verdict]] = {PHOTOGRAPHS: "review", DRAWINGS: "review"}
_EDITS: Final[
    tuple[tuple[str, dict[str, Verdict], Callable[[PIL.Image.Image], PIL.Image.Image]], ...]
] = (
    ("recompressed", _BY_PDQ, _recompressed),
    ("resized", _BY_PDQ, _resized),
    ("cropped", _BY_CODE, _cropped),
    ("mirrored", _BY_CODE, _mirrored),
    ("captioned", _BY_CODE, _captioned),
    ("screenshotted", _BY_CODE, _screenshotted),
)


def _jpeg(image: PIL.Image.Image, quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _blank(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (400, 300), colour).save(buffer, "PNG")
    return buffer.getvalue()
