"""Drawings that inform: charts, maps, plans, notation.

It knows how each diagram looks; the figures in them mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import PIL.Image

from evaluation.corpora.samples.canvas import Canvas


def bar_chart() -> PIL.Image.Image:
    """A grouped bar chart with axes and labels."""
    c = Canvas("#ffffff")
    c.text(210, 22, "Rainfall by season", 18, "#212529")
    for k in range(6):
        y = 250 - 38 * k
        c.line([(50, y), (385, y)], "#dee2e6", 1)
        c.text(32, y, str(20 * k), 11, "#495057")
    groups = (
        ("spring", 120, 85, 60),
        ("summer", 45, 180, 150),
        ("autumn", 140, 95, 110),
        ("winter", 190, 30, 75),
    )
    for k, (name, *heights) in enumerate(groups):
        for j, (height, colour) in enumerate(
            zip(heights, ("#264653", "#2a9d8f", "#e76f51"), strict=True)
        ):
            x = 64 + 82 * k + 21 * j
            c.box(x, 250 - height, x + 19, 250, colour)
        c.text(96 + 82 * k, 266, name, 12, "#212529")
    c.line([(50, 50), (50, 250), (388, 250)], "#212529", 2)
    for j, (name, colour) in enumerate(
        (("north", "#264653"), ("coast", "#2a9d8f"), ("south", "#e76f51"))
    ):
        c.box(110 + 80 * j, 280, 122 + 80 * j, 292, colour)
        c.text(146 + 80 * j, 286, name, 11, "#212529")
    return c.finish()


def pie_chart() -> PIL.Image.Image:
    """A ring of shares with a legend."""
    c = Canvas("#1a1a2e")
    start = -90.0
    shares = ((34, "#e94560"), (22, "#f8b400"), (18, "#0f9b8e"), (15, "#6a5acd"), (11, "#f4f4f4"))
    for share, colour in shares:
        c.sector(145, 155, 115, start, start + 3.6 * share, colour)
        start += 3.6 * share
    c.disc(145, 155, 58, "#1a1a2e")
    c.text(145, 147, "34%", 30, "#ffffff")
    c.text(145, 175, "oak", 15, "#e94560")
    for k, (name, (share, colour)) in enumerate(
        zip(("oak", "beech", "pine", "birch", "elm"), shares, strict=True)
    ):
        y = 75 + 40 * k
        c.box(285, y - 9, 303, y + 9, colour, None, 1, 4)
        c.text(345, y, f"{name}  {share}", 15, "#ffffff")
    return c.finish()


def town_map() -> PIL.Image.Image:
    """Blocks, parks, a river and a railway seen from above."""
    c = Canvas("#f2efe9")
    rng = np.random.default_rng(3)
    for gx in range(7):
        for gy in range(5):
            x, y = 6 + 58 * gx, 6 + 61 * gy
            colour = "#b5e48c" if (gx, gy) in {(1, 3), (4, 0), (5, 3)} else "#ddd6cb"
            c.box(x, y, x + 46, y + 48, colour, None, 1, 3)
            if colour == "#ddd6cb":
                for bx, by, w, h in rng.integers((2, 2, 7, 7), (30, 30, 15, 17), (4, 4)):
                    c.box(x + bx, y + by, x + bx + w, y + by + h, "#c2b5a3")
    river = [(x, 205 - 0.3 * x + 26 * math.sin(x / 55)) for x in range(-10, 420, 10)]
    c.line(river, "#8ecae6", 30)
    c.line([(-5, 60), (150, 118), (300, 250), (405, 285)], "#ffb703", 8)
    c.line([(230, -5), (215, 120), (262, 305)], "#ffffff", 9)
    c.line([(-5, 285), (120, 240), (405, 20)], "#495057", 4)
    for k in range(30):
        tie, level = 120 + 9.5 * k, 240 - 7.3 * k
        c.line([(tie - 3, level - 5), (tie + 3, level + 5)], "#495057", 1.5)
    for x, y, label in ((90, 95, "1"), (270, 222, "2"), (330, 70, "3")):
        c.disc(x, y, 12, "#d00000", "#ffffff", 2)
        c.text(x, y, label, 13, "#ffffff")
    return c.finish()


def floor_plan() -> PIL.Image.Image:
    """Rooms with doors and furniture on a blueprint."""
    c = Canvas("#023e7d")
    for k in range(0, 400, 20):
        c.line([(k, 0), (k, 300)], "#0353a4", 0.8)
        c.line([(0, k), (400, k)], "#0353a4", 0.8)
    ink = "#e7f0ff"
    c.box(40, 35, 360, 265, None, ink, 6)
    c.line([(190, 35), (190, 120)], ink, 5)
    c.line([(190, 165), (190, 265)], ink, 5)
    c.line([(190, 150), (285, 150)], ink, 5)
    c.line([(325, 150), (360, 150)], ink, 5)
    c.arc(190, 120, 45, 0, 90, ink, 1.5)
    c.arc(285, 150, 40, 270, 360, ink, 1.5)
    c.box(60, 55, 120, 130, None, ink, 2, 5)
    c.box(65, 60, 115, 80, None, ink, 1.5, 4)
    c.disc(115, 210, 30, None, ink, 2)
    for k in range(4):
        c.disc(
            115 + 42 * math.cos(k * math.pi / 2),
            210 + 42 * math.sin(k * math.pi / 2),
            9,
            None,
            ink,
            2,
        )
    c.box(215, 215, 320, 250, None, ink, 2, 6)
    c.box(225, 50, 345, 75, None, ink, 2)
    for x in (240, 262, 284):
        c.disc(x, 62, 8, None, ink, 1.5)
    c.text(265, 118, "KITCHEN", 14, ink)
    c.text(265, 190, "STUDIO", 14, ink)
    c.text(115, 155, "HALL", 14, ink)
    c.line([(40, 285), (360, 285)], ink, 1.5)
    c.text(200, 285, " 9.60 m ", 12, ink)
    return c.finish()


def sheet_music() -> PIL.Image.Image:
    """Three staves of notes on cream paper."""
    c = Canvas("#fffbea", 400, 300)
    pitches = ((2, 4, 5, 7, 4, 2, 0, 3), (6, 5, 3, 1, 2, 6, 8, 4), (0, 1, 3, 5, 7, 8, 4, 2))
    for staff, notes in enumerate(pitches):
        top = 50 + 88 * staff
        for k in range(5):
            c.line([(20, top + 10 * k), (380, top + 10 * k)], "#3a3a3a", 1)
        for x in (20, 200, 380):
            c.line([(x, top), (x, top + 40)], "#3a3a3a", 2)
        c.arc(40, top + 22, 13, 0, 320, "#111111", 3)
        c.line([(44, top - 12), (40, top + 50)], "#111111", 2.5)
        previous = (0.0, 0.0)
        for k, pitch in enumerate(notes):
            x, y = 80 + 38 * k, top + 40 - 5 * pitch
            c.disc(x, y, 7, "#111111" if (k + staff) % 3 else "#fffbea", "#111111", 2, 0.75)
            c.line([(x + 6.5, y), (x + 6.5, y - 34)], "#111111", 2)
            if k % 2:
                c.line([previous, (x + 6.5, y - 34)], "#111111", 5)
            previous = (x + 6.5, y - 34)
    return c.finish()


def chessboard() -> PIL.Image.Image:
    """A board with draughts in mid-game."""
    c = Canvas("#582f0e", 360, 360)
    for row in range(8):
        for column in range(8):
            x, y = 20 + 40 * column, 20 + 40 * row
            c.box(x, y, x + 40, y + 40, "#ede0d4" if (row + column) % 2 == 0 else "#7f5539")
    light = {(0, 1), (0, 5), (1, 0), (1, 4), (1, 6), (2, 3), (3, 2), (3, 6)}
    dark = {(7, 0), (7, 4), (6, 1), (6, 3), (6, 7), (5, 6), (4, 1), (5, 2)}
    for men, fill, edge in ((light, "#f8f9fa", "#adb5bd"), (dark, "#212529", "#6c757d")):
        for row, column in sorted(men):
            x, y = 40 + 40 * column, 40 + 40 * row
            c.disc(x, y, 16, fill, edge, 2.5)
            c.disc(x, y, 9, None, edge, 2)
    return c.finish()


def circuit() -> PIL.Image.Image:
    """A circuit board with chips and traces."""
    c = Canvas("#004b23")
    rng = np.random.default_rng(8)
    for _ in range(46):
        x, y = (float(v) for v in rng.integers((2, 2), (38, 28)) * 10)
        dx, dy = (float(v) for v in rng.integers((-9, -7), (10, 8)) * 10)
        bend = min(abs(dx), abs(dy))
        middle = (x + math.copysign(bend, dx), y + math.copysign(bend, dy))
        c.line([(x, y), middle, (x + dx, y + dy)], "#70e000", 2)
        c.disc(x, y, 4, "#ffd60a")
        c.disc(x + dx, y + dy, 4, "#ffd60a")
    for x, y, w, h, name in (
        (120, 90, 120, 100, "L-256"),
        (285, 40, 70, 50, "A1"),
        (290, 190, 80, 60, "RAM"),
        (35, 215, 60, 40, "C7"),
    ):
        for k in range(int(w // 12)):
            c.box(x + 5 + 12 * k, y - 9, x + 10 + 12 * k, y + h + 9, "#ced4da")
        c.box(x, y, x + w, y + h, "#212529", "#000000", 2, 3)
        c.disc(x + 9, y + 9, 3.5, "#6c757d")
        c.text(x + w / 2, y + h / 2, name, 15, "#dee2e6")
    return c.finish()


DIAGRAMS: Final[dict[str, Callable[[], PIL.Image.Image]]] = {
    draw.__name__: draw
    for draw in (bar_chart, pie_chart, town_map, floor_plan, sheet_music, chessboard, circuit)
}
