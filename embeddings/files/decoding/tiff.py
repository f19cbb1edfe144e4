"""TIFF: samples that Pillow takes for others, read here; what nobody reads, refused by name.

Pillow takes white for black where zero is white and samples have more than 8 bits, and reads planes
of 16 bits, unsigned samples of 32 and signed ones of 8 as what they are not. For these its decoder
gets a directory of ours, in which a row is nothing but bytes: so it undoes the compression, and
what the bytes stand for is worked out here.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from embeddings.errors import TooManyPixelsError, UnreadableImageError
from embeddings.files.decoding.decoded import Decoded
from embeddings.files.formats import FileContents
from embeddings.files.formats.tiff import TiffLayout, numbers
from embeddings.files.srgb import Colours

MAX_SAMPLE_BYTES: Final = 3 * 2**27
"""Of all samples of an image that is read here, of which there are three copies for a moment: room
for 64 megapixels of 6 bytes."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _CHANNELS, _ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_WANTED: Final = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIPS, _CHANNELS, _ROWS}
    | {_STRIP_BYTES, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES}
    | {_EXTRA, _FORMAT}
)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _INKS = 0, 1, 2, 5
_UNSIGNED, _SIGNED, _FLOAT, _UNDEFINED = 1, 2, 3, 4
_NAMES: Final = {_UNSIGNED: "integers", _SIGNED: "signed integers", _FLOAT: "floats"}
_KINDS: Final = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}
# Without loss, and of bytes: what a decoder of 8 bits undoes as one of 16 would.
_OF_BYTES: Final = frozenset({1, 5, 8, 32773, 32946, 50000})
_HORIZONTAL, _FLOATING = 2, 3
_MULTIPLIED, _PLAIN = 1, 2
_NATIVE: Final = "<" if sys.byteorder == "little" else ">"
_BAND_BYTES: Final = 2**20

_Tags = dict[int, tuple[int, ...]]


@dataclass(frozen=True)
class _Samples:
    """How the samples of a TIFF are laid out."""

    bits: int
    kind: int
    photometric: int
    channels: int
    """Those of colour and all others."""
    colours: int
    """1, 3 or 4."""
    opacity: int
    """0, or whether colours are multiplied by it: ``_MULTIPLIED``, ``_PLAIN``."""
    planes: bool
    compression: int
    swapped: bool
    """Whether the file's byte order is not the processor's."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples, in the processor's byte order."""
        return np.dtype(f"{_KINDS[self.kind]}{self.bits // 8}")

    @property
    def is_read_by_pillow(self) -> bool:
        """Whether Pillow sees the picture that is meant, or none at all."""
        grey = self.channels == 1 and self.photometric == _BLACK_IS_ZERO
        if self.kind == _UNSIGNED:
            whole = grey or (self.photometric in {_RGB, _INKS} and not self.planes)
            plain = not (self.planes and self.opacity == _MULTIPLIED)
            return (self.bits <= 8 and plain) or (self.bits <= 16 and whole)
        known = (self.bits, self.kind) in {(16, _SIGNED), (32, _SIGNED), (32, _FLOAT)}
        # What was compressed comes in the processor's order, and is taken for the file's.
        return grey and known and (self.compression == 1 or not self.swapped)

    @property
    def are_read_here(self) -> bool:
        """Whether this module knows them."""
        return (
            self.bits in ({8, 16, 32} if self.kind != _FLOAT else {16, 32})
            and self.kind in _KINDS
            and self.photometric in {_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _INKS}
            and self.channels >= self.colours + bool(self.opacity)
            and self.compression in _OF_BYTES
        )

    def __str__(self) -> str:
        """For a message."""
        name = _NAMES.get(self.kind, "unknown samples")
        return f"{self.channels} x {self.bits}-bit {name} (photometric {self.photometric})"


def load(contents: FileContents, opened: Callable[[], ImageFile.ImageFile], factor: int) -> Decoded:
    """The first page; ``opened``: gives Pillow's reader of it. Raises ``UnreadableImageError`` or
    ``TooManyPixelsError``."""
    layout, tags = numbers(contents.data, _WANTED)
    samples = _samples(layout, tags)
    if samples.is_read_by_pillow:
        try:
            image = opened()
        except SyntaxError:
            raise UnreadableImageError(f"a TIFF of {samples} is not read here") from None
        image.load()
        colours = Colours(contents.profile, None, contents.sample_range)
        return Decoded(image, colours, factor)
    if not samples.are_read_here:
        raise UnreadableImageError(f"a TIFF of {samples} is not read here")
    size = contents.width * contents.height * samples.channels * samples.bits // 8
    if size > MAX_SAMPLE_BYTES:
        raise TooManyPixelsError(
            f"of a TIFF of {samples}, no more than {MAX_SAMPLE_BYTES} bytes are read"
        )
    planes = _planes(contents, layout, tags, samples)
    return Decoded(_image(planes, samples), Colours(contents.profile), factor)


