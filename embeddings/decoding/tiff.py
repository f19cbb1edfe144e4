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

from embeddings.decoding.decoded import Decoded
from embeddings.errors import TooManyPixelsError, UnreadableImageError
from embeddings.formats import Contents
from embeddings.formats.tiff import Layout, numbers
from embeddings.srgb import Colours

MAX_SAMPLE_BYTES: Final = 2**29
"""Of all samples of an image that is read here: room for 64 megapixels of 8 bytes."""

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
_BAND_BYTES: Final = 2**24

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


def load(contents: Contents, opened: Callable[[], ImageFile.ImageFile], factor: int) -> Decoded:
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


def _samples(layout: Layout, tags: _Tags) -> _Samples:
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


def _planes(contents: Contents, layout: Layout, tags: _Tags, samples: _Samples) -> NDArray[Any]:
    """The samples: (h, w, channels), in the processor's byte order."""
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
    width = across * samples.bits // 8
    planes = []
    for plane in range(count):
        part = slice(plane * each, (plane + 1) * each)
        file = _of_bytes(contents, layout, tags, width, offsets[part], lengths[part])
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(file))
        if image.size != (contents.width * width, contents.height):
            raise UnreadableImageError("tiff: its header contradicts itself")
        image.info["exif"] = b""
        image.load()
        rows = np.array(image)
        del image, file
        planes.append(_unpredicted(rows, layout.order, tags, samples, across))
    if count == 1:
        return planes[0].reshape(contents.height, contents.width, across)
    return np.stack(planes, axis=2)


def _of_bytes(
    contents: Contents,
    layout: Layout,
    tags: _Tags,
    width: int,
    offsets: Sequence[int],
    lengths: Sequence[int],
) -> bytes:
    """The file with a directory in which a pixel is ``width`` pixels of one byte."""
    data = contents.data
    end = len(data) + len(data) % 2
    form, kind = ("Q", 16) if layout.big else ("L", 4)
    array = struct.Struct(f"{layout.order}{len(offsets)}{form}")
    arrays = [array.pack(*offsets), array.pack(*lengths)]
    single = {
        _WIDTH: contents.width * width,
        _HEIGHT: contents.height,
        _BITS: 8,
        _COMPRESSION: _first(tags, _COMPRESSION, 1),
        _PHOTOMETRIC: _BLACK_IS_ZERO,
        _FILL_ORDER: _first(tags, _FILL_ORDER, 1),
        _CHANNELS: 1,
    }
    if _TILES in tags:
        places = (_TILES, _TILE_BYTES)
        single[_TILE_WIDTH] = _first(tags, _TILE_WIDTH, 0) * width
        single[_TILE_HEIGHT] = _first(tags, _TILE_HEIGHT, 0)
    else:
        places = (_STRIPS, _STRIP_BYTES)
        single[_ROWS] = min(_first(tags, _ROWS, contents.height), contents.height)
    entries = {tag: (1, struct.pack(layout.order + form, value)) for tag, value in single.items()}
    at = end
    for place, packed in zip(places, arrays, strict=True):
        within = packed if len(offsets) == 1 else layout.offset.pack(at)
        entries[place] = (len(offsets), within)
        at += len(packed)
    directory = layout.count.pack(len(entries)) + b"".join(
        layout.entry.pack(tag, kind, count) + value
        for tag, (count, value) in sorted(entries.items())
    )
    head = data[:8] if layout.big else data[:4]
    rest = data[len(head) + layout.offset.size :] + bytes(end - len(data))
    last = layout.offset.pack(0)
    return b"".join([head, layout.offset.pack(at), rest, *arrays, directory, last])


def _unpredicted(
    rows: NDArray[np.uint8], order: str, tags: _Tags, samples: _Samples, across: int
) -> NDArray[Any]:
    """Rows of bytes as samples, (h, w * across), without what a predictor took from them."""
    width = samples.bits // 8
    kind = _KINDS[samples.kind]
    stored = np.dtype(f"{order}{kind}{width}")
    predictor = _first(tags, _PREDICTOR, 1) if samples.compression != 1 else 1
    tile = _first(tags, _TILE_WIDTH, 0) * across
    if predictor == _FLOATING:
        stored = np.dtype(f">{kind}{width}")
    result = rows.view(stored.newbyteorder("="))
    step = max(1, _BAND_BYTES // max(rows.shape[1], 1))
    for top in range(0, len(rows), step):
        band = rows[top : top + step]
        if predictor == _FLOATING:
            sums = np.cumsum(band.reshape(len(band), -1, across), axis=1, dtype=np.uint8)
            band = np.ascontiguousarray(sums.reshape(len(band), width, -1).transpose(0, 2, 1))
            band = band.reshape(len(band), -1)
        values = band.view(stored).astype(result.dtype)
        if predictor == _HORIZONTAL:
            whole = values.view(f"u{width}")
            for left in range(0, whole.shape[1], tile or whole.shape[1]):
                piece = whole[:, left : left + (tile or whole.shape[1])]
                pixels = piece.reshape(len(piece), -1, across)
                piece[:] = np.cumsum(pixels, axis=1, dtype=whole.dtype).reshape(piece.shape)
        result[top : top + step] = values
    return result


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
    """What is black and what is white: of unsigned samples of 8 or 16 bits the ends of their range;
    of all others nobody says, so they are the least and the greatest there are."""
    if colours.dtype.kind == "u" and colours.dtype.itemsize <= 2:
        return 0.0, float(np.iinfo(colours.dtype).max)
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
