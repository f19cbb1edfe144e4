"""Benign sample images that come with the project: for the demo, the tests and the notebooks.

Photographs are those that scikit-image ships inside its package (no people among them); drawings
are drawn by our own code. Nothing is read from the network and nothing is written. It knows nothing
of fingerprints, edits or verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal

import PIL.Image

from evaluation.corpora.samples import diagrams, figures, patterns, scenes

Kind = Literal["photo", "nonphoto"]

_PHOTOGRAPHS: Final = {
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "launchpad": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
    "galaxies": "hubble_deep_field.jpg",
    "tissue": "ihc.png",
    "moon": "moon.png",
    "bricks": "brick.png",
    "gravel": "gravel.png",
    "grass": "grass.png",
}
"""Sample name to file in scikit-image's ``data`` folder: files its wheel holds, none it fetches."""

_DRAWINGS: Final[dict[str, Callable[[], PIL.Image.Image]]] = {
    **scenes.SCENES,
    **figures.FIGURES,
    **diagrams.DIAGRAMS,
    **patterns.PATTERNS,
}


@dataclass(frozen=True)
class Sample:
    """One sample image."""

    name: str
    kind: Kind
    image: PIL.Image.Image
    """RGB, between 300 and 1000 pixels a side."""


def photograph(name: str) -> Sample:
    """One photograph by its name; ``KeyError`` if there is none."""
    file = resources.files("skimage") / "data" / _PHOTOGRAPHS[name]
    with file.open("rb") as stream, PIL.Image.open(stream) as image:
        return Sample(name, "photo", image.convert("RGB"))


def drawing(name: str) -> Sample:
    """One drawing by its name; ``KeyError`` if there is none. The same pixels every time."""
    return Sample(name, "nonphoto", _DRAWINGS[name]())


def photograph_names() -> tuple[str, ...]:
    """Names of all photographs, in a fixed order."""
    return tuple(_PHOTOGRAPHS)


def drawing_names() -> tuple[str, ...]:
    """Names of all drawings, in a fixed order."""
    return tuple(_DRAWINGS)


def photographs() -> Iterator[Sample]:
    """All photographs, one at a time."""
    return map(photograph, _PHOTOGRAPHS)


def drawings() -> Iterator[Sample]:
    """All drawings, one at a time."""
    return map(drawing, _DRAWINGS)