def _samples(layout: TiffLayout, tags: _Tags) -> _Samples:
    channels = _first(tags, _CHANNELS, 1)
    photometric = _first(tags, _PHOTOMETRIC, _WHITE_IS_ZERO)
    bits = set(tags.get(_BITS, (1,))[:channels])
    kinds = set(tags.get(_FORMAT, (_UNSIGNED,))[:channels])
    extra = tags.get(_EXTRA, ())
    kind = kinds.pop() if len(kinds) == 1 else _UNDEFINED
    return _Samples(
        bits=bits.pop() if len(bits) == 1 else 0,
        kind=_UNSIGNED if kind == _UNDEFINED and not kinds else kind,
        photometric=photometric,
        channels=channels,
        colours={_RGB: 3, _INKS: 4}.get(photometric, 1),
        opacity=extra[0] if extra and extra[0] in {_MULTIPLIED, _PLAIN} else 0,
        planes=_first(tags, _PLANAR, 1) == 2,
        compression=_first(tags, _COMPRESSION, 1),
        swapped=layout.order != _NATIVE,
    )


def _first(tags: _Tags, tag: int, default: int) -> int:
    return tags.get(tag, (default,))[0]


def _planes(
    contents: FileContents, layout: TiffLayout, tags: _Tags, samples: _Samples
) -> NDArray[Any]:
    """The samples: (h, w, channels), in the processor's byte order; of planes only those shown."""
    tiled = _TILES in tags
    offsets = tags.get(_TILES if tiled else _STRIPS, ())
    lengths = tags.get(_TILE_BYTES if tiled else _STRIP_BYTES, ())
    count = samples.channels if samples.planes else 1
    each = len(offsets) // count
    if not each or len(lengths) < len(offsets):
        raise UnreadableImageError("tiff: its strips are not where they should be")
    if tiled and _first(tags, _PREDICTOR, 1) == _FLOATING:
        raise UnreadableImageError("a TIFF of tiles with a predictor for floats is not read here")
    across = 1 if samples.planes else samples.channels
    shape = contents.height, contents.width * across, samples.bits // 8
    shown = samples.colours + bool(samples.opacity) if samples.planes else samples.channels
    result = np.empty((contents.height, contents.width, shown), samples.dtype)
    here = len(contents.data)
    lengths = tuple(
        max(0, min(length, here - offset)) for offset, length in zip(offsets, lengths, strict=False)
    )
    if sum(lengths) > here:
        raise UnreadableImageError("tiff: its strips are more than the file")
    for plane in range(min(count, shown)):
        part = slice(plane * each, (plane + 1) * each)
        file = _of_bytes(contents, layout, tags, shape, offsets[part], lengths[part])
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(file))
        if image.size != (shape[1] * shape[2], shape[0]):
            raise UnreadableImageError("tiff: its header contradicts itself")
        image.info["exif"] = b""
        image.load()
        rows = np.array(image)
        del image, file
        target = result[..., plane] if samples.planes else result.reshape(shape[:2])
        _unpredict(rows, target, layout.order, tags, samples, across)
    return result


def _of_bytes(
    contents: FileContents,
    layout: TiffLayout,
    tags: _Tags,
    shape: tuple[int, int, int],
    offsets: Sequence[int],
    lengths: Sequence[int],
) -> bytes:
    """A file of these strips or tiles alone, in which a sample is as many pixels as it has bytes.

    ``shape``: rows, samples a row and bytes a sample.
    """
    height, samples, width = shape
    pieces = [
        contents.data[offset : offset + length]
        for offset, length in zip(offsets, lengths, strict=True)
    ]
    head = 16 if layout.big else 8
    places = [head]
    for piece in pieces:
        places.append(places[-1] + len(piece))
    end = places.pop()
    form, kind = ("Q", 16) if layout.big else ("L", 4)
    array = struct.Struct(f"{layout.order}{len(pieces)}{form}")
    arrays = [array.pack(*places), array.pack(*(len(piece) for piece in pieces))]
    pixel = samples // contents.width * width
    single = {
        _WIDTH: samples * width,
        _HEIGHT: height,
        _BITS: 8,
        _COMPRESSION: _first(tags, _COMPRESSION, 1),
        _PHOTOMETRIC: _BLACK_IS_ZERO,
        _FILL_ORDER: _first(tags, _FILL_ORDER, 1),
        _CHANNELS: 1,
    }
    if _TILES in tags:
        where = (_TILES, _TILE_BYTES)
        single[_TILE_WIDTH] = _first(tags, _TILE_WIDTH, 0) * pixel
        single[_TILE_HEIGHT] = _first(tags, _TILE_HEIGHT, 0)
    else:
        where = (_STRIPS, _STRIP_BYTES)
        single[_ROWS] = min(_first(tags, _ROWS, height), height)
    entries = {tag: (1, struct.pack(layout.order + form, value)) for tag, value in single.items()}
    padding = bytes(end % 2)
    at = end + len(padding)
    for tag, packed in zip(where, arrays, strict=True):
        within = packed if len(pieces) == 1 else layout.offset.pack(at)
        entries[tag] = (len(pieces), within)
        at += len(packed)
    directory = layout.count.pack(len(entries)) + b"".join(
        layout.entry.pack(tag, kind, count) + value
        for tag, (count, value) in sorted(entries.items())
    )
    begin = contents.data[: head - layout.offset.size] + layout.offset.pack(at)
    last = layout.offset.pack(0)
    return b"".join([begin, *pieces, padding, *arrays, directory, last])


