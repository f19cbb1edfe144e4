"""Untrusted bytes to checked RGB pixels.

Bytes, then what the header announces, are held against the limits before anything is decoded
(see ``formats``); what the decoder then gets is the first picture alone, stripped of metadata where
that can be cut off. Everything that can go wrong in a decoder becomes an ``ImageError``. Nothing
global in Pillow is relied on or set: not its own limit on pixels, which only warns, nor its switch
to accept truncated files.

**Reduced size.** A hash needs no more than some hundred pixels a side, so an image whose shorter
side stays at ``MIN_REDUCED_SIDE`` or more is decoded at 1/2, 1/4 or 1/8 of its size: JPEG within
the decoder, which is where the time goes, others afterwards, so that a picture comes out alike in
every format. ``width`` and ``height`` are always those of the full size.

**Memory.** While one image is decoded it takes the file three times and at most 17 bytes a pixel
(WebP with transparency; AVIF 9, PNG 5, JPEG under 4): 1.1 GiB at the default limits, a tenth of it
for a camera's 12 megapixels.

It knows formats and colour, nothing of hashes, codes or models.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from embeddings.errors import (
    EmptyFileError,
    FileTooLargeError,
    ImageError,
    OutOfMemoryError,
    TooManyFramesError,
    TooManyPixelsError,
    UnreadableImageError,
)
from embeddings.formats import Contents, Format, inspect
from embeddings.srgb import to_srgb

MIN_REDUCED_SIDE: Final = 512
"""Pixels the shorter side keeps when an image is reduced while it is decoded."""

MAX_SIDE: Final = 65_535
"""Pixels either side may have: what JPEG can say. What is computed for each column or row of an
image would otherwise outgrow its pixels by far."""

_LARGEST_PIXELS: Final = 2 * 89_478_485
"""Where Pillow refuses some formats of its own accord: a larger limit could not be kept."""

# The classes themselves rather than ``Image.open``, which tries every format it ever loaded.
_READERS: Final[dict[Format, type[ImageFile.ImageFile]]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}
_NO_EXIF: Final = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before anything is decoded."""

    max_bytes: int = 50 * 2**20
    """Bytes of the file."""
    max_pixels: int = 2**26
    """Width times height as the header has them: room for a 64-megapixel camera, not for 100."""
    max_frames: int = 10_000
    """Frames or pages, of which only the first is decoded."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a limit that could not be kept."""
        if min(self.max_bytes, self.max_pixels, self.max_frames) < 1:
            raise ValueError("every limit must be at least 1")
        if self.max_pixels > _LARGEST_PIXELS:
            raise ValueError(f"max_pixels can be at most {_LARGEST_PIXELS}, not {self.max_pixels}")


@dataclass(frozen=True)
class CheckedImage:
    """The first picture of a file, decoded in full and without fault."""

    rgb: NDArray[np.uint8]
    """uint8 (h, w, 3), C-contiguous: sRGB, upright, transparency on white. For a large image h and
    w are 1/2, 1/4 or 1/8 of the full size, rounded up."""
    width: int
    """Pixels of the full size, upright."""
    height: int
    """Pixels of the full size, upright."""
    format: Format
    frames: int = 1
    """Frames or pages the file announces; the picture is the first."""


def decode(data: bytes, limits: ImageLimits = ImageLimits()) -> CheckedImage:
    """The first picture in ``data``.

    Raises ``EmptyFileError``, ``FileTooLargeError``, ``UnsupportedImageError``,
    ``TooManyPixelsError``, ``TooManyFramesError``, ``UnreadableImageError`` or
    ``OutOfMemoryError``, and nothing else, whatever the bytes.
    """
    contents = announced(data, limits)
    try:
        rgb = _decode(contents)
    except ImageError:
        raise
    except MemoryError as error:
        # Not the file's fault: what it needs is within the limits.
        raise OutOfMemoryError("there was not enough memory to decode the image") from error
    # Pillow raises whatever its plugins run into: SyntaxError, EOFError, struct.error, zlib.error,
    # ZeroDivisionError and more.
    except Exception as error:
        raise UnreadableImageError("the image is truncated or damaged") from error
    width, height = contents.width, contents.height
    if contents.orientation >= 5:
        width, height = height, width
    return CheckedImage(rgb, width, height, contents.format, contents.frames)


def announced(data: bytes, limits: ImageLimits = ImageLimits()) -> Contents:
    """What ``data`` says of itself, held against ``limits``; nothing is decoded.

    Raises what ``decode`` raises.
    """
    if not data:
        raise EmptyFileError("the file is empty")
    if len(data) > limits.max_bytes:
        # Not its size: a reader that keeps to the limit hands over only the beginning.
        raise FileTooLargeError(f"files of more than {limits.max_bytes} bytes are not read")
    try:
        contents = inspect(data)
        _check(contents, limits)
    except ImageError:
        raise
    except Exception as error:
        raise UnreadableImageError("the image is truncated or damaged") from error
    return contents


def reduction(width: int, height: int, orientation: int = 1) -> int:
    """By how much an image of this size, pixels as stored, is reduced while it is decoded: 1 to 8.

    Squares are counted from the top left of the stored image. Turned, they would begin with what
    was left over at the far end, not where a hash expects them; so an image that will be turned is
    reduced only if nothing is left over, as is the case with the sizes cameras have.
    """
    for factor in (8, 4, 2):
        whole = width % factor == 0 and height % factor == 0
        if min(width, height) >= factor * MIN_REDUCED_SIDE and (orientation == 1 or whole):
            return factor
    return 1


def _check(contents: Contents, limits: ImageLimits) -> None:
    """Hold what the header announces against ``limits``."""
    width, height, frames = contents.width, contents.height, contents.frames
    if width < 1 or height < 1:
        raise UnreadableImageError(f"{contents.format}: an image of {width} x {height} pixels")
    if width * height > limits.max_pixels:
        raise TooManyPixelsError(
            f"the image has {width} x {height} pixels, {limits.max_pixels} are allowed"
        )
    if max(width, height) > MAX_SIDE:
        raise TooManyPixelsError(
            f"the image has {width} x {height} pixels, a side may have {MAX_SIDE}"
        )
    if frames > limits.max_frames:
        raise TooManyFramesError(f"the image has {frames} frames, {limits.max_frames} are allowed")


def _decode(contents: Contents) -> NDArray[np.uint8]:
    """The pixels of a file whose header has passed: uint8 (h, w, 3)."""
    size = contents.width, contents.height
    image = _READERS[contents.format](io.BytesIO(contents.data))
    if image.size != size:
        raise UnreadableImageError(f"{contents.format}: its header contradicts itself")
    # Otherwise the TIFF reader goes looking for directories of its own accord, after decoding.
    image.info["exif"] = _NO_EXIF
    factor = reduction(*size, contents.orientation)
    if contents.format == "jpeg" and factor > 1:
        image.draft(image.mode, (size[0] // factor, size[1] // factor))
        factor = 1
    image.load()
    flat = to_srgb(
        image, profile=contents.profile, factor=factor, sample_range=contents.sample_range
    )
    if contents.orientation in _TURNS:
        flat = flat.transpose(_TURNS[contents.orientation])
    return np.array(flat)
