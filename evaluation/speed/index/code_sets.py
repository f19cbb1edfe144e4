"""Codes to measure an index on: evenly random ones, and clustered ones such as images have.

Real codes cluster: edited views of one picture lie near each other, pictures of a kind nearer than
chance, and bits agree with each other. Clustered sets are made of seed codes, jittered up to the
size wanted; seeds come from images (``of_images``) or, where there are none, from
``correlated_seeds``. It knows codes; not indexes or timing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, CODE_BYTES, Codes, from_descriptors
from embeddings.errors import ImageError
from embeddings.network.encoder import Encoder
from evaluation.copies.edits import EDITS
from evaluation.corpora.corpus import Corpus

JITTER: Final = 48
"""Most bits flipped in a seed, evenly from none."""
_CHUNK: Final = 1 << 18


def random_codes(count: int, rng: np.random.Generator) -> Codes:
    """Every bit a coin: uint8 (count, 32)."""
    return rng.integers(0, 256, (count, CODE_BYTES), np.uint8)


def near(codes: Codes, most: int, rng: np.random.Generator) -> Codes:
    """Each of ``codes`` with 0 to ``most`` bits flipped, each number and each place as likely."""
    flipped = np.empty_like(codes)
    for start in range(0, len(codes), _CHUNK):
        part = codes[start : start + _CHUNK]
        flipped[start : start + _CHUNK] = part ^ _flips(len(part), most, rng)
    return flipped


def clustered_codes(seeds: Codes, count: int, rng: np.random.Generator) -> Codes:
    """``count`` codes near ``seeds``, uint8 (n, 32), each seed as likely."""
    return near(seeds[rng.integers(0, len(seeds), count)], JITTER, rng)


def correlated_seeds(count: int, rng: np.random.Generator) -> Codes:
    """Seeds where there are no images: signs of Gaussian descriptors with few strong dimensions.

    Their bits agree with each other, so pairs lie 128 ± 17 bits apart, where even coins would give
    ± 8 and the codes of a mixed corpus gave ± 10: harder than life, on purpose.
    """
    spectrum = 1.0 / np.sqrt(1.0 + np.arange(CODE_BITS))
    mixing = rng.normal(size=(CODE_BITS, CODE_BITS)) * spectrum[:, None]
    return from_descriptors((rng.normal(size=(count, CODE_BITS)) @ mixing).astype(np.float32))


def of_images(corpus: Corpus, encoder: Encoder, images: int, views: int, seed: int) -> Codes:
    """Codes of the first ``images`` of ``corpus`` and of ``views`` edited views of each.

    Images that cannot be decoded are left out. uint8 (n, 32).
    """
    rng, edits = np.random.default_rng(seed), list(EDITS.values())
    codes: list[NDArray[np.uint8]] = []
    previous = None
    for number in range(min(images, len(corpus))):
        try:
            picture = corpus.image(number)
        except ImageError:
            continue
        other = previous or picture
        chosen = rng.choice(len(edits), views, replace=False)
        edited = [edits[edit].apply(picture, other, rng) for edit in chosen.tolist()]
        pixels = [np.asarray(view.convert("RGB"), np.uint8) for view in (picture, *edited)]
        codes.append(encoder.encode(pixels).codes)
        previous = picture
    return np.concatenate([np.empty((0, CODE_BYTES), np.uint8), *codes])


def _flips(count: int, most: int, rng: np.random.Generator) -> Codes:
    """Masks of 0 to ``most`` set bits: uint8 (count, 32)."""
    wanted = rng.integers(0, most + 1, count)
    # The places of the smallest of 256 random bytes with the place as tie-break: a random subset.
    places = np.argsort(rng.random((count, CODE_BITS), np.float32), axis=1)[:, :most]
    bits = np.zeros((count, CODE_BITS), np.bool_)
    rows, columns = np.nonzero(np.arange(most) < wanted[:, None])
    bits[rows, places[rows, columns]] = True
    return np.packbits(bits, axis=1)
