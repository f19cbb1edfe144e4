"""Abstract drawings: grids, circles, tiles, rosettes, waves.

It knows how each pattern is built; nothing in them stands for anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import PIL.Image

from evaluation.corpora.samples.canvas import Canvas, star


def blocks() -> PIL.Image.Image:
    """Primary colours in a black grid."""
    c = Canvas("#f8f9fa", 360, 360)
    for x0, y0, x1, y1, colour in (
        (110, 0, 360, 200, "#d00000"),
        (0, 200, 110, 300, "#ffd60a"),
        (0, 300, 60, 360, "#f8f9fa"),
        (280, 270, 360, 360, "#003f88"),
        (60, 300, 110, 360, "#212529"),
    ):
        c.box(x0, y0, x1, y1, colour)
    for points, stroke in (
        ([(110, 0), (110, 360)], 10),
        ([(0, 200), (360, 200)], 10),
        ([(280, 200), (280, 360)], 8),
        ([(0, 90), (110, 90)], 12),
        ([(280, 270), (360, 270)], 8),
        ([(0, 300), (110, 300)], 8),
        ([(60, 300), (60, 360)], 8),
    ):
        c.line([(float(x), float(y)) for x, y in points], "#111111", stroke)
    return c.finish()


def rings() -> PIL.Image.Image:
    """Squares of concentric circles."""
    rng = np.random.default_rng(21)
    palette = (
        "#e63946",
        "#f1faee",
        "#a8dadc",
        "#457b9d",
        "#1d3557",
        "#ffb703",
        "#fb8500",
        "#8338ec",
    )
    c = Canvas("#ffffff")
    for gx in range(4):
        for gy in range(3):
            x, y = 100 * gx, 100 * gy
            picks = [palette[int(k)] for k in rng.permutation(len(palette))]
            c.box(x, y, x + 100, y + 100, picks[0])
            for k, radius in enumerate((46, 35, 24, 13)):
                c.disc(x + 50 + float(rng.uniform(-3, 3)), y + 50, radius, picks[k + 1])
    return c.finish()


def tiles() -> PIL.Image.Image:
    """Quarter circles that join into winding paths."""
    rng = np.random.default_rng(2)
    c = Canvas("#fdf0d5", 400, 280)
    for gx in range(10):
        for gy in range(7):
            x, y = 40 * gx, 40 * gy
            flip = rng.random() < 0.5
            for colour, stroke in (("#003049", 15), ("#c1121f", 6)):
                if flip:
                    c.arc(x, y, 20 + stroke / 2, 0, 90, colour, stroke)
                    c.arc(x + 40, y + 40, 20 + stroke / 2, 180, 270, colour, stroke)
                else:
                    c.arc(x + 40, y, 20 + stroke / 2, 90, 180, colour, stroke)
                    c.arc(x, y + 40, 20 + stroke / 2, 270, 360, colour, stroke)
    return c.finish()


def rosette() -> PIL.Image.Image:
    """Petals and stars turned around one centre."""
    c = Canvas("#03071e", 360, 360)
    for count, distance, radius, colour in (
        (24, 155, 16, "#6a040f"),
        (18, 128, 20, "#9d0208"),
        (12, 95, 26, "#dc2f02"),
        (8, 60, 24, "#f48c06"),
    ):
        for k in range(count):
            angle = 2 * math.pi * k / count
            x, y = 180 + distance * math.cos(angle), 180 + distance * math.sin(angle)
            c.disc(x, y, radius, colour, "#ffba08", 1.5)
            c.shape(star(x, y, radius * 0.6, radius * 0.25, 6, math.degrees(angle)), "#ffba08")
    c.shape(star(180, 180, 48, 22, 12), "#faa307", "#03071e", 2)
    c.disc(180, 180, 16, "#03071e")
    return c.finish()


def stained_glass() -> PIL.Image.Image:
    """Cells around scattered points, leaded in black."""
    rng = np.random.default_rng(14)
    height, width, cells = 480, 640, 42
    seeds = rng.uniform((0, 0), (height, width), (cells, 2))
    colours = rng.integers((40, 30, 60), (255, 220, 255), (cells, 3))
    grid = np.moveaxis(np.mgrid[0:height, 0:width], 0, -1).astype(float)
    squared = np.array([((grid - seed) ** 2).sum(axis=-1) for seed in seeds])
    first, second = np.argpartition(squared, 1, axis=0)[:2]
    apart = np.linalg.norm(seeds[first] - seeds[second], axis=-1)
    near = np.take_along_axis(squared, first[None], axis=0)[0]
    far = np.take_along_axis(squared, second[None], axis=0)[0]
    # How far the point lies from the border between its own cell and the next, pixels.
    lead = ((far - near) / (2 * apart) > 3)[..., None]
    light = 1.25 - 0.5 * np.sqrt(near / near.max())
    glass = colours[first].astype(float)
    pixels = np.clip(glass * light[..., None], 0, 255) * lead
    return PIL.Image.fromarray(pixels.astype(np.uint8))


def waves() -> PIL.Image.Image:
    """Black and white stripes bent by two bumps."""
    y, x = np.mgrid[0:560, 0:448].astype(float)
    first = 34 * np.exp(-((x - 150) ** 2 + (y - 180) ** 2) / 9000)
    second = -40 * np.exp(-((x - 300) ** 2 + (y - 400) ** 2) / 12000)
    stripe = np.sin((x * 0.5 + y * 0.35 + 2.2 * (first + second)) / 4.2)
    ink = (1 / (1 + np.exp(-5 * stripe)))[..., None]
    pixels = ink * np.array([250, 246, 235]) + (1 - ink) * np.array([28, 24, 56])
    return PIL.Image.fromarray(pixels.astype(np.uint8))


def quilt() -> PIL.Image.Image:
    """Triangles sewn into pinwheels of soft colours."""
    c = Canvas("#fefae0", 300, 400)
    palette = ("#606c38", "#dda15e", "#bc6c25", "#283618", "#cdb4db", "#a2d2ff")
    for gx in range(3):
        for gy in range(4):
            x, y = 100 * gx, 100 * gy
            first, second = palette[(gx * 2 + gy) % 6], palette[(gx + gy * 3 + 1) % 6]
            c.box(x, y, x + 100, y + 100, second)
            for k in range(4):
                angle = math.radians(90 * k)
                along, across = math.cos(angle), math.sin(angle)
                corners = [
                    (x + 50 + dx * along - dy * across, y + 50 + dx * across + dy * along)
                    for dx, dy in ((0, 0), (50, -50), (50, 0))
                ]
                c.shape(corners, first, "#fefae0", 1.5)
            c.disc(x + 50, y + 50, 9, "#fefae0")
    return c.finish()


PATTERNS: Final[dict[str, Callable[[], PIL.Image.Image]]] = {
    draw.__name__: draw for draw in (blocks, rings, tiles, rosette, stained_glass, waves, quilt)
}
