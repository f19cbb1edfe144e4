"""All signals of one image: what crosses from ``embeddings`` to its users.

It knows what a fingerprint holds and how to make one from bytes; not how the signals are stored,
matched or shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
