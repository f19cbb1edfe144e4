"""What is measured: anything that turns images into codes or descriptors.

A hasher may fill several *spaces* at once, as an encoder does with its codes and their descriptors.
Distances are whole numbers whatever the space: bits; for scores, what they fall short of
``MAX_SCORE`` (one below 0 counts as 0); or for descriptors 1 - cosine in steps of 1/2048 (a cosine
below 0 counts as 0): so that one set of metrics serves all.

It knows nothing of edits or of which image is a copy of which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import (
    CODE_BITS,
    CODE_BYTES,
    MAX_SCORE,
    Codes,
    Descriptors,
    paired_distances,
    quantised,
    unpack,
)
from embeddings.codes import distances as code_distances
from embeddings.figures import MIN_STRUCTURE
from embeddings.hashes.pdq import MIN_QUALITY as PDQ_MIN_QUALITY
from embeddings.hashes.pdq import RADIUS, pdq
from embeddings.hashes.structure import structure
from embeddings.network.encoder import Encoded, Encoder

Signal = Literal["pdq", "code", "score", "descriptor"]
"""A score is asked for by a descriptor in bytes, and what is listed is a code."""
Images = Sequence[NDArray[np.uint8]]
"""Each uint8 (h, w, 3)."""

COSINE_STEPS: Final = 2048

PDQ_RADIUS: Final = RADIUS
"""Bits, inclusive: the service's own default."""


_SCORE: Final = " score"


def is_score(space: str) -> bool:
    """Whether a space of this name is one of scores."""
    return space.endswith(_SCORE)


@dataclass(frozen=True)
class Space:
    """One kind of hash; only hashes of one space are compared."""

    name: str
    """As the report shows it: ``pdq``, a code space, or a peer's own name."""
    signal: Signal
    radius: int | None = None
    """The greatest distance that matches as shipped, inclusive: bits, or of a score what it falls
    short of ``MAX_SCORE``; ``None`` for a peer or a model without one."""

    @property
    def levels(self) -> int:
        """How many distances there are: 0..levels-1."""
        return {"descriptor": COSINE_STEPS, "score": MAX_SCORE}.get(self.signal, CODE_BITS) + 1

    def within(self, distance: int) -> str:
        """That a pair is no farther apart than ``distance``, for people."""
        if self.signal == "score":
            return f"≥ {MAX_SCORE - distance}"
        return f"≤ {distance} bits"

    def said(self, distance: int) -> str:
        """How far apart a pair is, for people."""
        if distance >= self.levels:
            return f"{self.name} not matched"
        if self.signal == "score":
            return f"{self.name} {MAX_SCORE - distance}"
        return f"{self.name} {distance} bits"


@dataclass(frozen=True)
class Hashes:
    """The hashes of n images in one space."""

    values: NDArray[Any]
    """uint8 (n, 32) for bits; float32 (n, d) of length 1 for descriptors; of a query that is scored
    int8 (n, 256), and of a reference uint8 (n, 32)."""
    matchable: NDArray[np.bool_]
    """bool (n,): False where the image has too little structure to be matched by this hash."""


class Hasher(Protocol):
    """Turns images into hashes of its spaces."""

    @property
    def spaces(self) -> tuple[Space, ...]:
        """What it fills."""
        ...

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        """Hashes of ``images``, as queries, by the name of the space."""
        ...

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        """The same, as references."""
        ...


class PdqHasher:
    """PDQ; below its own quality 50 it is not matched."""

    spaces = (Space("pdq", "pdq", PDQ_RADIUS),)

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        """PDQ of ``images``."""
        hashes = [pdq(image) for image in images]
        values = np.frombuffer(b"".join(one.hash for one in hashes), np.uint8)
        matchable = np.array([one.quality >= PDQ_MIN_QUALITY for one in hashes], bool)
        return {"pdq": Hashes(values.reshape(-1, CODE_BYTES), matchable)}

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        """The same."""
        return self(images)