def _unpredict(
    rows: NDArray[np.uint8],
    target: NDArray[Any],
    order: str,
    tags: _Tags,
    samples: _Samples,
    across: int,
) -> None:
    """Write rows of bytes to ``target``, (h, w * across) samples, without what a predictor took
    from them; a band at a time."""
    width = target.dtype.itemsize
    predictor = _first(tags, _PREDICTOR, 1) if samples.compression != 1 else 1
    tile = _first(tags, _TILE_WIDTH, 0) * across
    stored = np.dtype(f"{'>' if predictor == _FLOATING else order}{target.dtype.kind}{width}")
    step = max(1, _BAND_BYTES // max(rows.shape[1], 1))
    for top in range(0, len(rows), step):
        band = rows[top : top + step]
        if predictor == _FLOATING:
            sums = np.cumsum(band.reshape(len(band), -1, across), axis=1, dtype=np.uint8)
            bytes_ = sums.reshape(len(band), width, -1).transpose(0, 2, 1)
            band = np.ascontiguousarray(bytes_).reshape(len(band), -1)
        values = band.view(stored).astype(target.dtype)
        if predictor == _HORIZONTAL:
            whole = values.view(f"u{width}")
            for left in range(0, whole.shape[1], tile or whole.shape[1]):
                piece = whole[:, left : left + (tile or whole.shape[1])]
                pixels = piece.reshape(len(piece), -1, across)
                piece[:] = np.cumsum(pixels, axis=1, dtype=whole.dtype).reshape(piece.shape)
        target[top : top + step] = values


def _image(planes: NDArray[Any], samples: _Samples) -> Image.Image:
    """Samples (h, w, channels) as an image of 8 bits."""
    colours = planes[..., : samples.colours]
    levels = _levels(colours, *_extent(colours))
    if samples.photometric == _WHITE_IS_ZERO:
        levels = 255 - levels
    if samples.photometric == _INKS:
        height, width = levels.shape[:2]
        return Image.frombytes("CMYK", (width, height), levels.tobytes())
    flat = Image.fromarray(levels[..., 0] if samples.colours == 1 else levels)
    if not samples.opacity:
        return flat
    opacity = planes[..., samples.colours : samples.colours + 1]
    top = float(np.iinfo(opacity.dtype).max) if opacity.dtype.kind != "f" else 1.0
    flat.putalpha(Image.fromarray(_levels(opacity, 0.0, top)[..., 0]))
    if samples.opacity == _MULTIPLIED:
        multiplied = "La" if flat.mode == "LA" else "RGBa"
        return Image.frombytes(multiplied, flat.size, flat.tobytes()).convert(flat.mode)
    return flat


def _extent(colours: NDArray[Any]) -> tuple[float, float]:
    """What is black and what is white: of integers of 8 bits, and of unsigned ones of 16, or of 32
    where the greatest need them, the ends of their range; of all others nobody says, so they are
    the least and the greatest there are."""
    kind, size = colours.dtype.kind, colours.dtype.itemsize
    if kind != "f":
        ends = float(np.iinfo(colours.dtype).min), float(np.iinfo(colours.dtype).max)
        if size == 1 or (kind == "u" and (size == 2 or colours.max() > ends[1] / 2)):
            return ends
    low, high = np.inf, -np.inf
    step = max(1, _BAND_BYTES // max(colours[:1].nbytes, 1))
    for top in range(0, len(colours), step):
        band = np.asarray(colours[top : top + step], np.float64)
        finite = np.isfinite(band)
        low = min(low, float(band.min(where=finite, initial=np.inf)))
        high = max(high, float(band.max(where=finite, initial=-np.inf)))
    return (low, high) if low <= high else (0.0, 1.0)


def _levels(colours: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Samples as levels of 0 to 255 from ``low`` to ``high``, a band of rows at a time."""
    levels = np.empty(colours.shape, np.uint8)
    scale = 255 / (high - low) if high > low else 0.0
    step = max(1, _BAND_BYTES // max(colours[:1].nbytes, 1))
    for top in range(0, len(colours), step):
        band = np.asarray(colours[top : top + step], np.float64)
        shares = np.nan_to_num((band - low) * scale)
        levels[top : top + step] = np.clip(shares + 0.5, 0, 255)
    return levels
