"""What a notebook starts from: the images, the model, and how much to measure.

Images are those the reader names (an argument, or ``LOOKALIKE_IMAGES``: a folder or a tar; with
``LOOKALIKE_MANIFEST`` a CSV that tells their kinds), else the shipped samples. With
``LOOKALIKE_NOTEBOOK_SMALL`` set, everything is as small as still runs each step: what tests use.
It knows no notebook and no figure.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.errors import ImageError
from embeddings.network.encoder import Encoder, load_encoder
from evaluation.base.bars import bars
from evaluation.base.errors import CorpusError
from evaluation.base.hashers import (
    EncoderHasher,
    Hasher,
    Hashes,
    PdqHasher,
    Space,
    as_shipped,
    is_score,
)
from evaluation.base.provenance import machine, software
from evaluation.copies import strengths
from evaluation.copies.benchmark import Benchmark, plan
from evaluation.copies.hashing import BATCH, Hashed, run
from evaluation.corpora.corpus import Corpus, Item, open_corpus
from evaluation.corpora.sample_corpus import sample_corpus
from evaluation.radii.operating.gathering import Pairs, pairs_of
from evaluation.showing import frames

if TYPE_CHECKING:
    import pandas as pd

IMAGES: Final = "LOOKALIKE_IMAGES"
MANIFEST: Final = "LOOKALIKE_MANIFEST"
SMALL: Final = "LOOKALIKE_NOTEBOOK_SMALL"

_KINDS: Final = {
    "photo": "photographs",
    "nonphoto": "non-photographs",
    "unknown": "of unknown kind",
}


@dataclass(frozen=True, repr=False)
class Workbench:
    """Images and a model, ready to be measured."""

    corpus: Corpus
    encoder: Encoder
    small: bool
    """Whether as little as possible is measured."""
    samples: int
    """Of every bootstrap."""

    @property
    def hashers(self) -> tuple[Hasher, ...]:
        """PDQ, and the code of the model with its score."""
        return PdqHasher(), EncoderHasher(self.encoder)

    @property
    def space(self) -> str:
        """The model's code space."""
        return self.encoder.info.space

    @property
    def spaces(self) -> tuple[Space, ...]:
        """What is measured: PDQ, then the code by distance, then by score."""
        return tuple(space for hasher in self.hashers for space in hasher.spaces)

    @property
    def radii(self) -> Mapping[str, int]:
        """The radius each hash is shipped with, bits, inclusive, for any imagery.

        The code's is for queries without a descriptor; images are judged as ``shipped`` says.
        """
        return {
            space.name: space.radius
            for space in self.spaces
            if space.radius is not None and not is_score(space.name)
        }

    @property
    def shipped(self) -> tuple[Space, ...]:
        """What an image is judged by as shipped, for any imagery: PDQ, and the code's score."""
        return as_shipped(self.spaces)

    @property
    def limits(self) -> Mapping[str, int]:
        """The greatest distance, inclusive, of each of ``shipped``, as the space counts it."""
        return {space.name: space.radius for space in self.shipped if space.radius is not None}

    def split(self, edits_per_family: int = 1, seed: int = 0) -> Benchmark:
        """Who is a reference, who a stranger, and which edits each gets."""
        return plan(self.corpus.items, seed, self.no_more(edits_per_family))

    def hashed(self, benchmark: Benchmark) -> Hashed:
        """The hashes of a benchmark's references and queries, by space."""
        with bars() as progress:
            return run(self.corpus, benchmark, self.hashers, progress)

    def evaluate(self, edits_per_family: int = 1, seed: int = 0) -> pd.DataFrame:
        """What ``lookalike evaluate`` measures, as a tidy frame; see ``frames.COLUMNS``."""
        with bars() as progress:
            return frames.evaluate(
                self.corpus,
                self.hashers,
                seed=seed,
                edits_per_family=self.no_more(edits_per_family),
                samples=self.samples,
                command=f"{__name__}: evaluate({edits_per_family=}, {seed=})",
                progress=progress,
            )

    def provenance(self, **more: object) -> dict[str, object]:
        """Where numbers measured here come from, for ``frames.save``; ``more``: added to it."""
        return {
            "data": self.images(),
            "spaces": [space.name for space in self.spaces],
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine(),
            "software": software(),
            "bootstrap_samples": self.samples,
            **more,
        }

    def hash(self, images: Sequence[Image.Image]) -> Mapping[str, Hashes]:
        """The hashes of ``images``, as queries, by space."""
        pixels = _pixels(images)
        return {name: one for hasher in self.hashers for name, one in hasher(pixels).items()}

    def listed(self, images: Sequence[Image.Image]) -> Mapping[str, Hashes]:
        """What is listed of ``images``, by space."""
        pixels = _pixels(images)
        return {name: one for hasher in self.hashers for name, one in hasher.listed(pixels).items()}

    def list_all(self) -> Mapping[str, Hashes]:
        """What is listed of every image, in the corpus's order, by space.

        Raises ``ImageError`` for one that cannot be decoded.
        """
        parts = []
        with bars() as progress:
            for start in range(0, len(self.corpus), BATCH):
                progress("hashing", start, len(self.corpus))
                places = range(start, min(start + BATCH, len(self.corpus)))
                parts.append(self.listed([self.corpus.image(place) for place in places]))
        return {
            name: Hashes(
                np.concatenate([part[name].values for part in parts]),
                np.concatenate([part[name].matchable for part in parts]),
            )
            for name in parts[0]
        }

    def climb(self, at_most: int = 24) -> pd.DataFrame:
        """Distances at rising strength of every edit, of ``at_most`` images; see ``strengths``."""
        few = some(self.corpus, min(len(self.corpus), 2 if self.small else at_most))
        with bars() as progress:
            return strengths.climb(few, self.hashers, progress=progress)

    def pairs(self, hashed: Hashed) -> tuple[Pairs, ...]:
        """All pairs of a benchmark, counted, by each hash that has a radius; see ``operating``."""
        total = len(hashed.reference_items) * (
            len(hashed.inside_queries) + len(hashed.outside_queries)
        )
        counted = []
        with bars() as progress:
            for space in (one for one in self.spaces if one.name in self.radii):
                done = 0

                def step(pairs: int, name: str = space.name) -> None:
                    nonlocal done
                    done += pairs
                    progress(f"comparing pairs by {name}", done, total)

                counted.append(pairs_of(hashed, self.corpus, space, progress=step))
        return tuple(counted)

    def no_more(self, number: int) -> int:
        """``number``, or 1 where as little as possible is measured."""
        return 1 if self.small else number

    def images(self) -> str:
        """How many images there are, in words."""
        kinds = Counter(item.kind for item in self.corpus.items)
        parts = ", ".join(f"{count} {_KINDS[kind]}" for kind, count in sorted(kinds.items()))
        return f"{len(self.corpus)} images ({parts}), {self.corpus.name}"

    def __repr__(self) -> str:
        """What is measured and by what, for people."""
        rules = [
            f"{space.name} {space.within(space.radius)}"
            for space in self.shipped
            if space.radius is not None
        ]
        return f"{self.images()}\nas shipped: {', '.join(rules)}; model on {self.encoder.device}"


