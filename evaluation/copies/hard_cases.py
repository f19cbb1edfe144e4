"""Images that any matcher finds hard, made from the samples by code; and what collides with what.

Five families: pictures with hardly any structure, pages of text, logos, one meme template with
different words, and a burst of near-identical photographs. Within a family no image is an edited
copy of another, except in a burst, where that is a matter of taste. It knows nothing of figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from evaluation.base.hashers import Hasher, Hashes, distances
from evaluation.copies.edits import generator
from evaluation.corpora import samples
from evaluation.corpora.samples.canvas import Canvas, star

FAMILIES: Final = ("low structure", "text pages", "logos", "meme template", "burst")

PAIR_COLUMNS: Final = (
    "left", "right", "left_family", "right_family", "space", "distance", "matchable", "collides",
)  # fmt: skip
"""Of a frame of pairs. ``distance``: bits. ``matchable``: both have structure enough.
``collides``: within the radius, and matchable."""


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
    makers: Mapping[str, Callable[[int], tuple[str, PIL.Image.Image]]] = {
        "low structure": _bare,
        "text pages": _page,
        "logos": _logo,
        "meme template": _meme,
        "burst": _frame,
    }
    for family in FAMILIES:
        for number in range(each):
            yield Case(family, *makers[family](number))


def _bare(number: int) -> tuple[str, PIL.Image.Image]:
    c = Canvas("#ffffff", 240, 180)
    match number:
        case 0:
            return "blank", c.finish()
        case 1:
            c.gradient("#a8c8f0", "#f4f0e8")
            return "evening sky", c.finish()
        case 2:
            c.line([(20, 150), (220, 30)], "#222222", 1)
            return "one line", c.finish()
        case 3:
            c.disc(120, 90, 5, "#222222")
            return "a dot", c.finish()
        case 4:
            c.disc(120, 90, 60, None, "#222222", 1)
            return "a circle", c.finish()
        case 5:
            c.box(0, 0, 240, 180, "#101014")
            c.disc(180, 40, 12, "#e8e4d0")
            return "moon by night", c.finish()
        case 6:
            c.gradient("#303038", "#202024")
            return "dark", c.finish()
        case _:
            c.box(0, 0, 120, 180, "#e8e8e8")
            return "two greys", c.finish()


def _page(number: int) -> tuple[str, PIL.Image.Image]:
    """Different words, set alike: a title, and lines of a paragraph."""
    rng = generator(0, f"page {number}", "words")
    c = Canvas("#ffffff", 210, 280)
    c.text(105, 24, words.phrase(rng, 3), 11, "#111111")
    for line in range(22):
        # Every fifth line ends a paragraph.
        c.text(105, 48 + 10 * line, words.phrase(rng, 3 if line % 5 == 4 else 7), 6.5, "#222222")
    return f"page {number + 1}", c.finish()


def _logo(number: int) -> tuple[str, PIL.Image.Image]:
    c = Canvas("#ffffff", 200, 200)
    match number:
        case 0:
            c.disc(100, 100, 62, "#d33f2b")
            c.disc(100, 100, 32, "#ffffff")
            return "ring", c.finish()
        case 1:
            c.disc(100, 100, 62, "#1d5fa8")
            return "disc", c.finish()
        case 2:
            c.shape(star(100, 100, 70, 30, 5), "#e0a100")
            return "star", c.finish()
        case 3:
            c.shape([(100, 34), (166, 160), (34, 160)], "#2b8a3e")
            return "triangle", c.finish()
        case 4:
            for place, height in enumerate((50, 80, 110, 130)):
                c.box(42 + 32 * place, 165 - height, 64 + 32 * place, 165, "#5f3dc4")
            return "bars", c.finish()
        case 5:
            c.box(40, 40, 160, 160, "#111111", corner=24)
            c.text(100, 100, "K", 90, "#ffffff")
            return "letter K", c.finish()
        case 6:
            c.box(40, 40, 160, 160, "#111111", corner=24)
            c.text(100, 100, "R", 90, "#ffffff")
            return "letter R", c.finish()
        case _:
            c.disc(80, 100, 46, "#d33f2b")
            c.disc(124, 100, 46, "#e0a100")
            return "two discs", c.finish()


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
    shown: Sequence[Case], hashers: Sequence[Hasher], radii: Mapping[str, int]
) -> pd.DataFrame:
    """Every pair of images by every space of ``radii`` (bits, inclusive); ``PAIR_COLUMNS``."""
    hashed = _hashed(shown, hashers)
    spaces = {space.name: space for hasher in hashers for space in hasher.spaces}
    rows = []
    for name, radius in radii.items():
        hashes = hashed[name]
        every = Hashes(hashes.values, np.ones(len(shown), bool))
        bits = distances(spaces[name], every, every)
        for left, right in itertools.combinations(range(len(shown)), 2):
            distance = int(bits[left, right])
            matchable = bool(hashes.matchable[left] and hashes.matchable[right])
            rows.append(
                (
                    shown[left].label,
                    shown[right].label,
                    shown[left].family,
                    shown[right].family,
                    name,
                    distance,
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
    """Distances of all pairs by one space, bits, float64 (n, n); nan on the diagonal."""
    place = {label: number for number, label in enumerate(labels)}
    grid = np.full((len(labels), len(labels)), np.nan)
    here = found[found["space"] == space]
    for left, right, bits in zip(here["left"], here["right"], here["distance"], strict=True):
        grid[place[left], place[right]] = grid[place[right], place[left]] = bits
    return grid


def _rgb(case: Case) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels(case.image))


def _hashed(shown: Sequence[Case], hashers: Sequence[Hasher]) -> Mapping[str, Hashes]:
    rgb = [_rgb(one) for one in shown]
    found: dict[str, Hashes] = {}
    for hasher in hashers:
        found.update(hasher(rgb))
    return found
