"""The photographic probability of every picture of a corpus, the compressor's traces evened out.

Corpora save their kinds differently: photographs arrive as JPEG at one quality and size, drawings
at another or as PNG. A head can then do well by knowing the compressor. So **every picture is first
re-encoded**: brought to a shorter side and a JPEG quality drawn at random from its name and the
seed, from the same range for all. The qualities lie below those in which corpora are usually kept,
so that the last compression outweighs the first; what an earlier one left cannot be erased
entirely.

It knows nothing of metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.edits import compression
from embeddings.errors import ImageError
from embeddings.network.imagery import ImageryModel
from evaluation.base.progress import Progress, silent
from evaluation.copies.edits import generator
from evaluation.corpora.corpus import Corpus

SHORTER_SIDES: Final = (160, 256)
"""Pixels, both included. Smaller pictures are enlarged, or their size would tell them apart."""
QUALITIES: Final = (40, 75)
"""Of JPEG, both included."""

_LONGEST: Final = 16  # times the shorter side: a strip must not become gigabytes
_BATCH: Final = 32


def reencoded(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """``image`` at a random size and JPEG quality, of the same ranges whatever it was before."""
    side = int(rng.integers(SHORTER_SIDES[0], SHORTER_SIDES[1] + 1))
    quality = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))
    scale = side / min(image.size)
    width, height = (min(round(length * scale), _LONGEST * side) for length in image.size)
    resized = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return compression.jpeg(resized, quality)


@dataclass(frozen=True)
class Scored:
    """The probabilities of n images, those of known kind that can be decoded."""

    items: tuple[int, ...]
    """Positions in the corpus."""
    photographic: NDArray[np.float32]
    """float32 (n,)."""
    skipped: Mapping[str, int]
    """Images that could not be decoded, by error code."""


def score(
    corpus: Corpus, imagery: ImageryModel, seed: int = 0, progress: Progress = silent
) -> Scored:
    """Re-encode and score every image of known kind; a batch of them is in memory at a time."""
    known = [place for place, item in enumerate(corpus.items) if item.kind != "unknown"]
    done: list[int] = []
    parts = [np.zeros(0, np.float32)]
    skipped: Counter[str] = Counter()
    waiting: list[NDArray[np.uint8]] = []
    for count, place in enumerate(known):
        progress("scoring", count, len(known))
        try:
            image = corpus.image(place)
        except ImageError as error:
            skipped[error.code] += 1
            continue
        rng = generator(seed, corpus.items[place].name, "imagery")
        waiting.append(np.asarray(reencoded(image, rng), np.uint8))
        done.append(place)
        if len(waiting) == _BATCH:
            parts.append(imagery.photographic(waiting))
            waiting.clear()
    if waiting:
        parts.append(imagery.photographic(waiting))
    progress("scoring", len(known), len(known))
    return Scored(tuple(done), np.concatenate(parts), dict(skipped))
