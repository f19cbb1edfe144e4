"""PDQ, the perceptual hash hotlines ship, as a few small matrix products.

The reference blurs the luma with two box filters a side, picks 64 x 64 samples, takes the 16 x 16
lowest frequencies of their DCT (without the constant ones) and sets a bit where a coefficient
exceeds the median. Blur and sampling are linear and separable, so each of the 64 samples along a
side is one short weighted sum (``_taps``), and a hash is a pass over the pixels followed by
products of 64 x 64 matrices.

A hash is 32 bytes in the order of its hex form: the first bit belongs to the highest of the
frequencies (row 15, column 15), as every public PDQ list has it. Sums are not rounded in the order
of the reference, so a bit whose coefficient stands within rounding of the median may differ: a few
per hash at most on images that have structure (``quality`` >= 50).

It knows pixels only: not files, lists, or which distance is a match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.figures import PDQ_MIN_QUALITY, PDQ_RADIUS
from embeddings.hashes.bands import Band, Tap, banded, summed

MIN_QUALITY: Final = PDQ_MIN_QUALITY
"""PDQ's own advice: below this a hash must not be matched."""

RADIUS: Final = PDQ_RADIUS
"""Bits, inclusive: up to here two hashes are taken for copies, as PDQ's authors advise."""

MIN_SIDE: Final = 5
"""Pixels. As in the reference, an image with a shorter side hashes to zeros at quality 0."""

_SAMPLES: Final = 64
_FREQUENCIES: Final = 16
_LUMA: Final = (0.299, 0.587, 0.114)

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Pdq:
    """The PDQ hash of one image."""

    hash: bytes
    """32 bytes, in the order of the hex form."""
    quality: int
    """0..100, higher = more structure; below ``MIN_QUALITY`` the hash must not be matched."""


@dataclass(frozen=True)
class Dihedral:
    """PDQ hashes of one image and its seven mirror images and quarter turns: 32 bytes each."""

    original: bytes
    rotate90: bytes
    """Turned a quarter counter-clockwise."""
    rotate180: bytes
    rotate270: bytes
    """Turned a quarter clockwise."""
    flip_x: bytes
    """Top and bottom exchanged."""
    flip_y: bytes
    """Left and right exchanged."""
    transpose: bytes
    """Mirrored along the diagonal from top left."""
    transverse: bytes
    """Mirrored along the diagonal from top right."""
    quality: int
    """0..100, of the original."""


def pdq(rgb: NDArray[np.uint8], full: tuple[int, int] | None = None) -> Pdq:
    """The PDQ hash of ``rgb``, uint8 (h, w, 3).

    ``full``: width and height, pixels, of the image before it was reduced to ``rgb`` by averaging
    squares of 2, 4 or 8 pixels a side. The hash is then that of the full image, within 4 bits:
    where the filters stand depends on the size, so without it 12 and more may differ.
    """
    if min(rgb.shape[:2]) < MIN_SIDE:
        return Pdq(bytes(32), 0)
    samples = _downsample(rgb, full)
    return Pdq(_threshold(_dct(samples)), _quality(samples))


def dihedral(rgb: NDArray[np.uint8], full: tuple[int, int] | None = None) -> Dihedral:
    """The PDQ hashes of all eight orientations of ``rgb``, uint8 (h, w, 3), from one DCT."""
    if min(rgb.shape[:2]) < MIN_SIDE:
        zero = bytes(32)
        return Dihedral(zero, zero, zero, zero, zero, zero, zero, zero, quality=0)
    samples = _downsample(rgb, full)
    dct = _dct(samples)
    # Mirroring a signal negates its odd-numbered frequencies; rows and columns here count from 1.
    sign = np.where(np.arange(_FREQUENCIES) % 2, 1, -1).astype(np.float32)
    rows, columns = sign[:, None], sign[None, :]
    return Dihedral(
        original=_threshold(dct),
        rotate90=_threshold((dct * columns).T),
        rotate180=_threshold(dct * rows * columns),
        rotate270=_threshold((dct * rows).T),
        flip_x=_threshold(dct * rows),
        flip_y=_threshold(dct * columns),
        transpose=_threshold(dct.T),
        transverse=_threshold((dct * rows * columns).T),
        quality=_quality(samples),
    )


