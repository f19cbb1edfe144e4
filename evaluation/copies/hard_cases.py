"""Images that any matcher finds hard, and which of them collide with which.

Five families: pictures with hardly any structure, pages of text and logos, which are shipped; one
meme template with different words and a burst of near-identical photographs, which are made here of
shipped photographs. Within a family no image is an edited
copy of another, except in a burst, where that is a matter of taste. It knows nothing of figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import PIL.Image
from numpy.typing import NDArray

from embeddings.edits import colour, filters, geometry
from embeddings.edits import text as words
from embeddings.edits.canvas import pixels
from embeddings.hashes.structure import structure
from evaluation.base.hashers import Hasher, Hashes, Space, distances
from evaluation.copies.edits import generator
from evaluation.corpora import samples

FAMILIES: Final = ("low structure", "text pages", "logos", "meme template", "burst")

_SHIPPED: Final = {
    "low structure": (
        "blank", "evening sky", "one line", "a dot", "a circle", "moon by night", "dark",
        "two greys",
    ),
    "text pages": tuple(f"page {number + 1}" for number in range(8)),
    "logos": (
        "ring", "disc", "star", "triangle", "bars", "letter K", "letter R", "two discs",
    ),
}  # fmt: skip
"""Family to the names of its images."""

PAIR_COLUMNS: Final = (
    "left", "right", "left_family", "right_family", "space", "distance", "apart", "beyond",
    "matchable", "collides",
)  # fmt: skip
"""Of a frame of pairs. ``distance``: as the space counts it, with one of the two listed and the
other asked for, whichever way is nearer. ``apart``: the same in words. ``beyond``: how much farther
than the radius, as a share of all distances, so that spaces compare. ``matchable``: both have
structure enough. ``collides``: within the radius, and matchable."""


@dataclass(frozen=True)
class Case:
    """One image."""

    family: str
    name: str
    image: PIL.Image.Image

    @property
    def label(self) -> str:
        """Family and name."""
        return f"{self.family}/{self.name}"


def cases(each: int = 6) -> Iterator[Case]:
    """``each`` images of every family (1 to 8), the same pixels every time."""
    made = {"meme template": _meme, "burst": _frame}
    for family in FAMILIES:
        for number in range(each):
            if family in made:
                yield Case(family, *made[family](number))
            else:
                name = _SHIPPED[family][number]
                yield Case(family, name, samples.hard(family, name))


def _meme(number: int) -> tuple[str, PIL.Image.Image]:
    """The same picture every time, other words above and below."""
    rng = generator(0, f"meme {number}", "words")
    picture = samples.photograph("cat").image
    return f"joke {number + 1}", words.meme(picture, words.phrase(rng, 2), words.phrase(rng, 2))


def _frame(number: int) -> tuple[str, PIL.Image.Image]:
    """One scene a moment later: another cut of it, a little turned, other light, fresh noise."""
    rng = generator(0, f"frame {number}", "burst")
    picture = samples.photograph("coffee").image
    turned = geometry.rotate_inside(picture, float(rng.uniform(-2.5, 2.5)))
    cut = geometry.crop(turned, float(rng.uniform(0.86, 0.94)), rng)
    lit = colour.brightness(cut, float(rng.uniform(0.9, 1.12)))
    return f"frame {number + 1}", filters.noise(lit, 4, rng)


def qualities(shown: Sequence[Case], hashers: Sequence[Hasher]) -> pd.DataFrame:
    """The structure of each image, 0..1, and which signals may match it; columns ``label``,
    ``family``, ``quality``, then one of truth values for each space.
    """
    hashed = _hashed(shown, hashers)
    return pd.DataFrame(
        {
            "label": [one.label for one in shown],
            "family": [one.family for one in shown],
            "quality": [structure(_rgb(one)) for one in shown],
            **{space: hashes.matchable for space, hashes in hashed.items()},
        }
    )


def pairs(
    shown: Sequence[Case], hashers: Sequence[Hasher], spaces: Sequence[Space]
) -> pd.DataFrame:
    """Every pair of images by every one of ``spaces``, at its radius; ``PAIR_COLUMNS``."""
    hashed, listed = _hashed(shown, hashers), _hashed(shown, hashers, listed=True)
    rows = []
    for space in spaces:
        hashes, radius = hashed[space.name], -1 if space.radius is None else space.radius
        every = np.ones(len(shown), bool)
        away = distances(
            space, Hashes(hashes.values, every), Hashes(listed[space.name].values, every)
        )
        away = np.minimum(away, away.T)
        for left, right in itertools.combinations(range(len(shown)), 2):
            distance = int(away[left, right])
            matchable = bool(hashes.matchable[left] and hashes.matchable[right])
            rows.append(
                (
                    shown[left].label,
                    shown[right].label,
                    shown[left].family,
                    shown[right].family,
                    space.name,
                    distance,
                    space.said(distance),
                    (distance - radius) / space.levels,
                    matchable,
                    matchable and distance <= radius,
                )
            )
    return pd.DataFrame.from_records(rows, columns=list(PAIR_COLUMNS))


def clusters(found: pd.DataFrame) -> pd.DataFrame:
    """Images joined by collisions, by any space: columns ``cluster``, ``label``; largest first.

    Two images may be in one cluster without matching each other, by way of a third.
    """
    parent: dict[str, str] = {}

    def root(label: str) -> str:
        while parent.setdefault(label, label) != label:
            label = parent[label]
        return label

    hits = found[found["collides"]]
    for left, right in zip(hits["left"], hits["right"], strict=True):
        parent[root(right)] = root(left)
    members: dict[str, list[str]] = {}
    for label in list(parent):
        members.setdefault(root(label), []).append(label)
    ordered = sorted((sorted(group) for group in members.values()), key=lambda g: (-len(g), g))
    rows = [(number + 1, label) for number, group in enumerate(ordered) for label in group]
    return pd.DataFrame.from_records(rows, columns=["cluster", "label"])


def matrix(found: pd.DataFrame, labels: Sequence[str], space: str) -> NDArray[np.float64]:
    """Distances of all pairs by one space, float64 (n, n); nan on the diagonal."""
    place = {label: number for number, label in enumerate(labels)}
    grid = np.full((len(labels), len(labels)), np.nan)
    here = found[found["space"] == space]
    for left, right, away in zip(here["left"], here["right"], here["distance"], strict=True):
        grid[place[left], place[right]] = grid[place[right], place[left]] = away
    return grid


def _rgb(case: Case) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels(case.image))


def _hashed(
    shown: Sequence[Case], hashers: Sequence[Hasher], listed: bool = False
) -> Mapping[str, Hashes]:
    rgb = [_rgb(one) for one in shown]
    found: dict[str, Hashes] = {}
    for hasher in hashers:
        found.update(hasher.listed(rgb) if listed else hasher(rgb))
    return found