class EncoderHasher:
    """The learnt code of one encoder, what it scores and, if asked for, the descriptors."""

    def __init__(self, encoder: Encoder, descriptors: bool = False, looks: bool = True) -> None:
        """``descriptors``: measure them too, on both sides. ``looks``: list what references are
        listed as; without it, what a query would be."""
        self._encoder, self._looks = encoder, looks
        info = encoder.info
        self._code = Space(info.space, "code", info.radii.get("any"))
        least = info.scores.get("any")
        self._score = Space(
            f"{info.space}{_SCORE}", "score", None if least is None else MAX_SCORE - least
        )
        self._floats = (Space(f"{info.space} f32", "descriptor"),) if descriptors else ()
        self.spaces = (self._code, self._score, *self._floats)

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        """Codes, and descriptors, of ``images``."""
        encoded = self._encoder.encode(images)
        return self._hashes(images, encoded, quantised(encoded.descriptors))

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        """What is listed of ``images``."""
        encode = self._encoder.encode_references if self._looks else self._encoder.encode
        encoded = encode(images)
        return self._hashes(images, encoded, encoded.codes)

    def _hashes(
        self, images: Images, encoded: Encoded, scored: NDArray[Any]
    ) -> Mapping[str, Hashes]:
        matchable = np.array([structure(image) >= MIN_STRUCTURE for image in images], bool)
        hashes = {
            self._code.name: Hashes(encoded.codes, matchable),
            self._score.name: Hashes(scored, matchable),
        }
        for space in self._floats:
            hashes[space.name] = Hashes(unit(encoded.descriptors), matchable)
        return hashes


class DescriptorHasher:
    """Any function from images to descriptors: a peer to measure in the same run."""

    def __init__(self, name: str, function: Callable[[Images], NDArray[np.float32]]) -> None:
        """``function``: images, each uint8 (h, w, 3), to float32 (n, d) of any length."""
        self._function = function
        self.spaces = (Space(name, "descriptor"),)

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        """Descriptors of ``images``, brought to length 1; all may be matched."""
        values = unit(self._function(images))
        return {self.spaces[0].name: Hashes(values, np.ones(len(values), bool))}

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        """The same."""
        return self(images)


def unit(descriptors: NDArray[np.floating]) -> NDArray[np.float32]:
    """``descriptors``, float (n, d), each brought to length 1; zeros stay zero."""
    values = np.asarray(descriptors, np.float32)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = values / np.maximum(length, np.float32(1e-12))
    return scaled


def as_shipped(spaces: Sequence[Space]) -> tuple[Space, ...]:
    """Of ``spaces``, those by which an upload is judged where nobody set anything.

    An image always brings its descriptor, so where a model's codes are scored their distance
    decides nothing.
    """
    shipped = tuple(space for space in spaces if space.radius is not None)
    scored = {space.name.removesuffix(_SCORE) for space in shipped if space.signal == "score"}
    return tuple(s for s in shipped if s.signal != "code" or s.name not in scored)


def paired(space: Space, queries: Hashes, references: Hashes) -> NDArray[np.int32]:
    """Distance of each query to the reference in its row, int32 (n,): as of ``distances``."""
    if space.signal == "descriptor":
        out = _steps(np.einsum("ij,ij->i", queries.values, references.values))
    elif space.signal == "score":
        signs = unpack(references.values).astype(np.int32) * 2 - 1
        score = (queries.values.astype(np.int32) * signs).sum(axis=1, dtype=np.int32)
        out = np.clip(MAX_SCORE - score, 0, MAX_SCORE)
    else:
        out = paired_distances(queries.values, references.values)
    out[~(queries.matchable & references.matchable)] = space.levels
    return out


def distances(space: Space, queries: Hashes, references: Hashes) -> NDArray[np.int32]:
    """Distances of every query to every reference, int32 (q, r); ``space.levels``: unmatchable."""
    if space.signal == "descriptor":
        out = _steps(queries.values @ references.values.T)
    elif space.signal == "score":
        out = np.clip(MAX_SCORE - _scores(queries.values, references.values), 0, MAX_SCORE)
    else:
        out = code_distances(queries.values, references.values)
    out[~queries.matchable] = space.levels
    out[:, ~references.matchable] = space.levels
    return out


def _scores(queries: Descriptors, references: Codes) -> NDArray[np.int32]:
    # As ``codes.scores``, by a matrix product; float32 holds these sums exactly.
    signs = unpack(references).astype(np.float32) * 2 - 1
    out: NDArray[np.int32] = (queries.astype(np.float32) @ signs.T).astype(np.int32)
    return out


def _steps(cosines: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint((1 - np.clip(cosines, 0, 1)) * COSINE_STEPS).astype(np.int32)
