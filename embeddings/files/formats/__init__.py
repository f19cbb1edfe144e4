"""File formats: what a file announces about itself, read without decoding it.

It knows magic bytes and headers; the extension a file came with never matters. Pixels are decoded
in ``images``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from embeddings.errors import UnsupportedImageError
from embeddings.files.formats import avif, bmp, gif, jpeg, png, tiff, webp
from embeddings.files.formats.contents import FileContents, Format

__all__ = ["FileContents", "Format", "inspect"]

# A file of a general brand is AVIF unless it says that it is HEIC: then Pillow has no decoder.
_AVIF: Final = re.compile(
    rb"....ftyp(?:avif|avis|(?:mif1|msf1)....(?!(?:....)*?(?:heic|heix|hevc|hevx)))", re.DOTALL
)
_NOT_READ: Final = (
    (re.compile(rb"....ftyp(?:hei|hev|mif1|msf1)", re.DOTALL), "HEIC"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE svg|svg)", re.IGNORECASE), "SVG"),
    (re.compile(rb"%PDF"), "PDF"),
)


def inspect(data: bytes) -> FileContents:
    """What ``data`` announces.

    Raises ``UnsupportedImageError`` if it begins like no format read here,
    ``UnreadableImageError`` if its structure makes no sense.
    """
    return _reader(data)(data)


def _reader(data: bytes) -> Callable[[bytes], FileContents]:
    """The reader for the magic bytes ``data`` begins with."""
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.read
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return png.read
    if data.startswith((b"GIF87a", b"GIF89a")):
        return gif.read
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read
    if _AVIF.match(data):
        return avif.read
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return tiff.read
    if data.startswith(b"BM"):
        return bmp.read
    raise UnsupportedImageError(
        next(
            (f"{name} is not read here" for begin, name in _NOT_READ if begin.match(data)),
            "not an image of a format that is read here",
        )
    )
