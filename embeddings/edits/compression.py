"""Lossy recompression: what a codec leaves of an image.

It knows nothing of untrusted files: what it decodes, it has just encoded itself.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from embeddings.edits.canvas import scaled

# What the formats can hold at all, pixels a side.
_JPEG_SIDE: Final = 65_500
_WEBP_SIDE: Final = 16_383
_AVIF_SIDE: Final = 16_384


def _decoded(buffer: io.BytesIO) -> Image.Image:
    with Image.open(buffer) as image:
        return image.convert("RGB")


def _within(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) <= side:
        return image
    return scaled(image, min(side, image.width), min(side, image.height))


def jpeg(image: Image.Image, quality: int, subsampling: str = "4:2:0") -> Image.Image:
    """Through JPEG at ``quality`` 1..95; chroma as ``subsampling`` says."""
    buffer = io.BytesIO()
    _within(image, _JPEG_SIDE).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return _decoded(buffer)


def webp(image: Image.Image, quality: int) -> Image.Image:
    """Through lossy WebP at ``quality`` 0..100."""
    buffer = io.BytesIO()
    _within(image, _WEBP_SIDE).save(buffer, "WEBP", quality=quality, method=0)
    return _decoded(buffer)


def avif(image: Image.Image, quality: int) -> Image.Image:
    """Through AVIF at ``quality`` 0..100, at its fastest; slower than the others."""
    buffer = io.BytesIO()
    _within(image, _AVIF_SIDE).save(buffer, "AVIF", quality=quality, speed=10, max_threads=1)
    return _decoded(buffer)
