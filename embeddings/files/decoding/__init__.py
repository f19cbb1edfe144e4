"""Decoders: from a file whose header has passed to an image of any mode, with what it stands for.

Pillow decodes; what it reads otherwise than people see it, each module here mends for its format or
refuses by name. Nothing global in Pillow is relied on or set. What becomes of colours is known to
``srgb``.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from embeddings.errors import UnreadableImageError
from embeddings.files.decoding import bmp, gif, jpeg, png, tiff
from embeddings.files.decoding.decoded import Decoded
from embeddings.files.formats import FileContents, Format
from embeddings.files.srgb import Colours

__all__ = ["Decoded", "load"]

# The classes themselves rather than ``Image.open``, which tries every format it ever loaded.
_READERS: Final[dict[Format, type[ImageFile.ImageFile]]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
}
_NO_EXIF: Final = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"


def load(contents: FileContents, factor: int) -> Decoded:
    """The image of ``contents``, decoded; ``factor``: by which it is to be reduced, 1, 2, 4 or 8.

    Raises ``ImageError``, and whatever Pillow's plugins run into on a damaged file.
    """
    if contents.format == "jpeg":
        return jpeg.load(contents, _opened(contents), factor)
    if contents.format == "png":
        return png.load(contents, lambda data: _opened(contents, data), factor)
    if contents.format == "gif":
        return gif.load(contents, _opened(contents), factor)
    if contents.format == "bmp":
        return bmp.load(contents, factor)
    if contents.format == "tiff":
        return tiff.load(contents, lambda: _opened(contents), factor)
    image = _opened(contents)
    image.load()
    return Decoded(
        image,
        Colours(contents.profile, contents.space, contents.sample_range),
        factor,
    )


def _opened(contents: FileContents, data: bytes = b"") -> ImageFile.ImageFile:
    """The reader of a file, its header read; ``data``: in place of what ``contents`` has."""
    image = _READERS[contents.format](io.BytesIO(data or contents.data))
    if image.size != contents.decoded_size:
        raise UnreadableImageError(f"{contents.format}: its header contradicts itself")
    # Otherwise the TIFF reader goes looking for directories of its own accord, after decoding.
    image.info["exif"] = _NO_EXIF
    return image
