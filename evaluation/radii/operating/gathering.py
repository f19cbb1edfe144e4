"""Distances of all pairs of a benchmark, in bounded memory: what operating curves are made of.

True pairs keep their distance. Untrue ones, of which there may be hundreds of millions, are counted
by distance, by the kinds of both images and by *groups* of images. Images fall into groups at
random, and drawing groups with replacement stands for drawing other images: pairs that share an
image are not independent, and intervals that took them to be would be too narrow.

It knows nothing of rates or radii.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS
from evaluation.base.errors import CalibrationError
from evaluation.base.hashers import Hashes, Space, paired
from evaluation.base.policies import Imagery
from evaluation.copies.benchmark import EditedQuery
from evaluation.copies.hashing import Hashed
from evaluation.corpora.corpus import KINDS, Corpus
from evaluation.radii.calibration.pairs import LEVELS, count_pairs

GROUPS: Final = 20
"""At most; no more than there are images."""

_KIND: Final = {"photographic": KINDS.index("photo"), "non_photographic": KINDS.index("nonphoto")}

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """All pairs of one space."""

    space: Space
    true: Ints
    """int64 (n,): distance of each copy to its reference, bits; 257 where it may not be matched."""
    kinds: Ints
    """int64 (n,): the kind of each copy, a position in ``KINDS``."""
    sources: Ints
    """int64 (n,): the image each copy was made from."""
    false: Ints
    """int64 (kinds, groups, kinds, groups, 257): untrue pairs by kind and group of the query, kind
    and group of the reference, and distance. Pairs that may not be matched are in none."""

    def copies(self, imagery: Imagery) -> tuple[Ints, Ints]:
        """Distances and sources of the copies of one imagery, (n,) each."""
        if imagery == "any":
            return self.true, self.sources
        keep = self.kinds == _KIND[imagery]
        return self.true[keep], self.sources[keep]

    def grouped(self, imagery: Imagery) -> Ints:
        """Untrue pairs by the groups of their images: int64 (groups, groups, 257).

        A pair is of an imagery if both its images are; every pair is of ``any``.
        """
        if imagery == "any":
            return np.asarray(self.false.sum(axis=(0, 2)), np.int64)
        kind = _KIND[imagery]
        return np.ascontiguousarray(self.false[kind, :, kind])


def pairs_of(
    hashed: Hashed,
    corpus: Corpus,
    space: Space,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _pairs: None,
) -> Pairs:
    """Compare every query of ``hashed`` with every reference, by ``space``.

    ``progress`` is called with the number of pairs done since the last call. Raises
    ``CalibrationError`` for a space whose distances are not bits.
    """
    if space.levels != LEVELS:
        raise CalibrationError(f"{space.name}: only distances in bits have a radius")
    groups = max(1, min(GROUPS, len(corpus)))
    dealt = np.random.default_rng(seed).permutation(len(corpus)) % groups
    kinds = np.array([KINDS.index(item.kind) for item in corpus.items], np.int64)
    classes = len(KINDS) * groups

    def side(hashes: Hashes, items: Ints) -> tuple[NDArray[np.uint8], Ints]:
        keep = hashes.matchable
        return hashes.values[keep], (kinds[items] * groups + dealt[items])[keep]

    name = space.name
    references, inside, outside = hashed.references[name], hashed.inside[name], hashed.outside[name]
    mine, theirs = _items(hashed.inside_queries), _items(hashed.outside_queries)
    listed = np.array(hashed.reference_items, np.int64)
    false = np.zeros((classes, classes, LEVELS), np.int64)
    for hashes, items in ((inside, mine), (outside, theirs)):
        counted = count_pairs(
            *side(hashes, items), *side(references, listed), classes, progress=progress
        )
        false += counted.histogram
    true = true_distances(hashed, space)
    # The true pairs were counted among all the others.
    own = kinds[mine] * groups + dealt[mine]
    known = true <= CODE_BITS
    np.subtract.at(false, (own[known], own[known], true[known]), 1)
    shape = (len(KINDS), groups, len(KINDS), groups, LEVELS)
    return Pairs(space, true, kinds[mine], mine, false.reshape(shape))


def _items(queries: tuple[EditedQuery, ...]) -> Ints:
    return np.array([query.item for query in queries], np.int64)


def true_distances(hashed: Hashed, space: Space) -> Ints:
    """Of each copy to its reference, int64 (n,); ``space.levels`` where it may not be matched."""
    references, truth = hashed.references[space.name], hashed.truth
    own = Hashes(references.values[truth], references.matchable[truth])
    return paired(space, hashed.inside[space.name], own).astype(np.int64)
