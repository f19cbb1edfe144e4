"""Drawings of places: land, sea, town and sky.

It knows how each scene looks; not what it is used for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import PIL.Image

from evaluation.corpora.samples.canvas import Canvas, ridge, star


def mountains() -> PIL.Image.Image:
    """Mountain ranges at dusk, a lake in front."""
    c = Canvas("#f7b267")
    c.gradient("#30336b", "#f9844a", 0, 190)
    c.disc(285, 150, 34, "#fff3b0")
    c.shape(
        [(-20, 190), (60, 95), (105, 140), (165, 60), (240, 165), (300, 110), (430, 190)], "#6d597a"
    )
    c.shape([(150, 78), (165, 60), (183, 84), (170, 80), (160, 88)], "#ffffff")
    c.shape([(48, 108), (60, 95), (73, 108), (62, 106)], "#ffffff")
    c.shape(ridge([170, 190, 150, 185, 165, 190, 175], 400, 215), "#3d405b")
    c.gradient("#b56576", "#355070", 205, 300)
    for y, x0, x1 in ((222, 255, 315), (236, 240, 330), (252, 262, 300), (268, 230, 340)):
        c.line([(x0, y), (x1, y)], "#ffe8b6", 2)
    for x, h in ((12, 70), (34, 95), (58, 60), (370, 85), (392, 110)):
        for tier in range(3):
            top = 300 - h + tier * h / 4
            c.shape(
                [(x, top), (x - 9 - 4 * tier, top + h / 3), (x + 9 + 4 * tier, top + h / 3)],
                "#1b2a2f",
            )
    return c.finish()


def house() -> PIL.Image.Image:
    """A house with a red roof, a fence and a tree."""
    c = Canvas("#a8dadc")
    c.disc(350, 50, 26, "#ffd166")
    for angle in range(0, 360, 30):
        dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        c.line([(350 + 32 * dx, 50 + 32 * dy), (350 + 44 * dx, 50 + 44 * dy)], "#ffd166", 3)
    c.shape(ridge([215, 200, 220, 205, 218], 400, 300), "#80b918")
    c.box(110, 130, 260, 245, "#fefae0", "#5c4033", 2.5)
    c.shape([(95, 132), (185, 60), (275, 132)], "#c1121f", "#5c4033", 2.5)
    c.box(225, 70, 245, 112, "#9c6644", "#5c4033", 2)
    c.box(168, 185, 202, 245, "#6f4518", "#3b2409", 2)
    c.disc(195, 216, 2.5, "#ffd60a")
    for x in (125, 215):
        c.box(x, 150, x + 32, 178, "#90e0ef", "#5c4033", 2)
        c.line([(x + 16, 150), (x + 16, 178)], "#5c4033", 2)
        c.line([(x, 164), (x + 32, 164)], "#5c4033", 2)
    c.shape([(168, 245), (202, 245), (250, 300), (150, 300)], "#ddb892")
    c.box(318, 165, 332, 245, "#7f5539")
    for x, y, r in ((325, 140, 34), (302, 155, 24), (348, 157, 24), (325, 118, 24)):
        c.disc(x, y, r, "#386641")
    for x, y in ((312, 140), (338, 130), (330, 158), (300, 160)):
        c.disc(x, y, 4.5, "#e63946")
    for x in range(4, 130, 18):
        c.shape(
            [(x, 240), (x + 5, 232), (x + 10, 240), (x + 10, 275), (x, 275)],
            "#ffffff",
            "#adb5bd",
            1,
        )
    c.line([(0, 250), (135, 250)], "#e9ecef", 4)
    return c.finish()


def night_city() -> PIL.Image.Image:
    """Tower blocks with lit windows under a moon."""
    rng = np.random.default_rng(11)
    c = Canvas("#0b132b", 300, 400)
    c.gradient("#0b132b", "#5a189a", 0, 400)
    for x, y in rng.uniform((0, 0), (300, 200), (60, 2)):
        c.disc(float(x), float(y), 0.9, "#ffffff")
    c.disc(70, 75, 32, "#f1faee")
    c.disc(84, 67, 30, "#150f3b")
    for x, w, top, colour in (
        (0, 52, 210, "#1c2541"),
        (48, 40, 150, "#22223b"),
        (92, 60, 240, "#14213d"),
        (140, 36, 110, "#2b2d42"),
        (180, 55, 190, "#1d3557"),
        (232, 68, 160, "#212529"),
    ):
        c.box(x, top, x + w, 400, colour)
        for wy in range(top + 10, 380, 18):
            for wx in range(x + 6, x + w - 8, 12):
                if rng.random() < 0.55:
                    c.box(wx, wy, wx + 6, wy + 9, "#ffd60a" if rng.random() < 0.8 else "#90e0ef")
    c.line([(158, 110), (158, 70)], "#adb5bd", 2)
    c.disc(158, 68, 3, "#ef233c")
    c.box(0, 385, 300, 400, "#000000")
    return c.finish()


def desert() -> PIL.Image.Image:
    """Dunes, cactuses and a mesa in flat colours."""
    c = Canvas("#ffe5b4")
    c.gradient("#00b4d8", "#fdf0d5", 0, 180)
    c.shape([(20, 180), (40, 105), (130, 105), (150, 140), (165, 180)], "#bc6c25")
    for y in (118, 135, 150, 166):
        c.line([(37 - (y - 105) * 0.2, y), (140 + (y - 105) * 0.3, y)], "#99582a", 3)
    c.shape(ridge([180, 160, 195, 170, 205], 400, 300), "#e9c46a")
    c.shape(ridge([230, 215, 250, 205, 225], 400, 300), "#f4a261")
    c.shape(ridge([280, 250, 262, 285, 250], 400, 300), "#e76f51")
    for x, base, s in ((300, 235, 1.0), (85, 265, 1.25), (210, 215, 0.6)):
        c.box(x - 9 * s, base - 85 * s, x + 9 * s, base, "#2d6a4f", "#1b4332", 2, 9 * s)
        for side, up in ((-1, 50), (1, 66)):
            left, right = sorted((x, x + side * 28 * s))
            c.box(
                left, base - (up - 12) * s, right, base - (up - 24) * s, "#2d6a4f", None, 2, 4 * s
            )
            tip = x + side * 28 * s
            c.box(
                tip - 6 * s,
                base - (up + 20) * s,
                tip + 6 * s,
                base - (up - 24) * s,
                "#2d6a4f",
                None,
                2,
                6 * s,
            )
    c.disc(365, 40, 22, "#fb8500")
    return c.finish()


def sailing() -> PIL.Image.Image:
    """A sailing boat on striped waves, gulls above."""
    c = Canvas("#caf0f8", 360, 360)
    c.disc(70, 70, 40, "#ffffff")
    c.disc(110, 80, 30, "#ffffff")
    c.disc(38, 84, 26, "#ffffff")
    c.box(12, 82, 140, 112, "#caf0f8")
    c.line([(190, 60), (190, 240)], "#582f0e", 5)
    c.shape([(198, 66), (198, 218), (300, 218)], "#e63946", "#6a040f", 2)
    c.shape([(182, 84), (182, 218), (110, 218)], "#fefae0", "#6a040f", 2)
    c.shape([(190, 60), (222, 68), (190, 77)], "#ffb703")
    c.shape([(90, 235), (310, 235), (275, 282), (125, 282)], "#7f4f24", "#432818", 2.5)
    for x in (150, 190, 230):
        c.disc(x, 256, 7, "#a2d2ff", "#432818", 2)
    for row, colour in enumerate(("#0077b6", "#0096c7", "#023e8a", "#03045e")):
        y = 272 + row * 22
        c.shape(ridge([y + (8 if (k + row) % 2 else -4) for k in range(15)], 360, 360), colour)
    for x, y, w in ((260, 50, 14), (300, 78, 11), (325, 40, 9)):
        c.arc(x, y, w, 200, 340, "#14213d", 2)
        c.arc(x + 1.9 * w, y, w, 200, 340, "#14213d", 2)
    return c.finish()


def reef() -> PIL.Image.Image:
    """Fish, bubbles and weed under water."""
    c = Canvas("#0077b6")
    c.gradient("#48cae4", "#03045e")
    c.shape(ridge([270, 255, 280, 262, 275], 400, 300), "#e9d8a6")
    for x, phase, colour in (
        (30, 0, "#2a9d8f"),
        (55, 1, "#52b788"),
        (340, 2, "#2a9d8f"),
        (375, 0, "#74c69d"),
    ):
        c.line([(x + 9 * math.sin(k * 0.7 + phase), 290 - 9 * k) for k in range(17)], colour, 7)
    for x, y, s, body, stripe in (
        (140, 90, 1.0, "#ff9f1c", "#ffffff"),
        (270, 160, 1.3, "#f72585", "#ffd6ff"),
        (110, 200, 0.7, "#ffe66d", "#1a535c"),
        (310, 60, 0.55, "#b5179e", "#f8edeb"),
    ):
        c.shape([(x + 34 * s, y), (x + 66 * s, y - 24 * s), (x + 66 * s, y + 24 * s)], body)
        c.shape([(x - 5 * s, y - 22 * s), (x + 22 * s, y - 40 * s), (x + 24 * s, y - 15 * s)], body)
        c.disc(x, y, 45 * s, body, None, 1, 0.6)
        c.box(x - 4 * s, y - 26 * s, x + 5 * s, y + 26 * s, stripe, None, 1, 4 * s)
        c.box(x + 18 * s, y - 22 * s, x + 25 * s, y + 22 * s, stripe, None, 1, 3 * s)
        c.disc(x - 27 * s, y - 6 * s, 6.5 * s, "#ffffff")
        c.disc(x - 28 * s, y - 6 * s, 3.2 * s, "#000000")
    for x, y, r in (
        (80, 60, 6),
        (74, 40, 9),
        (84, 18, 5),
        (200, 110, 5),
        (206, 90, 7),
        (240, 40, 10),
    ):
        c.disc(x, y, r, None, "#ade8f4", 1.5)
    c.shape(star(205, 268, 20, 9, 5, -70), "#d62828", "#6a040f", 1.5)
    return c.finish()


def snowfall() -> PIL.Image.Image:
    """Pines and a snowman while snow falls."""
    rng = np.random.default_rng(5)
    c = Canvas("#8ecae6", 300, 400)
    c.gradient("#457b9d", "#e0fbfc", 0, 300)
    c.shape(ridge([250, 290, 265, 300], 300, 400), "#f8f9fa")
    for x, base, s in ((50, 290, 1.1), (250, 275, 0.9), (200, 268, 0.6), (105, 270, 0.5)):
        c.box(x - 6 * s, base - 10 * s, x + 6 * s, base + 22 * s, "#5c4033")
        for tier in range(4):
            y, w = base - (170 - 42 * tier) * s, (24 + 13 * tier) * s
            c.shape([(x, y), (x - w, y + 60 * s), (x + w, y + 60 * s)], "#1b4332")
            c.shape(
                [(x, y), (x - w * 0.4, y + 24 * s), (x, y + 16 * s), (x + w * 0.4, y + 24 * s)],
                "#ffffff",
            )
    c.disc(150, 345, 42, "#ffffff", "#adb5bd", 2)
    c.disc(150, 282, 30, "#ffffff", "#adb5bd", 2)
    c.disc(150, 236, 22, "#ffffff", "#adb5bd", 2)
    c.box(128, 214, 172, 220, "#212529")
    c.box(136, 190, 164, 216, "#212529")
    c.box(132, 252, 168, 261, "#d00000", None, 1, 3)
    c.box(156, 258, 166, 284, "#d00000")
    c.shape([(150, 236), (178, 242), (150, 244)], "#fb8500")
    c.disc(142, 230, 3, "#212529")
    c.disc(158, 230, 3, "#212529")
    for y in (275, 292, 330):
        c.disc(150, y, 3.2, "#212529")
    c.line([(122, 280), (85, 255)], "#6f4518", 4)
    c.line([(178, 280), (215, 258)], "#6f4518", 4)
    for x, y, r in rng.uniform((0, 0, 1.2), (300, 400, 3.6), (110, 3)):
        c.disc(float(x), float(y), float(r), "#ffffff")
    return c.finish()


def road() -> PIL.Image.Image:
    """A car on a road that runs to the horizon between fields."""
    c = Canvas("#bde0fe")
    c.shape([(0, 120), (400, 120), (400, 300), (0, 300)], "#a7c957")
    for k in range(9):
        x = -300 + 125 * k
        c.shape([(200, 120), (x, 300), (x + 60, 300)], "#6a994e")
    c.shape([(196, 120), (204, 120), (345, 300), (55, 300)], "#495057")
    for k in range(6):
        y0, y1 = 125 + 5 * k * (k + 1), 131 + 5 * k * (k + 1) + 3 * k
        w = 0.4 + (y0 - 120) / 60
        c.shape([(200 - w, y0), (200 + w, y0), (200 + w * 1.2, y1), (200 - w * 1.2, y1)], "#ffffff")
    c.box(215, 205, 305, 250, "#d90429", "#2b2d42", 2, 10)
    c.shape([(228, 207), (240, 178), (282, 178), (294, 207)], "#d90429", "#2b2d42", 2)
    c.shape([(234, 205), (244, 184), (278, 184), (288, 205)], "#edf2f4")
    c.box(220, 240, 238, 262, "#212529", None, 1, 4)
    c.box(282, 240, 300, 262, "#212529", None, 1, 4)
    for x in (226, 294):
        c.disc(x, 222, 6, "#ffb703")
    c.box(245, 228, 275, 238, "#ffffff", "#2b2d42", 1)
    for x, top, bottom in (
        (40, 40, 250),
        (110, 80, 190),
        (150, 98, 155),
        (360, 40, 250),
        (290, 80, 165),
        (250, 98, 148),
    ):
        c.line([(x, top), (x, bottom)], "#5c4033", (bottom - top) / 40)
        c.line(
            [(x - (bottom - top) / 9, top + 8), (x + (bottom - top) / 9, top + 8)],
            "#5c4033",
            (bottom - top) / 50,
        )
    return c.finish()


def balloons() -> PIL.Image.Image:
    """Hot-air balloons over hills."""
    c = Canvas("#90e0ef")
    c.gradient("#4cc9f0", "#f1faee", 0, 260)
    c.shape(ridge([250, 225, 262, 230, 255, 235], 400, 300), "#95d5b2")
    c.shape(ridge([275, 285, 262, 290, 268], 400, 300), "#40916c")
    for x, y, r, colours in (
        (120, 100, 62, ("#f94144", "#f9c74f")),
        (280, 75, 44, ("#577590", "#f8f9fa")),
        (335, 175, 28, ("#9b5de5", "#fee440")),
        (215, 190, 20, ("#ee6c4d", "#293241")),
    ):
        c.shape(
            [
                (x - 0.9 * r, y + 0.45 * r),
                (x + 0.9 * r, y + 0.45 * r),
                (x + 0.2 * r, y + 1.35 * r),
                (x - 0.2 * r, y + 1.35 * r),
            ],
            colours[0],
        )
        for k in range(5, -1, -1):
            wide = r * (k + 1) / 6
            c.box(x - wide, y - r, x + wide, y + r, colours[k % 2], None, 1, wide)
        c.shape(
            [
                (x - 0.2 * r, y + 1.35 * r),
                (x + 0.2 * r, y + 1.35 * r),
                (x + 0.9 * r, y + 0.6 * r),
                (x - 0.9 * r, y + 0.6 * r),
            ],
            colours[0],
        )
        c.line([(x - 0.18 * r, y + 1.35 * r), (x - 0.14 * r, y + 1.6 * r)], "#432818", 1.2)
        c.line([(x + 0.18 * r, y + 1.35 * r), (x + 0.14 * r, y + 1.6 * r)], "#432818", 1.2)
        c.box(x - 0.2 * r, y + 1.6 * r, x + 0.2 * r, y + 1.9 * r, "#7f5539", None, 1, 2)
    return c.finish()


SCENES: Final[dict[str, Callable[[], PIL.Image.Image]]] = {
    draw.__name__: draw
    for draw in (mountains, house, night_city, desert, sailing, reef, snowfall, road, balloons)
}
