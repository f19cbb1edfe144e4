"""Benign sample images that come with the project: for the demo, the tests and the notebooks.

They are files beside this module: photographs without people, whose origin and terms NOTICE states,
drawings made for this project, and the pictures of ``hard_cases``. All are stored without loss
(WebP; two photographs as the JPEG files that were published), so that pixels never change. It knows
nothing of fingerprints, edits or verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal

import PIL.Image

Kind = Literal["photo", "nonphoto"]

_PHOTOGRAPHS: Final = {
    "cat": "cat.webp",
    "coffee": "coffee.webp",
    "coins": "coins.webp",
    "launchpad": "launchpad.jpg",
    "galaxies": "galaxies.jpg",
    "tissue": "tissue.webp",
    "retina": "retina.webp",
    "bricks": "bricks.webp",
    "gravel": "gravel.webp",
    "grass": "grass.webp",
}
"""Sample name to file."""

_DRAWINGS: Final = (
    # Places.
    "mountains", "house", "night_city", "desert", "sailing", "reef", "snowfall", "road", "balloons",
    # Single things.
    "robot", "owl", "still_life", "rocket", "locomotive", "butterfly", "teapot", "comic",
    # Drawings that inform.
    "bar_chart", "pie_chart", "town_map", "floor_plan", "sheet_music", "chessboard", "circuit",
    # Patterns.
    "blocks", "rings", "tiles", "rosette", "stained_glass", "waves", "quilt",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One sample image."""

    name: str
    kind: Kind
    image: PIL.Image.Image
    """RGB, between 300 and 1000 pixels a side."""


def photograph(name: str) -> Sample:
    """One photograph by its name; ``KeyError`` if there is none."""
    return Sample(name, "photo", _read("photographs", _PHOTOGRAPHS[name]))


def drawing(name: str) -> Sample:
    """One drawing by its name; ``KeyError`` if there is none."""
    if name not in _DRAWINGS:
        raise KeyError(name)
    return Sample(name, "nonphoto", _read("drawings", f"{name}.webp"))


def hard(family: str, name: str) -> PIL.Image.Image:
    """One picture of ``hard_cases``, RGB; ``FileNotFoundError`` if there is none."""
    return _read("hard", family.replace(" ", "_"), f"{name.replace(' ', '_')}.webp")


def photograph_names() -> tuple[str, ...]:
    """Names of all photographs, in a fixed order."""
    return tuple(_PHOTOGRAPHS)


def drawing_names() -> tuple[str, ...]:
    """Names of all drawings, in a fixed order."""
    return _DRAWINGS


def photographs() -> Iterator[Sample]:
    """All photographs, one at a time."""
    return map(photograph, _PHOTOGRAPHS)


def drawings() -> Iterator[Sample]:
    """All drawings, one at a time."""
    return map(drawing, _DRAWINGS)


def _read(*path: str) -> PIL.Image.Image:
    file = resources.files(__name__).joinpath(*path)
    with file.open("rb") as stream, PIL.Image.open(stream) as image:
        picture = image.convert("RGB")
    # Pixels alone: what a file says besides would pass into what is saved of it.
    picture.info.clear()
    return picture
