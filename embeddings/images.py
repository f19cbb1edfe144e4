"""Untrusted bytes to checked RGB pixels.

It knows file formats, nothing of hashes, codes or models.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from embeddings.errors import (
    EmptyFileError,
    FileTooLargeError,
    ImageError,
    TooManyPixelsError,
    UnreadableImageError,
    UnsupportedImageError,
)

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before anything is decoded."""

    max_bytes: int = 50 * 2**20
    max_pixels: int = 2**26
    max_frames: int = 10_000


@dataclass(frozen=True)
class CheckedImage:
    """A decoded image."""

    rgb: NDArray[np.uint8]
    """uint8 (h, w, 3), C-contiguous, sRGB, upright; may be a whole fraction of the full size."""
    width: int
    """Pixels of the full size, after EXIF orientation."""
    height: int
    """Pixels of the full size, after EXIF orientation."""
    format: str
    """``jpeg``, ``png``, ``webp``, ``gif``, ``avif``, ``tiff`` or ``bmp``."""


def decode(data: bytes, limits: ImageLimits = ImageLimits()) -> CheckedImage:
    """The image in ``data``. Raises a named ``ImageError`` if there is none to be had."""
    if not data:
        raise EmptyFileError("the file is empty")
    if len(data) > limits.max_bytes:
        raise FileTooLargeError(f"the file has {len(data)} bytes; {limits.max_bytes} are allowed")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Exception as error:
        raise UnsupportedImageError("not an image of a format that is read here") from error
    if image.width * image.height > limits.max_pixels:
        raise TooManyPixelsError(f"the image has {image.width} x {image.height} pixels")
    try:
        name = (image.format or "").lower()
        upright = ImageOps.exif_transpose(image)
        flat = upright.convert("RGBA") if upright.has_transparency_data else upright
        if flat.mode == "RGBA":
            canvas = Image.new("RGBA", flat.size, (255, 255, 255, 255))
            canvas.alpha_composite(flat)
            flat = canvas
        rgb = np.ascontiguousarray(np.asarray(flat.convert("RGB")))
    except ImageError:
        raise
    except Exception as error:
        raise UnreadableImageError("the image cannot be decoded") from error
    return CheckedImage(rgb, upright.width, upright.height, name)