def open_workbench(
    images: str | Path | None = None,
    manifest: str | Path | None = None,
    at_most: int | None = None,
    readable: bool = False,
) -> Workbench:
    """The reader's images, else the shipped samples, and the shipped model.

    ``at_most``: of more images only so many are used, spread evenly over their names. ``readable``:
    those that cannot be decoded are left out at once, not only where they are measured. Raises
    ``CorpusError``, ``ManifestError``, ``CheckpointError`` and ``DeviceError``.
    """
    small = bool(os.environ.get(SMALL))
    named = images or os.environ.get(IMAGES)
    labels = manifest or os.environ.get(MANIFEST)
    corpus: Corpus = sample_corpus(small)
    if named:
        corpus = open_corpus(Path(named).expanduser(), Path(labels) if labels else None)
    if at_most is not None and len(corpus) > at_most:
        corpus = some(corpus, at_most)
    if named and readable:
        corpus = _readable(corpus)
    return Workbench(corpus, load_encoder(), small, samples=50 if small else 1000)


class CorpusPart(Corpus):
    """Some images of a corpus."""

    def __init__(self, whole: Corpus, chosen: Sequence[int]) -> None:
        """``chosen``: positions in ``whole``, ascending."""
        self._whole = whole
        self._chosen = tuple(chosen)
        self.name = whole.name
        self.items: tuple[Item, ...] = tuple(whole.items[place] for place in chosen)

    def read(self, index: int) -> bytes:
        """The bytes of one image. Raises ``CorpusError`` if they are no longer there."""
        return self._whole.read(self._chosen[index])

    def image(self, index: int) -> Image.Image:
        """One image, RGB and upright. Raises ``ImageError`` if it cannot be decoded."""
        return self._whole.image(self._chosen[index])


def some(whole: Corpus, count: int) -> CorpusPart:
    """``count`` images of ``whole``, no more than there are, spread evenly over their names."""
    return CorpusPart(whole, [place * len(whole) // count for place in range(count)])


def _pixels(images: Sequence[Image.Image]) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(np.asarray(one.convert("RGB"), np.uint8)) for one in images]


def _readable(corpus: Corpus) -> Corpus:
    kept = []
    with bars() as progress:
        for place in range(len(corpus)):
            progress("decoding", place, len(corpus))
            with contextlib.suppress(ImageError):
                corpus.image(place)
                kept.append(place)
    if not kept:
        raise CorpusError(f"{corpus.name}: none of {len(corpus)} images can be decoded")
    return CorpusPart(corpus, kept)
