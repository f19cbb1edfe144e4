"""The picture of the demo: listed images, copies of them and strangers, each under its verdict.

It shows what the service answered; it knows nothing of how it was asked.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import PIL.Image
import PIL.ImageDraw
import PIL.ImageOps

from embeddings.edits.text import font
from service.cli.demo.command import Outcome, found_by

_COPIED: Final = ("cat", "coffee", "butterfly", "stained_glass")
_EDITS: Final = ("recompressed", "mirrored", "cropped", "captioned", "screenshotted")
_STRANGERS: Final = ("retina", "galaxies", "gravel", "sailing", "owl", "still_life")

_TILE: Final = (184, 138)
"""Pixels that a picture fits in."""
_GAP: Final = 12
_WORDS: Final = 46
"""Height of what stands below a picture."""
_HEADING: Final = 34
_INK, _PALE, _PAPER = "#1f2328", "#59636e", "#ffffff"
_COLOURS: Final = {"block": "#cf222e", "review": "#9a6700", "none": "#1a7f37"}
_QUALITY: Final = 82


def save_picture(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write the picture, in the format that the file's name asks for."""
    drawn(outcomes).save(path, quality=_QUALITY, method=6)


def drawn(outcomes: Sequence[Outcome]) -> PIL.Image.Image:
    """A row for each copied image, the listed one first; then a row of strangers."""
    found = {(one.query.name, one.query.edit): one for one in outcomes}
    columns, cell = 1 + len(_EDITS), (_TILE[0] + _GAP, _TILE[1] + _WORDS)
    rows = len(_COPIED) + 1
    size = (_GAP + columns * cell[0], 3 * _HEADING + rows * cell[1])
    canvas = PIL.Image.new("RGB", size, _PAPER)
    draw = PIL.ImageDraw.Draw(canvas)
    draw.text((_GAP, _HEADING / 2), "listed", _INK, font(17), anchor="lm")
    draw.text((_GAP + cell[0], _HEADING / 2), "uploaded copies", _INK, font(17), anchor="lm")
    for row, name in enumerate(_COPIED):
        y = _HEADING + row * cell[1]
        same = found[name, "the same file"]
        _tile(canvas, (_GAP, y), same.query.data)
        below = (_GAP, y + _TILE[1] + 11)
        draw.text(below, f"in a list of {same.query.bank}", _INK, font(13), anchor="lm")
        for column, edit in enumerate(_EDITS, 1):
            _outcome(canvas, (_GAP + column * cell[0], y), found[name, edit])
    y = _HEADING + len(_COPIED) * cell[1]
    draw.line((_GAP, y, size[0] - _GAP, y), "#d1d9e0")
    draw.text((_GAP, y + _HEADING / 2), "uploaded strangers", _INK, font(17), anchor="lm")
    for column, name in enumerate(_STRANGERS):
        _outcome(canvas, (_GAP + column * cell[0], y + _HEADING), found[name, "stranger"])
    words = (
        "pdq 2/31: of 256 bits 2 differ from the listed image's; up to 31 is a match.  "
        "code 5755 / 4600: a score of 5755; from 4600 on is a match"
    )
    draw.text((_GAP, size[1] - _GAP), words, _PALE, font(13), anchor="ls")
    return canvas


def _outcome(canvas: PIL.Image.Image, at: tuple[int, int], outcome: Outcome) -> None:
    """A picture, and below it the edit, the verdict on a ground of its colour, and why."""
    _tile(canvas, at, outcome.query.data)
    draw, x, y = PIL.ImageDraw.Draw(canvas), at[0], at[1] + _TILE[1] + 11
    draw.text((x, y), outcome.query.edit.replace("_", " "), _PALE, font(13), anchor="lm")
    width = draw.textlength(outcome.verdict, font(13))
    ground = (x, y + 10, x + width + 10, y + 27)
    draw.rounded_rectangle(ground, 4, fill=_COLOURS.get(outcome.verdict, _INK))
    draw.text((x + 5, y + 18), outcome.verdict, _PAPER, font(13), anchor="lm")
    # The first signal, for which there is room; the typeface has no sign for "at least".
    why = found_by(outcome).partition(",")[0].replace("≥", "/") or "no match"
    draw.text((x + width + 17, y + 18), why, _INK, font(13), anchor="lm")


def _tile(canvas: PIL.Image.Image, at: tuple[int, int], data: bytes) -> None:
    with PIL.Image.open(io.BytesIO(data)) as image:
        small = PIL.ImageOps.contain(image.convert("RGB"), _TILE, PIL.Image.Resampling.LANCZOS)
    canvas.paste(small, (at[0], at[1] + _TILE[1] - small.height))
