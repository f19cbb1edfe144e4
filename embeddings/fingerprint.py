"""All signals of one image: what crosses from ``embeddings`` to its users.

It knows what a fingerprint holds and how to make one from bytes; not how the signals are stored,
matched or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np

from embeddings.codes import quantised
from embeddings.errors import CheckpointError
from embeddings.figures import MIN_STRUCTURE
from embeddings.files.images import CheckedImage, ImageLimits, decode
from embeddings.files.pictures import Picture
from embeddings.hashes.digests import digests
from embeddings.hashes.pdq import dihedral, pdq
from embeddings.hashes.structure import structure
from embeddings.network.encoder import Encoder
from embeddings.network.imagery import ImageryModel
from embeddings.network.preparing.views import views

Role = Literal["query", "reference"]
"""Whether codes were made to ask with, of an image as it is, or to be listed, over its reference
looks (``reference_looks``). Either is found by the other; lists may hold both."""


@dataclass(frozen=True)
class Fingerprint:
    """Every signal computed from one image."""

    md5: str
    """32 lower-case hex digits, of the bytes as received."""
    sha1: str
    """40 lower-case hex digits, of the bytes as received."""
    sha256: str
    """64 lower-case hex digits, of the bytes as received."""
    pdq: bytes
    """The PDQ hash, 32 bytes, in the order of its hex form."""
    pdq_quality: int
    """PDQ's own quality, 0..100; below 50 the hash must not be matched."""
    codes: Mapping[str, bytes]
    """Code space to code, 32 bytes each. Codes of two code spaces are never compared."""
    structure: float
    """Structure of the image, 0..1; below ``figures.MIN_STRUCTURE`` codes must not be matched."""
    photographic: float
    """Probability that the image is a photograph, 0..1."""
    width: int
    """Pixels, after EXIF orientation."""
    height: int
    """Pixels, after EXIF orientation."""
    frames: int = 1
    """Frames or pages of the file; the perceptual signals are those of the first."""
    others: tuple[ViewFingerprint, ...] = ()
    """Of other pictures that programs may show of the file: to be matched as well."""
    doubts: tuple[str, ...] = ()
    """What of the file was not looked at: ``truncated``, ``ambiguous_picture``."""
    role: Role = "query"
    """What its codes are for."""
    descriptors: Mapping[str, bytes] = field(default_factory=dict)
    """Code space to the descriptor a query asks with, 256 signed bytes; none of a reference."""


@dataclass(frozen=True)
class ViewFingerprint:
    """The perceptual signals of a view of an image: of it turned or mirrored, of a part, or of
    another picture that the file may show."""

    name: str
    """``part``; one of ``pdq.Dihedral``'s: ``rotate90``, ``flip_y``...; or a ``Picture``'s:
    ``on_black``, ``stored_colours``, ``thumbnail``..."""
    pdq: bytes
    """32 bytes."""
    pdq_quality: int
    """0..100."""
    codes: Mapping[str, bytes]
    """As ``Fingerprint.codes``; empty for what is turned or mirrored, which codes bear."""
    structure: float
    """Structure, 0..1."""
    descriptors: Mapping[str, bytes] = field(default_factory=dict)
    """As ``Fingerprint.descriptors``."""


