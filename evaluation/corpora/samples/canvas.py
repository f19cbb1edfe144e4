"""A small canvas on Pillow: units instead of pixels, smooth edges, gradients.

A picture is drawn at twice its size and reduced once, which is what makes edges smooth. It knows
shapes and colours; not what the drawings show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

Point = tuple[float, float]

_PIXELS: Final = 1.6
"""Pixels a unit in the finished picture: 400 units are 640 pixels."""
_SCALE: Final = 2 * _PIXELS


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class Canvas:
    """A picture of ``width`` × ``height`` units, origin top left. Colours are ``#rrggbb``."""

    def __init__(self, ground: str, width: int = 400, height: int = 300) -> None:
        """Start with one plain colour."""
        self.width, self.height = width, height
        self._image = PIL.Image.new("RGB", (round(width * _SCALE), round(height * _SCALE)), ground)
        self._draw = PIL.ImageDraw.Draw(self._image)

    def finish(self) -> PIL.Image.Image:
        """The picture at its final size, RGB."""
        return self._image.reduce(2)

    def gradient(self, top: str, bottom: str, y0: float = 0.0, y1: float | None = None) -> None:
        """Blend two colours downwards from height ``y0`` to ``y1``, over the whole width."""
        first, last = round(y0 * _SCALE), round((self.height if y1 is None else y1) * _SCALE)
        blend = np.linspace(0.0, 1.0, last - first)[:, None]
        column = (1 - blend) * np.array(_rgb(top)) + blend * np.array(_rgb(bottom))
        rows = np.repeat(column.round().astype(np.uint8)[:, None], self._image.width, axis=1)
        self._image.paste(PIL.Image.fromarray(rows), (0, first))

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: str | None,
        outline: str | None = None,
        stroke: float = 1.5,
        corner: float = 0.0,
    ) -> None:
        """A rectangle, its corners rounded by ``corner`` units."""
        self._draw.rounded_rectangle(
            self._at([(x0, y0), (x1, y1)]),
            corner * _SCALE,
            fill,
            outline,
            self._stroke(stroke) if outline else 0,
        )

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        fill: str | None,
        outline: str | None = None,
        stroke: float = 1.5,
        flat: float = 1.0,
    ) -> None:
        """A disc, or an ellipse whose height is ``flat`` times its width."""
        corners = [(x - radius, y - radius * flat), (x + radius, y + radius * flat)]
        width = self._stroke(stroke) if outline else 0
        self._draw.ellipse(self._at(corners), fill, outline, width)

    def sector(
        self, x: float, y: float, radius: float, start: float, end: float, fill: str
    ) -> None:
        """A slice of a disc between two angles, degrees clockwise from three o'clock."""
        corners = [(x - radius, y - radius), (x + radius, y + radius)]
        self._draw.pieslice(self._at(corners), start, end, fill)

    def arc(
        self,
        x: float,
        y: float,
        radius: float,
        start: float,
        end: float,
        colour: str,
        stroke: float = 1.5,
    ) -> None:
        """A part of a circle between two angles, degrees clockwise from three o'clock."""
        corners = [(x - radius, y - radius), (x + radius, y + radius)]
        self._draw.arc(self._at(corners), start, end, colour, self._stroke(stroke))

    def shape(
        self,
        points: Sequence[Point],
        fill: str | None,
        outline: str | None = None,
        stroke: float = 1.5,
    ) -> None:
        """A polygon."""
        width = self._stroke(stroke) if outline else 0
        self._draw.polygon(self._at(points), fill, outline, width)

    def line(self, points: Sequence[Point], colour: str, stroke: float = 1.5) -> None:
        """Straight lines through the points."""
        self._draw.line(self._at(points), colour, self._stroke(stroke), joint="curve")

    def text(self, x: float, y: float, words: str, size: float, colour: str) -> None:
        """Words centred on a point, in the typeface that comes with Pillow."""
        font = PIL.ImageFont.load_default(size * _SCALE)
        self._draw.text((x * _SCALE, y * _SCALE), words, colour, font, anchor="mm")

    def _at(self, points: Sequence[Point]) -> list[Point]:
        return [(x * _SCALE, y * _SCALE) for x, y in points]

    def _stroke(self, stroke: float) -> int:
        return max(1, round(stroke * _SCALE))


def ridge(heights: Sequence[float], width: float, base: float, start: float = 0.0) -> list[Point]:
    """A polygon under a smooth line through evenly spaced ``heights``, closed along ``base``."""
    steps = np.linspace(0.0, len(heights) - 1.0, 12 * len(heights))
    whole = np.minimum(steps.astype(int), len(heights) - 2)
    ease = (1 - np.cos((steps - whole) * math.pi)) / 2
    values = np.asarray(heights, float)
    ys = values[whole] * (1 - ease) + values[whole + 1] * ease
    xs = start + steps / (len(heights) - 1) * width
    line = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    return [*line, (start + width, base), (start, base)]


def star(
    x: float, y: float, outer: float, inner: float, points: int, turn: float = -90.0
) -> list[Point]:
    """A star with ``points`` tips, the first at ``turn`` degrees clockwise from three o'clock."""
    corners = []
    for step in range(2 * points):
        radius = inner if step % 2 else outer
        angle = math.radians(turn + step * 180 / points)
        corners.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    return corners
