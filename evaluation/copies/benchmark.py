"""The benchmark: which images are references, which are strangers, and which edit each gets.

Six images in ten become references, the others *strangers*: every reference is edited into queries
that must be found, every stranger into queries that must not. The split keeps the share of each
kind of imagery and, where the manifest tells, of each source. Everything follows from the images'
names and a seed: the order of files, or what else is measured, changes nothing.

It knows nothing of hashes or metrics.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evaluation.base.errors import CorpusError
from evaluation.copies.edits import FAMILIES, Family, of_family
from evaluation.corpora.corpus import Item

REFERENCE_SHARE: Final = 0.6
MIN_IMAGES: Final = 10


@dataclass(frozen=True)
class EditedQuery:
    """One edited image."""

    item: int
    """Position in the corpus of the image that was edited."""
    edit: str
    """Name in ``edits.EDITS``."""
    family: Family
    outside: bool
    """True if the image is no reference, so that any match is false."""


@dataclass(frozen=True)
class Benchmark:
    """Who is compared with whom."""

    references: tuple[int, ...]
    """Positions in the corpus, ascending."""
    strangers: tuple[int, ...]
    """Positions in the corpus, ascending."""
    queries: tuple[EditedQuery, ...]
    """Ordered by item, so that each image is decoded once."""
    seed: int
    edits_per_family: int


def plan(items: Sequence[Item], seed: int = 0, edits_per_family: int = 1) -> Benchmark:
    """Split ``items`` and give each image ``edits_per_family`` edits of every family.

    Raises ``CorpusError`` if there are fewer than ``MIN_IMAGES``.
    """
    if len(items) < MIN_IMAGES:
        raise CorpusError(f"too few images: {len(items)}, at least {MIN_IMAGES} are needed")
    strata = defaultdict(list)
    for index, item in enumerate(items):
        strata[item.kind, item.source].append(index)
    chosen: list[bool] = [False] * len(items)
    order: list[int] = []
    carried = 0.0
    for key in sorted(strata):
        shuffled = sorted(strata[key], key=lambda index: _rank(seed, items[index].name))
        # What rounding takes from one stratum the next one gets: the whole keeps its share.
        exact = REFERENCE_SHARE * len(shuffled) + carried
        share = min(len(shuffled), max(0, round(exact)))
        carried = exact - share
        for index in shuffled[:share]:
            chosen[index] = True
        order += shuffled
    queries: list[EditedQuery] = []
    for outside in (False, True):
        # Edits are dealt out in turn along this order, so each kind and source gets all of them.
        side = [index for index in order if chosen[index] != outside]
        for place, index in enumerate(side):
            queries += _dealt(index, place, outside, edits_per_family)
    return Benchmark(
        tuple(index for index in range(len(items)) if chosen[index]),
        tuple(index for index in range(len(items)) if not chosen[index]),
        tuple(sorted(queries, key=lambda query: query.item)),
        seed,
        edits_per_family,
    )


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogateescape")).digest()


def _dealt(index: int, place: int, outside: bool, edits_per_family: int) -> list[EditedQuery]:
    queries = []
    for family in FAMILIES:
        edits = of_family(family)
        for turn in range(min(edits_per_family, len(edits))):
            edit = edits[(place * edits_per_family + turn) % len(edits)]
            queries.append(EditedQuery(index, edit.name, family, outside))
    return queries
