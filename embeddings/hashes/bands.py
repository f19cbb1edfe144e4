"""Weighted sums of neighbouring lines of an image, a few sums in each step.

Shrinking an image to 64 lines takes 64 sums of a few lines each. One step for each is slow where
threads work side by side: every step of NumPy lets go of the interpreter's lock and must get it
back, so that threads spend their time on waiting for each other. One step for all would multiply
mostly by zeros. So some sums at a time are one product of matrices, as many as the cache holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

_MOST: Final = 4
"""Sums in one step: more would be mostly zeros."""
_LINES: Final = 256
"""Lines in one step of several sums: bounds the weights that are kept for a size of image."""
_BYTES: Final = 768 << 10
"""Of lines as floats: what stays in a core's own cache."""


@dataclass(frozen=True)
class Tap:
    """One sum: of ``len(weights)`` lines from ``start`` on."""

    start: int
    weights: NDArray[np.float32]
    """float32 (k,)."""


@dataclass(frozen=True)
class Band:
    """Some sums that follow each other, as one step."""

    sums: slice
    lines: slice
    weights: NDArray[np.float32]
    """float32 (sums, lines)."""


def banded(taps: Sequence[Tap], columns: int) -> tuple[Band, ...]:
    """``taps``, whose starts ascend, in steps for lines of ``columns`` numbers."""
    most = min(_LINES, _BYTES // (4 * columns))
    bands: list[Band] = []
    first = 0
    while first < len(taps):
        start, last = taps[first].start, first + 1
        while last < min(first + _MOST, len(taps)) and _stop(taps[last]) - start <= most:
            last += 1
        stop = max(map(_stop, taps[first:last]))
        weights = np.zeros((last - first, stop - start), np.float32)
        for row, tap in zip(weights, taps[first:last], strict=True):
            row[tap.start - start : _stop(tap) - start] = tap.weights
        # A step of one sum shares its weights with others alike.
        alone = taps[first].weights[None] if last == first + 1 else weights
        bands.append(Band(slice(first, last), slice(start, stop), alone))
        first = last
    return tuple(bands)


def summed(lines: NDArray[Any], bands: Sequence[Band]) -> NDArray[np.float32]:
    """The sums ``bands`` of ``lines``, (n, m) of any type: float32 (sums, m)."""
    _one_thread()
    sums = np.empty((bands[-1].sums.stop, lines.shape[1]), np.float32)
    for band in bands:
        piece = lines[band.lines].astype(np.float32, copy=False)
        np.matmul(band.weights, piece, out=sums[band.sums])
    return sums


def _stop(tap: Tap) -> int:
    return tap.start + len(tap.weights)


@cache
def _one_thread() -> None:
    """Let NumPy's products use the calling thread alone, from now on, in all of the process.

    Callers share images among threads and processes; were each product shared among threads again,
    they would only wait for each other (measured: three times slower with two callers).
    """
    ThreadpoolController().select(internal_api="openblas").limit(limits=1)
