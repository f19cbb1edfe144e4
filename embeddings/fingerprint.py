"""All signals of one image: what crosses from ``embeddings`` to its users.

It knows what a fingerprint holds and how to make one from bytes; not how the signals are stored,
matched or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embeddings.digests import digests
from embeddings.encoder import Encoder
from embeddings.errors import CheckpointError
from embeddings.images import ImageLimits, decode
from embeddings.pdq import pdq
from embeddings.quality import structure


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
    quality: float
    """Structure of the image, 0..1; below ``quality.MIN_QUALITY`` codes must not be matched."""
    photographic: float
    """Probability that the image is a photograph, 0..1."""
    width: int
    """Pixels, after EXIF orientation."""
    height: int
    """Pixels, after EXIF orientation."""


class Fingerprinter:
    """Makes fingerprints from bytes. Safe to call from several threads."""

    def __init__(self, encoders: Sequence[Encoder], limits: ImageLimits | None = None) -> None:
        self._encoders, self._limits = tuple(encoders), limits or ImageLimits()
        if not encoders:
            raise CheckpointError("a fingerprint needs at least one model")

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """The models that make its codes; the first also says whether an image is a photograph."""
        return self._encoders

    def fingerprint(self, data: bytes) -> Fingerprint:
        """All signals of the image in ``data``. Raises ``ImageError``."""
        image = decode(data, self._limits)
        encoded = [encoder.encode([image.rgb]) for encoder in self._encoders]
        hashed = pdq(image.rgb, full=(image.width, image.height))
        digested = digests(data)
        return Fingerprint(
            md5=digested.md5,
            sha1=digested.sha1,
            sha256=digested.sha256,
            pdq=hashed.hash,
            pdq_quality=hashed.quality,
            codes={
                encoder.info.space: one.codes[0].tobytes()
                for encoder, one in zip(self._encoders, encoded, strict=True)
            },
            quality=structure(image.rgb),
            photographic=float(encoded[0].photographic[0]),
            width=image.width,
            height=image.height,
        )