class Fingerprinter:
    """Makes fingerprints from bytes. Safe to call from several threads."""

    def __init__(
        self, encoders: Sequence[Encoder], imagery: ImageryModel, limits: ImageLimits | None = None
    ) -> None:
        self._encoders, self._imagery = tuple(encoders), imagery
        self._limits = limits or ImageLimits()
        if not encoders:
            raise CheckpointError("a fingerprint needs at least one model")

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """The models that make its codes."""
        return self._encoders

    @property
    def imagery(self) -> ImageryModel:
        """The model that says whether an image is a photograph."""
        return self._imagery

    def fingerprint(self, data: bytes, role: Role = "query") -> Fingerprint:
        """All signals of the image in ``data``. Raises ``ImageError``.

        A ``reference`` takes six to seven times as long.
        """
        return self._whole(data, _seen(decode(data, self._limits)), role)

    def with_views(self, data: bytes) -> tuple[Fingerprint, tuple[ViewFingerprint, ...]]:
        """All signals of the image in ``data``, and those of its views: what ``views`` finds in it,
        and PDQ of its seven turned and mirrored forms. Raises ``ImageError``.
        """
        image = _seen(decode(data, self._limits))
        whole = self._whole(data, image)
        return whole, (*_turned(image, whole), *self._parts(image))

    def _whole(self, data: bytes, image: CheckedImage, role: Role = "query") -> Fingerprint:
        encoded = {
            one.info.space: one.encode([image.rgb])
            if role == "query"
            else one.encode_references([image.rgb])
            for one in self._encoders
        }
        hashed = pdq(image.rgb, full=(image.width, image.height))
        digested = digests(data)
        return Fingerprint(
            md5=digested.md5,
            sha1=digested.sha1,
            sha256=digested.sha256,
            pdq=hashed.hash,
            pdq_quality=hashed.quality,
            codes={space: one.codes[0].tobytes() for space, one in encoded.items()},
            structure=structure(image.rgb),
            photographic=float(self._imagery.photographic([image.rgb])[0]),
            width=image.width,
            height=image.height,
            frames=image.frames,
            others=tuple(self._other(other) for other in image.others),
            doubts=image.doubts,
            role=role,
            descriptors={
                space: quantised(one.descriptors)[0].tobytes()
                for space, one in encoded.items()
                if role == "query"
            },
        )

    def _other(self, picture: Picture) -> ViewFingerprint:
        hashed = pdq(picture.rgb, full=(picture.width, picture.height))
        encoded = {one.info.space: one.encode([picture.rgb]) for one in self._encoders}
        return ViewFingerprint(
            name=picture.name,
            pdq=hashed.hash,
            pdq_quality=hashed.quality,
            codes={space: one.codes[0].tobytes() for space, one in encoded.items()},
            structure=structure(picture.rgb),
            descriptors={
                space: quantised(one.descriptors)[0].tobytes() for space, one in encoded.items()
            },
        )

    def _parts(self, image: CheckedImage) -> list[ViewFingerprint]:
        parts = [np.ascontiguousarray(part) for part in views(image.rgb)]
        if not parts:
            return []
        encoded = {one.info.space: one.encode(parts) for one in self._encoders}
        asked = {space: quantised(one.descriptors) for space, one in encoded.items()}
        hashes = [pdq(part) for part in parts]
        return [
            ViewFingerprint(
                name="part",
                pdq=hashed.hash,
                pdq_quality=hashed.quality,
                codes={space: one.codes[place].tobytes() for space, one in encoded.items()},
                structure=structure(part),
                descriptors={space: rows[place].tobytes() for space, rows in asked.items()},
            )
            for place, (part, hashed) in enumerate(zip(parts, hashes, strict=True))
        ]


def _seen(image: CheckedImage) -> CheckedImage:
    """``image`` as it is on black, if there is nothing to see of it on white."""
    if not image.others or structure(image.rgb) >= MIN_STRUCTURE:
        return image
    for other in image.others:
        if other.name == "on_black" and structure(other.rgb) >= MIN_STRUCTURE:
            rest = tuple(one for one in image.others if one is not other)
            return replace(image, rgb=other.rgb, others=rest)
    return image


def _turned(image: CheckedImage, whole: Fingerprint) -> list[ViewFingerprint]:
    hashes = dihedral(image.rgb, full=(image.width, image.height))
    names = [one.name for one in fields(hashes) if one.name not in ("original", "quality")]
    return [
        ViewFingerprint(name, getattr(hashes, name), hashes.quality, {}, whole.structure)
        for name in names
    ]