def _downsample(rgb: NDArray[np.uint8], full: tuple[int, int] | None) -> Plane:
    """The blurred luma at 64 x 64 places: float32 (64, 64)."""
    height, width = rgb.shape[:2]
    full_width, full_height = full or (width, height)
    # Rows first and colours last: every pixel is turned into a float once, in pieces small enough
    # for the cache, and everything after works on 64 rows.
    lines = rgb.reshape(height, width * 3)
    squeezed = summed(lines, _bands(full_height, height, width * 3))
    luma: Plane = squeezed.reshape(_SAMPLES, width, 3) @ np.array(_LUMA, np.float32)
    return summed(luma.T, _bands(full_width, width, _SAMPLES)).T


@lru_cache(maxsize=256)
def _bands(length: int, lines: int, columns: int) -> Sequence[Band]:
    return banded(_taps(length, lines), columns)


def _taps(length: int, lines: int) -> Sequence[Tap]:
    """How each of the 64 samples of a side is summed from ``lines`` lines.

    ``length``: pixels of that side before it was reduced to ``lines``, else the same. The reference
    filters twice with a box of ``window`` pixels, cut off at the borders and divided by what is
    left, then picks the pixel at the middle of each 64th.
    """
    factor = -(-length // lines)
    window = -(-length // (2 * _SAMPLES))
    before = window - (window + 2) // 2
    after = window - 1 - before
    # Away from the borders many samples share their weights, which keeps the cache small.
    tent = np.convolve(np.ones(window), np.ones(window)) / window**2
    shared: dict[int, Plane] = {}
    taps: list[Tap] = []
    for sample in range(_SAMPLES):
        centre = int((sample + 0.5) * length / _SAMPLES)
        start, stop = centre - 2 * before, centre + 2 * after
        if start >= 0 and stop < length:
            phase = start % factor
            if phase not in shared:
                shared[phase] = _merged(tent, phase, factor)
            taps.append(Tap(start // factor, shared[phase]))
            continue
        start, stop = max(start, 0), min(stop, length - 1)
        weights = np.zeros(stop - start + 1)
        outer = range(max(centre - before, 0), min(centre + after, length - 1) + 1)
        for middle in outer:
            low, high = max(middle - before, 0), min(middle + after, length - 1)
            weights[low - start : high - start + 1] += 1 / (high - low + 1) / len(outer)
        taps.append(Tap(start // factor, _merged(weights, start % factor, factor)))
    return tuple(taps)


def _merged(weights: NDArray[np.float64], phase: int, factor: int) -> Plane:
    """``weights`` of pixels as weights of runs of ``factor`` pixels, the first ``phase`` before."""
    runs = -(-(phase + len(weights)) // factor)
    padded = np.zeros(runs * factor)
    padded[phase : phase + len(weights)] = weights
    return np.asarray(padded.reshape(runs, factor).sum(axis=1), np.float32)


@lru_cache(maxsize=1)
def _basis() -> Plane:
    """DCT rows for frequencies 1 to 16: float32 (16, 64)."""
    frequency = np.arange(1, _FREQUENCIES + 1)[:, None]
    place = 2 * np.arange(_SAMPLES)[None, :] + 1
    basis = np.sqrt(2 / _SAMPLES) * np.cos(np.pi / 2 / _SAMPLES * frequency * place)
    return np.asarray(basis, np.float32)


def _dct(samples: Plane) -> Plane:
    """The lowest frequencies of ``samples``, float32 (64, 64): float32 (16, 16)."""
    return np.asarray(_basis() @ samples @ _basis().T, np.float32)


def _threshold(dct: Plane) -> bytes:
    """The hash, 32 bytes, of coefficients (16, 16)."""
    flat = dct.ravel()
    # The lower of the two middle values, as the reference's median has it.
    median = np.partition(flat, 127)[127]
    return np.packbits(flat[::-1] > median).tobytes()


def _quality(samples: Plane) -> int:
    """0..100: how many steep steps neighbours in ``samples``, float32 (64, 64), make."""
    # Each step is cut to a whole number of hundredths before it is added up, so that noise does
    # not count.
    down = np.trunc(np.diff(samples, axis=0) * np.float32(100) / np.float32(255))
    across = np.trunc(np.diff(samples, axis=1) * np.float32(100) / np.float32(255))
    return min(100, int(np.abs(down).sum() + np.abs(across).sum()) // 90)
