"""Parts of an index as kernels see them: runs of int64, most of them addresses.

An address says nothing about who owns the memory: ``Fields`` keeps the arrays alive beside them. It
knows where arrays lie; not what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index import probing
from index.bitmap import Bitmap
from index.delta import Delta
from index.planning import masks
from index.probing import PART_FIELDS
from index.routing import Route, Stretch
from index.segment import Segment

Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fields:
    """One part, at one radius."""

    values: Longs
    """int64 (PART_FIELDS,): as in ``probing``."""
    owners: tuple[object, ...]
    """What the addresses point into."""


def of_segment(segment: Segment, live: Bitmap, way: Route) -> Fields:
    """A segment and its live rows, to be searched as ``way`` says."""
    values = np.zeros(PART_FIELDS, np.int64)
    for place, array in (
        (probing.HEAD, segment.head),
        (probing.TAIL, segment.tail),
        (probing.LIVE, live),
        (probing.OFFSETS, segment.offsets),
        (probing.CHECKS, segment.checks),
        (probing.ROWS, segment.rows),
    ):
        values[place] = _address(array)
    values[probing.ENTRIES] = len(segment)
    values[probing.CUT], values[probing.ALLOWED] = way.cut, way.allowed
    return Fields(values, (segment, live, _stretched(values, way.scanned)))


def of_delta(delta: Delta, radius: int) -> Fields:
    """A delta, all of which is scanned at ``radius``, bits."""
    values = np.zeros(PART_FIELDS, np.int64)
    values[probing.HEAD], values[probing.TAIL] = _address(delta.head), _address(delta.tail)
    values[probing.LIVE], values[probing.ENTRIES] = _address(delta.live), len(delta)
    values[probing.CUT] = -1
    return Fields(values, (delta, _stretched(values, ((0, len(delta), radius),))))


@cache
def shared() -> Longs:
    """What all parts share, as in ``probing``."""
    return np.array([_address(array) for array in masks()], np.int64)


def _stretched(values: Longs, stretches: tuple[Stretch, ...]) -> Longs:
    rows = np.array(stretches, np.int64).reshape(-1)
    values[probing.STRETCHES], values[probing.STRETCH_COUNT] = _address(rows), len(stretches)
    return rows


def _address(array: NDArray[Any]) -> int:
    address: int = array.ctypes.data
    return address
