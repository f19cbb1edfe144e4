"""Parts of an index as kernels see them: runs of int64, most of them addresses.

An address says nothing about who owns the memory: ``Fields`` keeps the arrays alive beside them. It
knows where arrays lie; not what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.contract.arguments import widest
from index.contract.interface import Radius
from index.kernels import probing
from index.kernels.probing import PART_FIELDS
from index.search.planning import masks
from index.search.routing import Route, Stretch
from index.segments.segment import CodeSegment
from index.storage.bitmap import Bitmap
from index.storage.delta import Delta

Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fields:
    """One part, at one radius."""

    values: Longs
    """int64 (PART_FIELDS,): as in ``probing``."""
    owners: tuple[object, ...]
    """What the addresses point into."""


def of_segment(
    segment: CodeSegment, live: Bitmap, way: Route, radius: Radius | None = None
) -> Fields:
    """A segment and its live rows, to be searched as ``way`` says.

    Rows found are held against their own group's ``radius``; none when ``way`` has but one.
    """
    values = np.zeros(PART_FIELDS, np.int64)
    for place, array in (
        (probing.HEAD, segment.head),
        (probing.TAIL, segment.tail),
        (probing.LIVE, live),
        (probing.OFFSETS, segment.offsets),
        (probing.CHECKS, segment.checks),
        (probing.ROWS, segment.rows),
        (probing.IDS, segment.ids),
        (probing.GROUPS, segment.groups),
        (probing.STARTS, segment.bounds),
    ):
        values[place] = _address(array)
    values[probing.ENTRIES] = len(segment)
    values[probing.CUT], values[probing.ALLOWED] = way.cut, way.allowed
    values[probing.GROUP_COUNT] = len(segment.groups)
    scanned = _stretched(values, way.scanned)
    return Fields(values, (segment, live, scanned, _radii(values, radius)))


def of_delta(delta: Delta, radius: Radius) -> Fields:
    """A delta, all of which is scanned;

    rows found are held against their own group's ``radius``.
    """
    values = np.zeros(PART_FIELDS, np.int64)
    for place, array in (
        (probing.HEAD, delta.columns[0]),
        (probing.TAIL, delta.columns[1]),
        (probing.LIVE, delta.live),
        (probing.IDS, delta.ids),
        (probing.GROUPS, delta.groups),
    ):
        values[place] = _address(array)
    values[probing.ENTRIES] = len(delta)
    values[probing.CUT] = -1
    scanned = _stretched(values, ((0, len(delta), widest(radius)),))
    return Fields(values, (delta, scanned, _radii(values, radius)))


@cache
def shared() -> Longs:
    """What all parts share, as in ``probing``."""
    return np.array([_address(array) for array in masks()], np.int64)


def _stretched(values: Longs, stretches: tuple[Stretch, ...]) -> Longs:
    rows = np.array(stretches, np.int64).reshape(-1)
    values[probing.STRETCHES], values[probing.STRETCH_COUNT] = _address(rows), len(stretches)
    return rows


def _radii(values: Longs, radius: Radius | None) -> Longs:
    if not isinstance(radius, Mapping):
        values[probing.RADIUS_COUNT] = -1
        return np.empty(0, np.int64)
    pairs = np.array(sorted(radius.items()), np.int64).reshape(-1)
    values[probing.RADII], values[probing.RADIUS_COUNT] = _address(pairs), len(radius)
    return pairs


def _address(array: NDArray[Any]) -> int:
    address: int = array.ctypes.data
    return address
