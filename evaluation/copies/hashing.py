"""From a benchmark's plan to hashes: decode, edit, hash, one image after the other.

Only a batch of pictures is in memory at a time. A picture that cannot be decoded is left out, with
all its queries, and reported. It knows nothing of distances or metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.errors import ImageError
from evaluation.base.hashers import Hasher, Hashes
from evaluation.base.progress import Progress, silent
from evaluation.copies import edits
from evaluation.copies.benchmark import Benchmark, EditedQuery
from evaluation.corpora.corpus import Corpus

BATCH: Final = 16


@dataclass(frozen=True)
class Skipped:
    """An image that could not be decoded."""

    name: str
    code: str
    """Of the ``ImageError``."""


@dataclass(frozen=True)
class Hashed:
    """The hashes of a benchmark, by the name of the space."""

    references: Mapping[str, Hashes]
    inside: Mapping[str, Hashes]
    """Of the queries made from references."""
    outside: Mapping[str, Hashes]
    """Of the queries made from strangers."""
    reference_items: tuple[int, ...]
    """Position in the corpus of each reference that was hashed."""
    inside_queries: tuple[EditedQuery, ...]
    outside_queries: tuple[EditedQuery, ...]
    skipped: tuple[Skipped, ...]

    @property
    def truth(self) -> NDArray[np.int64]:
        """int64 (n,): the position of each inside query's reference."""
        place = {item: row for row, item in enumerate(self.reference_items)}
        return np.array([place[query.item] for query in self.inside_queries], np.int64)


class _Batches:
    """Gathers pictures until there are enough for one call of the hashers."""

    def __init__(self, hashers: Sequence[Hasher], listed: bool = False) -> None:
        self._hash = [one.listed if listed else one.__call__ for one in hashers]
        self._waiting: list[NDArray[np.uint8]] = []
        self._done: dict[str, list[Hashes]] = {
            space.name: [] for hasher in hashers for space in hasher.spaces
        }

    def add(self, image: Image.Image) -> None:
        self._waiting.append(np.ascontiguousarray(np.asarray(image, np.uint8)))
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        for hash_images in self._hash:
            for name, hashes in hash_images(self._waiting).items():
                self._done[name].append(hashes)
        self._waiting.clear()

    def all(self) -> Mapping[str, Hashes]:
        if self._waiting:
            self._flush()
        elif not all(self._done.values()):
            # Nothing came at all: one picture tells the hashes' shape, and its row is not kept.
            self._waiting.append(np.zeros((8, 8, 3), np.uint8))
            self._flush()
            return {
                name: Hashes(parts[0].values[:0], parts[0].matchable[:0])
                for name, parts in self._done.items()
            }
        return {
            name: Hashes(
                np.concatenate([part.values for part in parts]),
                np.concatenate([part.matchable for part in parts]),
            )
            for name, parts in self._done.items()
        }


def run(
    corpus: Corpus,
    benchmark: Benchmark,
    hashers: Sequence[Hasher],
    progress: Progress = silent,
) -> Hashed:
    """Make and hash every reference and every query of ``benchmark``."""
    references = _Batches(hashers, listed=True)
    inside, outside = _Batches(hashers), _Batches(hashers)
    reference_items: list[int] = []
    inside_queries: list[EditedQuery] = []
    outside_queries: list[EditedQuery] = []
    skipped: list[Skipped] = []
    known = frozenset(benchmark.references)
    of_item: dict[int, list[EditedQuery]] = {}
    for query in benchmark.queries:
        of_item.setdefault(query.item, []).append(query)
    for done, item in enumerate(sorted(known | set(of_item))):
        progress("editing and hashing", done, len(corpus))
        try:
            image = corpus.image(item)
        except ImageError as error:
            skipped.append(Skipped(corpus.items[item].name, error.code))
            continue
        if item in known:
            reference_items.append(item)
            references.add(image)
        for query, edited in edited_queries(corpus, benchmark, item, image, of_item.get(item, [])):
            (outside if query.outside else inside).add(edited)
            (outside_queries if query.outside else inside_queries).append(query)
    progress("editing and hashing", len(corpus), len(corpus))
    return Hashed(
        references.all(),
        inside.all(),
        outside.all(),
        tuple(reference_items),
        tuple(inside_queries),
        tuple(outside_queries),
        tuple(skipped),
    )


def edited_queries(
    corpus: Corpus,
    benchmark: Benchmark,
    item: int,
    image: Image.Image,
    queries: Sequence[EditedQuery],
) -> Iterator[tuple[EditedQuery, Image.Image]]:
    """``image``, which is the corpus's ``item``, edited as each of ``queries`` says."""
    if not queries:
        return
    name, other = corpus.items[item].name, _other(corpus, benchmark, item)
    for query in queries:
        rng = edits.generator(benchmark.seed, name, query.edit)
        yield query, edits.apply(edits.EDITS[query.edit], image, other, rng)


def _other(corpus: Corpus, benchmark: Benchmark, item: int) -> Image.Image:
    """A second picture for edits that need one: a stranger, so that it is no reference itself."""
    candidates = [index for index in benchmark.strangers if index != item]
    rng = edits.generator(benchmark.seed, corpus.items[item].name, "other")
    for _ in range(4):
        try:
            return corpus.image(candidates[int(rng.integers(0, len(candidates)))])
        except ImageError:
            continue
    return Image.new("RGB", (256, 256), (128, 128, 128))
