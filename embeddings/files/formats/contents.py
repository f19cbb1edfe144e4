"""What a reader of file headers answers with, and the few steps all of them share.

Each module beside this one walks one format's structure without decoding a pixel and hands on
only what the decoder needs: text, thumbnails and further frames stay behind where they can be cut
off, so that no metadata, however large or crafted, costs more than the walk. It knows nothing of
the limits a service sets; the bounds here are on what no honest file comes near.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

from embeddings.errors import UnreadableImageError
from embeddings.files.colour_spaces import ColourSpace

Format = Literal["jpeg", "png", "webp", "gif", "avif", "tiff", "bmp"]

MAX_PROFILE_BYTES: Final = 4 * 2**20
"""Colour profiles beyond this are ignored; the largest in use, for printing presses, have 3 MiB."""

_ORIENTATION, _THUMBNAIL, _THUMBNAIL_BYTES = 0x0112, 0x0201, 0x0202
_SHORT: Final = 3
_EXIF: Final = b"Exif\0\0"
_MAX_EXIF_ENTRIES: Final = 1000


@dataclass(frozen=True)
class FileContents:
    """What one file announces about itself, and what of it is given to the decoder."""

    format: Format
    width: int
    """Pixels, as stored: before orientation."""
    height: int
    """Pixels, as stored: before orientation."""
    data: bytes
    """What the decoder reads: a complete file of the same format, without what is not decoded."""
    frames: int = 1
    orientation: int = 1
    """1..8 as EXIF counts; 5 to 8 exchange width and height."""
    profile: bytes = b""
    """ICC colour profile, or nothing."""
    space: ColourSpace | None = None
    """What its numbers stand for where it says so by numbers; a usable profile outranks it."""
    sample_range: int = 65535
    """What white is in a file of 16 bits a sample."""
    key: tuple[int, ...] = ()
    """The transparent colour of a file of three channels of 16 bits."""
    pixel_bytes: int = 0
    """Of a file of which that is not known by its format: bytes of a pixel as stored."""
    fine: bool = False
    """Whether its samples have more than 8 bits, of which some decoders see 8."""
    offset: tuple[int, int] = (0, 0)
    """Left and top, pixels, of what the decoder gives within the picture."""
    part: tuple[int, int] | None = None
    """Width and height, pixels, of what the decoder gives, where that is not the whole picture."""
    turned: int = 1
    """Another orientation, 1..8, that some programs give the picture, and browsers do not."""
    doubtful: bool = False
    """Whether what its numbers stand for is said where we do not look."""
    cut_off: bool = False
    """Whether the file ends before its image does."""
    inner: tuple[tuple[str, bytes], ...] = ()
    """Name and file of each further picture that other programs may show in this one's place."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height, pixels, after orientation."""
        size = self.width, self.height
        return size if self.orientation < 5 else size[::-1]

    @property
    def decoded_size(self) -> tuple[int, int]:
        """Width and height, pixels, of what the decoder gives, at its full size."""
        return self.part or (self.width, self.height)


def damaged(format_: Format, what: str) -> UnreadableImageError:
    """The error for a file whose structure makes no sense."""
    return UnreadableImageError(f"{format_}: {what}")


def exif_orientation(exif: bytes) -> int:
    """The orientation, 1..8, in an EXIF block, with or without its ``Exif`` prefix; 1 if in doubt.

    Like a browser, and unlike an error, a damaged block leaves the image as it is stored.
    """
    for tag, kind, value in exif_entries(exif, 0):
        if tag == _ORIENTATION:
            orientation = value if kind == _SHORT else 0
            return orientation if 1 <= orientation <= 8 else 1
    return 1


def exif_thumbnail(exif: bytes) -> bytes:
    """The JPEG file in an EXIF block, or nothing."""
    found = {tag: value for tag, _, value in exif_entries(exif, 1)}
    start, length = found.get(_THUMBNAIL, 0), found.get(_THUMBNAIL_BYTES, 0)
    return exif.removeprefix(_EXIF)[start : start + length] if start else b""


def exif_entries(exif: bytes, which: int) -> list[tuple[int, int, int]]:
    """Tag, type and first number of what stands in a directory of an EXIF block: 0 has the picture
    itself, 1 its thumbnail. As far as it can be read."""
    exif = exif.removeprefix(_EXIF)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    entries: list[tuple[int, int, int]] = []
    if order is None:
        return entries
    try:
        (start,) = struct.unpack_from(order + "L", exif, 4)
        for _ in range(which):
            (count,) = struct.unpack_from(order + "H", exif, start)
            (start,) = struct.unpack_from(order + "L", exif, start + 2 + 12 * count)
            if not start:
                return entries
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(min(count, _MAX_EXIF_ENTRIES)):
            at = start + 2 + 12 * entry
            tag, kind, _ = struct.unpack_from(order + "HHL", exif, at)
            (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "L"), exif, at + 8)
            entries.append((tag, kind, value))
    except struct.error:
        pass
    return entries
