"""The copies that no signal finds, to be looked at: what was lost, and by how much.

It measures as the benchmark does and keeps the pictures of a few misses only. It knows nothing of
figures; whether pictures may be shown is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.base.hashers import Space
from evaluation.copies.benchmark import Benchmark
from evaluation.copies.hashing import Hashed, edited_queries
from evaluation.corpora.corpus import Corpus
from evaluation.radii.operating.gathering import true_distances

_FAMILIES: Final = ("mild", "heavy", "chains")


@dataclass(frozen=True)
class Miss:
    """One copy that was not found."""

    original: Image.Image
    copy: Image.Image
    name: str
    """Of the original."""
    edit: str
    distances: Mapping[Space, int]
    """As the space counts them; ``levels`` where the pair may not be matched."""

    @property
    def text(self) -> str:
        """Edit and distances, in two lines."""
        said = ", ".join(space.said(distance) for space, distance in self.distances.items())
        return f"{self.edit}\n{said.replace('pdq', 'PDQ')}"


def misses(
    corpus: Corpus,
    benchmark: Benchmark,
    hashed: Hashed,
    spaces: Sequence[Space],
    at_most: int = 6,
) -> list[Miss]:
    """Up to ``at_most`` copies that none of ``spaces`` finds within its radius.

    The gentlest edits come first, one copy an edit; within a family those nearest to being found. A
    space without a radius finds nothing.
    """
    away = {space: true_distances(hashed, space) for space in spaces if space.radius is not None}
    lost = np.ones(len(hashed.inside_queries), bool)
    margin = np.full(len(lost), np.inf)
    for space, far in away.items():
        beyond = far - (space.radius or 0)
        lost &= beyond > 0
        # As a share of all distances there are: bits and scores are not of one size.
        margin = np.minimum(margin, beyond / space.levels)
    chosen: dict[str, int] = {}
    for row in _ordered(lost, margin, hashed):
        chosen.setdefault(hashed.inside_queries[row].edit, row)
    found = []
    for edit, row in list(chosen.items())[:at_most]:
        query = hashed.inside_queries[row]
        original = corpus.image(query.item)
        _, copy = next(edited_queries(corpus, benchmark, query.item, original, [query]))
        each = {space: int(far[row]) for space, far in away.items()}
        found.append(Miss(original, copy, corpus.items[query.item].name, edit, each))
    return found


def _ordered(lost: NDArray[np.bool_], margin: NDArray[np.float64], hashed: Hashed) -> list[int]:
    family = [_FAMILIES.index(query.family) for query in hashed.inside_queries]
    rows = np.flatnonzero(lost).tolist()
    return sorted(rows, key=lambda row: (family[row], margin[row], row))
