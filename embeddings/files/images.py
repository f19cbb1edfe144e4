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

**Other pictures.** What browsers show on a white page is the picture; what other programs may show
of the same file, and looks different, comes with it (see ``pictures``).

**Memory.** While one image is decoded it takes the file three times and at most 17 bytes a pixel
(WebP with transparency; AVIF 9, PNG 7, JPEG under 4; 11 where a PNG shows other pictures as well,
and up to 23 where it is too narrow to be reduced):
1.1 GiB at the default limits, a tenth of it for a camera's 12 megapixels. A TIFF of samples that
Pillow does not know takes them three times, at most ``decoding.tiff.MAX_SAMPLE_BYTES`` of them.

It knows formats and colour, nothing of hashes, codes or models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.errors import (
    EmptyFileError,
    FileTooLargeError,
    ImageError,
    OutOfMemoryError,
    TooManyFramesError,
    TooManyPixelsError,
    UnreadableImageError,
)
from embeddings.files import decoding
from embeddings.files.decoding import Decoded
from embeddings.files.formats import FileContents, Format, inspect
from embeddings.files.pictures import MOST, Picture, Shown, different, without_bars
from embeddings.files.srgb import Colours, is_managed, is_steep, is_transparent, to_srgb

MIN_REDUCED_SIDE: Final = 512
"""Pixels the shorter side keeps when an image is reduced while it is decoded."""

MAX_SIDE: Final = 65_535
"""Pixels either side may have: what JPEG can say. What is computed for each column or row of an
image would otherwise outgrow its pixels by far."""

_LARGEST_PIXELS: Final = 2 * 89_478_485
"""Where Pillow refuses some formats of its own accord: a larger limit could not be kept."""

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
    others: tuple[Picture, ...] = ()
    """Pictures that other programs may show of the file, where they look different."""
    doubts: tuple[str, ...] = ()
    """What may be missing: ``truncated``, the file ends before its last rows, which are white here;
    ``ambiguous_picture``, it may show yet another picture, which is not among ``others``."""


def decode(data: bytes, limits: ImageLimits = ImageLimits()) -> CheckedImage:
    """The first picture in ``data``.

    Raises ``EmptyFileError``, ``FileTooLargeError``, ``UnsupportedImageError``,
    ``TooManyPixelsError``, ``TooManyFramesError``, ``UnreadableImageError`` or
    ``OutOfMemoryError``, and nothing else, whatever the bytes.
    """
    contents = announced(data, limits)
    try:
        return _decode(contents, limits)
    except ImageError:
        raise
    except MemoryError as error:
        # Not the file's fault: what it needs is within the limits.
        raise OutOfMemoryError("there was not enough memory to decode the image") from error
    # Pillow raises whatever its plugins run into: SyntaxError, EOFError, struct.error, zlib.error,
    # ZeroDivisionError and more.
    except Exception as error:
        raise UnreadableImageError("the image is truncated or damaged") from error


def announced(data: bytes, limits: ImageLimits = ImageLimits()) -> FileContents:
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


def _check(contents: FileContents, limits: ImageLimits) -> None:
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


def _decode(contents: FileContents, limits: ImageLimits) -> CheckedImage:
    """The pictures of a file whose header has passed."""
    decoded = decoding.load(
        contents, reduction(contents.width, contents.height, contents.orientation)
    )
    main = _flat(contents, decoded)
    size = contents.upright_size
    doubts: tuple[str, ...] = () if decoded.rows is None else ("truncated",)
    inner, hidden = _inner(contents, limits, size)
    # One after the other, so that no more than one of them is there in full.
    others = chain(_others(contents, decoded), inner)
    found = different(main, islice(others, MOST))
    more = next(others, None) is not None
    steep = contents.fine and is_steep(contents.profile)
    if more or hidden or steep or contents.doubtful:
        doubts += ("ambiguous_picture",)
    return CheckedImage(
        np.array(main), *size, contents.format, contents.frames, tuple(found), doubts
    )


def _flat(
    contents: FileContents, decoded: Decoded, colours: Colours | None = None, ground: str = "white"
) -> Image.Image:
    """What the file shows in these colours on this ground: mode RGB, upright."""
    flat = to_srgb(
        decoded.image,
        colours or decoded.colours,
        factor=decoded.factor,
        lower=decoded.lower,
        ground=ground,
    )
    if decoded.rows is not None:
        rows = decoded.rows // decoded.factor
        top = 0 if decoded.from_bottom else rows
        flat.paste("white", (0, top, flat.width, top + flat.height - rows))
    if contents.orientation in _TURNS:
        flat = flat.transpose(_TURNS[contents.orientation])
    return flat


def _others(contents: FileContents, decoded: Decoded) -> Iterator[Shown]:
    """What programs may show that have other grounds, other colours or another way up."""
    colours = decoded.colours
    size = contents.upright_size
    transparent = is_transparent(decoded.image, colours)
    if transparent:
        yield Shown("on_black", _flat(contents, decoded, ground="black"), size)
    if is_managed(decoded.image, colours):
        stored = replace(colours, profile=b"", space=None)
        yield Shown("stored_colours", _flat(contents, decoded, stored), size)
        if transparent:
            yield Shown("stored_on_black", _flat(contents, decoded, stored, "black"), size)
    if decoded.opaque:
        plain = replace(decoded, image=decoded.image.convert("RGB"))
        yield Shown("opaque", _flat(contents, plain), size)
    if contents.turned != 1:
        other = replace(contents, orientation=contents.turned)
        yield Shown("turned", _flat(other, decoded), other.upright_size)


def _inner(
    contents: FileContents, limits: ImageLimits, size: tuple[int, int]
) -> tuple[list[Shown], bool]:
    """The pictures within the file, and whether one was too large to be looked at.

    All together may have as many pixels as the file announces for its own.
    """
    left = contents.width * contents.height
    found: list[Shown] = []
    for name, data in contents.inner:
        try:
            inner = announced(data, limits)
        except ImageError:
            continue  # what is no image cannot be shown
        left -= inner.width * inner.height
        if left < 0:
            return found, True
        # A thumbnail is turned as its picture is.
        inner = replace(inner, orientation=contents.orientation)
        try:
            factor = reduction(inner.width, inner.height, inner.orientation)
            flat = _flat(inner, decoding.load(inner, factor))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 as above, whatever the decoder runs into
            continue
        found.append(without_bars(Shown(name, flat, inner.upright_size), size))
    return found, False
