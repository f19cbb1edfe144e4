"""File formats: what a file announces about itself, read without decoding it.

It knows magic bytes and headers; the extension a file came with never matters. Pixels are decoded
in ``images``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from embeddings.errors import UnsupportedImageError
from embeddings.formats import avif, bmp, gif, jpeg, png, tiff, webp
from embeddings.formats.contents import Contents, Format

__all__ = ["Contents", "Format", "inspect"]

_AVIF_BRANDS: Final = frozenset({b"avif", b"avis", b"mif1", b"msf1"})


def inspect(data: bytes) -> Contents:
    """What ``data`` announces.

    Raises ``UnsupportedImageError`` if it begins like no format read here,
    ``UnreadableImageError`` if its structure makes no sense.
    """
    return _reader(data)(data)


def _reader(data: bytes) -> Callable[[bytes], Contents]:
    """The reader for the magic bytes ``data`` begins with."""
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.read
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return png.read
    if data.startswith((b"GIF87a", b"GIF89a")):
        return gif.read
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        return avif.read
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return tiff.read
    if data.startswith(b"BM"):
        return bmp.read
    raise UnsupportedImageError("not an image of a format that is read here")
