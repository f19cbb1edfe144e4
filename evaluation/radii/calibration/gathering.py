"""From corpora to codes: references, queries unrelated to any of them, and copies.

As in the benchmark six images in ten are references. The others, *strangers*, are the unrelated
queries: as they are, and edited. Copies are made only from the references of the first corpus: the
others may be images the model was trained on, which show how often strangers match, but would
flatter recall.

Related images in different corpora, or copies within one, would pass for false matches: corpora are
expected to be free of duplicates, and the closest pairs are reported so that one can look, and list
what is one work (``related``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import Codes, Descriptors, quantised
from embeddings.figures import MIN_STRUCTURE
from embeddings.hashes.structure import structure
from embeddings.network.encoder import Encoded, Encoder
from evaluation.base.hashers import Hashes, Images, Space
from evaluation.base.progress import Progress, silent
from evaluation.copies.benchmark import Benchmark, EditedQuery, plan
from evaluation.copies.edits import FAMILIES
from evaluation.copies.hashing import Hashed, Skipped, run
from evaluation.corpora.corpus import KINDS, Corpus

LOW_STRUCTURE: Final = 0.4
"""Below this, and from ``MIN_STRUCTURE`` on, an image is matched with little to be told by: about
one ordinary image in twelve."""

CLASSES: Final = 2 * len(KINDS)
"""Kind and structure together: twice the kind's place in ``KINDS``, plus 1 if low."""


class _Hasher:
    """Codes, and the structure they stand on."""

    spaces = (Space("code", "code"), Space("asked", "score"), Space("structure", "descriptor"))

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        return self._hashes(images, self._encoder.encode(images))

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        return self._hashes(images, self._encoder.encode_references(images))

    def _hashes(self, images: Images, encoded: Encoded) -> Mapping[str, Hashes]:
        values = np.array([[structure(image)] for image in images], np.float32)
        matchable = values[:, 0] >= MIN_STRUCTURE
        return {
            "code": Hashes(encoded.codes, matchable),
            "asked": Hashes(quantised(encoded.descriptors), matchable),
            "structure": Hashes(values, matchable),
        }


class _Unlisted(_Hasher):
    """The same of strangers: as queries, on whichever side a plan has them."""

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        return self(images)


@dataclass(frozen=True)
class Coded:
    """The codes of n images: of references as they are listed, of others as they ask."""

    codes: Codes
    """uint8 (n, 32)."""
    asked: Descriptors
    """int8 (n, 256): what they are scored by."""
    classes: NDArray[np.int64]
    """int64 (n,), 0..CLASSES-1."""
    matchable: NDArray[np.bool_]
    """bool (n,): False where there is too little structure for the product to match it."""
    labels: tuple[str, ...]
    """Corpus, image and edit of each, for people. Not to be shown unescaped."""
    images: tuple[str, ...]
    """The image of each, as its corpus names it."""

    def matched(self) -> Coded:
        """Those that may be matched."""
        return Coded(
            np.ascontiguousarray(self.codes[self.matchable]),
            np.ascontiguousarray(self.asked[self.matchable]),
            self.classes[self.matchable],
            self.matchable[self.matchable],
            tuple(np.array(self.labels, object)[self.matchable]),
            tuple(np.array(self.images, object)[self.matchable]),
        )


@dataclass(frozen=True)
class Gathered:
    """Everything that is compared."""

    references: Coded
    unrelated: Coded
    copies: Coded
    copied: NDArray[np.int64]
    """int64 (n,): the position among the references of what each copy is made from."""
    skipped: Mapping[str, int]
    """Images that could not be decoded, by error code."""


@dataclass(frozen=True)
class GatheringPlan:
    """What will be gathered from each corpus, known before anything is decoded."""

    corpora: tuple[Corpus, ...]
    benchmarks: tuple[Benchmark, ...]

    def pairs(self) -> int:
        """How many pairs of a reference and an unrelated query there will be at most."""
        references = sum(len(one.references) for one in self.benchmarks)
        queries = sum(
            len(one.strangers) * (1 + len(FAMILIES) * one.edits_per_family)
            for one in self.benchmarks
        )
        return references * queries


def planned(corpora: Sequence[Corpus], seed: int, edits_per_family: int) -> GatheringPlan:
    """Split every corpus. Raises ``CorpusError`` if one holds too few images."""
    benchmarks = [plan(corpus.items, seed, edits_per_family) for corpus in corpora]
    # Only the first corpus gives copies.
    strangers = [
        replace(one, queries=tuple(query for query in one.queries if query.outside))
        for one in benchmarks[1:]
    ]
    return GatheringPlan(tuple(corpora), (*benchmarks[:1], *strangers))


def gather(plan: GatheringPlan, encoder: Encoder, progress: Progress = silent) -> Gathered:
    """Decode, edit and encode. Only a batch of pictures is in memory at a time."""
    hasher, strangers = _Hasher(encoder), _Unlisted(encoder)
    references, unrelated, copies = [], [], []
    copied: list[NDArray[np.int64]] = []
    skipped: list[Skipped] = []
    before = 0
    for corpus, benchmark in zip(plan.corpora, plan.benchmarks, strict=True):
        hashed = run(corpus, benchmark, [hasher], _named(progress, corpus.name))
        as_they_are = replace(
            benchmark, references=benchmark.strangers, strangers=benchmark.references, queries=()
        )
        clean = run(corpus, as_they_are, [strangers], _named(progress, f"{corpus.name}, unedited"))
        references.append(_coded(corpus, hashed.references, _unedited(hashed)))
        unrelated.append(_coded(corpus, hashed.outside, hashed.outside_queries))
        unrelated.append(_coded(corpus, clean.references, _unedited(clean)))
        copies.append(_coded(corpus, hashed.inside, hashed.inside_queries))
        copied.append(hashed.truth + before)
        before += len(hashed.reference_items)
        # A stranger that cannot be decoded is met in both runs.
        skipped += {*hashed.skipped, *clean.skipped}
    return Gathered(
        _joined(references),
        _joined(unrelated),
        _joined(copies),
        np.concatenate(copied),
        dict(Counter(one.code for one in skipped)),
    )


def _named(progress: Progress, name: str) -> Progress:
    return lambda stage, done, total: progress(f"{stage}: {name}", done, total)


def _unedited(hashed: Hashed) -> list[EditedQuery]:
    return [EditedQuery(item, "", "mild", outside=False) for item in hashed.reference_items]


def _coded(corpus: Corpus, hashes: Mapping[str, Hashes], queries: Sequence[EditedQuery]) -> Coded:
    items = [corpus.items[query.item] for query in queries]
    low = hashes["structure"].values[:, 0] < LOW_STRUCTURE
    kinds = np.array([KINDS.index(item.kind) for item in items], np.int64)
    labels = tuple(
        f"{corpus.name}/{item.name}" + (f" ({query.edit})" if query.edit else "")
        for item, query in zip(items, queries, strict=True)
    )
    images = tuple(item.name for item in items)
    code = hashes["code"]
    return Coded(
        code.values, hashes["asked"].values, 2 * kinds + low, code.matchable, labels, images
    )


def _joined(parts: Sequence[Coded]) -> Coded:
    return Coded(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.asked for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.matchable for part in parts]),
        tuple(label for part in parts for label in part.labels),
        tuple(image for part in parts for image in part.images),
    )
