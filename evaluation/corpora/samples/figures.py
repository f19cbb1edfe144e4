"""Drawings of single things: animals, machines, still lifes, a comic page.

It knows how each figure looks; not what it is used for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import PIL.Image

from evaluation.corpora.samples.canvas import Canvas, star


def robot() -> PIL.Image.Image:
    """A robot with an antenna and buttons."""
    c = Canvas("#ffd6a5", 300, 400)
    for k in range(-4, 9):
        c.line([(60 * k, 0), (60 * k + 240, 400)], "#ffc68a", 12)
    c.line([(150, 75), (150, 35)], "#495057", 5)
    c.disc(150, 30, 11, "#ef233c", "#2b2d42", 2)
    c.box(92, 75, 208, 165, "#8d99ae", "#2b2d42", 3.5, 14)
    for x in (122, 178):
        c.disc(x, 112, 17, "#edf2f4", "#2b2d42", 3)
        c.disc(x + 4, 114, 7, "#0077b6")
    c.box(118, 140, 182, 154, "#2b2d42", None, 1, 5)
    for x in range(124, 180, 9):
        c.line([(x, 141), (x, 153)], "#edf2f4", 2)
    c.box(135, 165, 165, 180, "#6c757d", "#2b2d42", 3)
    c.box(78, 180, 222, 300, "#4cc9f0", "#2b2d42", 3.5, 10)
    c.box(100, 200, 165, 245, "#caffbf", "#2b2d42", 2.5, 4)
    c.line([(106, 232), (118, 215), (130, 236), (144, 208), (159, 228)], "#2d6a4f", 2.5)
    for k, colour in enumerate(("#ef233c", "#ffb703", "#06d6a0")):
        c.disc(190, 205 + 20 * k, 7, colour, "#2b2d42", 2)
    for side in (-1, 1):
        x = 150 + side * 72
        c.line([(x, 200), (x + side * 38, 235), (x + side * 30, 285)], "#6c757d", 15)
        c.arc(
            x + side * 30, 298, 15, 200 if side < 0 else 160, 380 if side < 0 else 340, "#2b2d42", 7
        )
        c.box(150 + side * 38 - 16, 300, 150 + side * 38 + 16, 360, "#6c757d", "#2b2d42", 3)
        c.box(150 + side * 42 - 26, 358, 150 + side * 42 + 26, 380, "#2b2d42", None, 1, 8)
    return c.finish()


def owl() -> PIL.Image.Image:
    """An owl on a branch at night."""
    c = Canvas("#240046", 360, 360)
    c.disc(270, 90, 70, "#ffee99")
    for x, y in ((40, 50), (90, 110), (30, 180), (150, 40), (330, 210), (310, 300), (60, 300)):
        c.shape(star(x, y, 7, 2.5, 4), "#ffffff")
    c.line([(0, 300), (360, 282)], "#5c4033", 20)
    c.line([(250, 288), (320, 240)], "#5c4033", 10)
    c.shape([(110, 110), (120, 60), (165, 95)], "#7f5539")
    c.shape([(250, 110), (240, 60), (195, 95)], "#7f5539")
    c.disc(180, 200, 88, "#9c6644", "#582f0e", 3, 1.15)
    c.disc(180, 240, 56, "#e6ccb2", None, 1, 1.0)
    for row in range(4):
        for k in range(-2 + row % 2, 3):
            c.arc(180 + k * 22 - (row % 2) * 11, 215 + row * 19, 10, 20, 160, "#9c6644", 2.5)
    for x in (145, 215):
        c.disc(x, 145, 36, "#fefae0", "#582f0e", 3)
        c.disc(x, 145, 22, "#fb8500")
        c.disc(x, 145, 13, "#000000")
        c.disc(x + 5, 139, 4.5, "#ffffff")
    c.shape([(168, 165), (192, 165), (180, 190)], "#ffb703", "#582f0e", 2)
    c.shape([(98, 175), (82, 270), (122, 250)], "#7f5539", "#582f0e", 2)
    c.shape([(262, 175), (278, 270), (238, 250)], "#7f5539", "#582f0e", 2)
    for x in (150, 162, 200, 212):
        c.disc(x, 295, 7, "#ffb703", None, 1, 1.5)
    return c.finish()


def still_life() -> PIL.Image.Image:
    """A bottle, fruit and a jug on a table, in flat shapes."""
    c = Canvas("#e9edc9")
    for x in range(0, 400, 40):
        c.box(x, 0, x + 20, 190, "#dde5b6")
    c.shape([(0, 190), (400, 190), (400, 300), (0, 300)], "#bc6c25")
    c.shape([(40, 205), (330, 205), (375, 290), (0, 290)], "#f8f9fa", "#ced4da", 2)
    for k in range(8):
        c.line([(60 + 35 * k, 205), (20 + 48 * k, 290)], "#e63946", 2)
    c.box(95, 95, 145, 250, "#386641", "#132a13", 2.5, 14)
    c.box(111, 35, 129, 105, "#386641", "#132a13", 2.5, 3)
    c.box(108, 28, 132, 42, "#7f5539", "#432818", 2)
    c.box(97, 150, 143, 200, "#fefae0", "#132a13", 1.5)
    c.disc(120, 175, 14, "#9d0208")
    c.shape([(225, 110), (315, 110), (330, 245), (210, 245)], "#457b9d", "#1d3557", 3)
    c.shape([(225, 110), (205, 96), (250, 110)], "#457b9d", "#1d3557", 3)
    c.arc(325, 170, 34, 270, 90, "#1d3557", 11)
    c.line([(222, 150), (319, 150)], "#f1faee", 7)
    c.line([(216, 200), (325, 200)], "#f1faee", 7)
    for x, y, r, colour in (
        (170, 235, 28, "#d62828"),
        (208, 252, 24, "#f77f00"),
        (330, 258, 22, "#80b918"),
        (62, 258, 26, "#fcbf49"),
    ):
        c.disc(x, y, r, colour, "#3d0c02", 2)
        c.arc(x, y, r * 0.65, 190, 250, "#ffffff", 2.5)
        c.line([(x, y - r), (x + 4, y - r - 10)], "#432818", 3)
    return c.finish()


def rocket() -> PIL.Image.Image:
    """A cartoon rocket among planets."""
    c = Canvas("#10002b", 300, 400)
    for k in range(45):
        c.disc((k * 73) % 300, (k * 131) % 400, 1 + k % 3 * 0.5, "#e0aaff")
    c.disc(240, 80, 38, "#ff9e00", "#ff6d00", 3)
    c.arc(240, 80, 56, 160, 20, "#ffd000", 5)
    c.disc(55, 330, 30, "#00bbf9")
    c.disc(45, 322, 7, "#0096c7")
    c.disc(65, 340, 9, "#0096c7")
    c.shape([(125, 300), (150, 385), (175, 300)], "#f72585")
    c.shape([(134, 300), (150, 355), (166, 300)], "#ffd60a")
    c.shape([(110, 225), (65, 300), (112, 290)], "#d00000", "#370617", 2.5)
    c.shape([(190, 225), (235, 300), (188, 290)], "#d00000", "#370617", 2.5)
    c.box(105, 120, 195, 302, "#edf2f4", "#2b2d42", 3, 22)
    c.shape([(106, 140), (150, 45), (194, 140)], "#d00000", "#370617", 3)
    c.disc(150, 180, 26, "#48cae4", "#2b2d42", 5)
    c.arc(150, 180, 16, 190, 260, "#ffffff", 3.5)
    c.line([(106, 235), (194, 235)], "#2b2d42", 4)
    c.line([(106, 270), (194, 270)], "#2b2d42", 4)
    return c.finish()


def locomotive() -> PIL.Image.Image:
    """A steam locomotive from the side."""
    c = Canvas("#fff1e6")
    for x, y, r in ((70, 60, 18), (110, 40, 24), (160, 30, 28), (225, 36, 32), (300, 30, 36)):
        c.disc(x, y, r, "#ced4da")
    c.box(80, 120, 250, 195, "#1b4332", "#081c15", 3, 16)
    c.box(245, 75, 330, 215, "#9d0208", "#370617", 3)
    c.box(235, 62, 342, 80, "#370617", None, 1, 4)
    c.box(262, 95, 312, 140, "#a8dadc", "#370617", 3)
    c.shape([(92, 122), (86, 70), (122, 70), (116, 122)], "#212529")
    c.box(82, 60, 126, 72, "#ffb703", "#212529", 2)
    c.disc(170, 118, 17, "#ffb703", "#7f4f24", 2)
    c.box(153, 118, 187, 130, "#1b4332")
    for x in (120, 160, 205):
        c.line([(x, 122), (x, 194)], "#ffb703", 4)
    c.box(70, 195, 335, 220, "#212529")
    c.shape([(70, 200), (35, 248), (78, 248)], "#9d0208", "#370617", 2)
    for x, r in ((110, 25), (165, 25), (220, 25), (295, 34)):
        c.disc(x, 250 - r + 14, r, "#e5383b", "#212529", 4)
        for k in range(6):
            dx, dy = math.cos(k * math.pi / 3) * r, math.sin(k * math.pi / 3) * r
            c.line([(x, 264 - r), (x + dx, 264 - r + dy)], "#212529", 2)
    c.line([(110, 246), (220, 246)], "#adb5bd", 6)
    c.box(0, 264, 400, 271, "#495057")
    for x in range(0, 400, 26):
        c.box(x, 272, x + 14, 284, "#7f5539")
    return c.finish()


def butterfly() -> PIL.Image.Image:
    """A butterfly with spotted wings."""
    c = Canvas("#d8f3dc", 360, 360)
    for x, y in ((40, 50), (310, 60), (60, 300), (300, 310), (180, 340)):
        for k in range(6):
            angle = k * math.pi / 3
            c.disc(x + 14 * math.cos(angle), y + 14 * math.sin(angle), 9, "#ffafcc")
        c.disc(x, y, 8, "#ffc300")
    for side in (-1, 1):
        upper = [
            (180, 170),
            (180 + side * 60, 70),
            (180 + side * 140, 65),
            (180 + side * 150, 130),
            (180 + side * 100, 190),
        ]
        lower = [
            (180, 185),
            (180 + side * 100, 195),
            (180 + side * 120, 250),
            (180 + side * 75, 295),
            (180 + side * 25, 250),
        ]
        c.shape(upper, "#f3722c", "#1d1a05", 6)
        c.shape(lower, "#577590", "#1d1a05", 6)
        for x, y, r, colour in (
            (105, 105, 20, "#f9c74f"),
            (70, 140, 14, "#ffffff"),
            (125, 140, 9, "#ffffff"),
            (80, 235, 18, "#90be6d"),
            (60, 265, 8, "#ffffff"),
        ):
            c.disc(180 + side * x, y, r, colour, "#1d1a05", 3)
        c.line([(180, 130), (180 + side * 22, 85), (180 + side * 38, 72)], "#1d1a05", 3)
        c.disc(180 + side * 40, 70, 5, "#1d1a05")
    c.disc(180, 195, 13, "#1d1a05", None, 1, 5.2)
    c.disc(180, 132, 15, "#1d1a05")
    return c.finish()


def teapot() -> PIL.Image.Image:
    """A teapot in ink lines and one wash of colour."""
    c = Canvas("#faf3dd")
    c.disc(200, 262, 150, "#e6d5b8", None, 1, 0.16)
    c.shape([(285, 160), (350, 105), (372, 112), (318, 220)], "#84a59d", "#22333b", 3.5)
    c.arc(105, 175, 52, 80, 290, "#22333b", 13)
    c.arc(105, 175, 52, 84, 286, "#84a59d", 7)
    c.disc(200, 185, 105, "#84a59d", "#22333b", 3.5, 0.74)
    c.disc(200, 112, 52, "#84a59d", "#22333b", 3.5, 0.28)
    c.disc(200, 88, 12, "#f28482", "#22333b", 3)
    for k in range(7):
        x = 130 + 23 * k
        c.shape(star(x, 188 + 9 * math.sin(k), 13, 5, 6), "#f7ede2", "#22333b", 1)
    c.line([(110, 222), (290, 222)], "#22333b", 2)
    for k in range(12):
        c.line([(262 + 3 * k, 215 - 5 * k), (280 + 2 * k, 202 - 4 * k)], "#22333b", 1)
    for x in (180, 205, 230):
        c.line([(x + 6 * math.sin(k / 2), 66 - 4 * k) for k in range(13)], "#ced4da", 3)
    return c.finish()


def comic() -> PIL.Image.Image:
    """Four comic panels: a cat, a ball, a crash, a nap."""
    c = Canvas("#ffffff", 360, 400)
    for x, y, ground in (
        (8, 8, "#ffe066"),
        (184, 8, "#9bf6ff"),
        (8, 204, "#ff6b6b"),
        (184, 204, "#5e548e"),
    ):
        c.box(x, y, x + 168, y + 188, ground, "#000000", 4)
    _comic_cat(c, 70, 140, "#343a40")
    c.box(85, 22, 166, 60, "#ffffff", "#000000", 2, 14)
    c.text(125, 41, "A BALL!", 16, "#000000")
    c.disc(265, 140, 36, "#f72585", "#000000", 3)
    c.arc(240, 118, 40, 10, 80, "#ffffff", 5)
    for k in range(5):
        c.line([(195 + 4 * k, 60 + 22 * k), (222 + 2 * k, 72 + 18 * k)], "#000000", 2)
    c.text(270, 40, "boing", 24, "#3a0ca3")
    c.shape(star(92, 298, 80, 42, 12), "#ffd60a", "#000000", 4)
    c.shape(star(92, 298, 55, 34, 9, 10), "#ffffff", "#d00000", 3)
    c.text(92, 298, "CRASH", 20, "#d00000")
    _comic_cat(c, 268, 345, "#adb5bd")
    for k, size in enumerate((14, 20, 28)):
        c.text(300 + 12 * k, 290 - 24 * k, "Z", size, "#ffffff")
    c.box(200, 220, 262, 262, "#fefae0", "#000000", 2, 16)
    c.text(231, 241, "...", 22, "#000000")
    return c.finish()


def _comic_cat(c: Canvas, x: float, y: float, colour: str) -> None:
    """A cat's head at (``x``, ``y``)."""
    c.shape([(x - 42, y - 20), (x - 36, y - 68), (x - 8, y - 38)], colour, "#000000", 3)
    c.shape([(x + 42, y - 20), (x + 36, y - 68), (x + 8, y - 38)], colour, "#000000", 3)
    c.disc(x, y, 46, colour, "#000000", 3, 0.85)
    for side in (-1, 1):
        c.disc(x + side * 18, y - 8, 10, "#caffbf", "#000000", 2, 1.2)
        c.disc(x + side * 18, y - 6, 4, "#000000", None, 1, 1.8)
        for dy in (8, 15, 22):
            c.line([(x + side * 16, y + 12), (x + side * 62, y + dy)], "#000000", 1.5)
    c.shape([(x - 6, y + 8), (x + 6, y + 8), (x, y + 15)], "#ffafcc", "#000000", 1.5)


FIGURES: Final[dict[str, Callable[[], PIL.Image.Image]]] = {
    draw.__name__: draw
    for draw in (robot, owl, still_life, rocket, locomotive, butterfly, teapot, comic)
}
