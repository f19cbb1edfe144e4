"""For one segment and radius: which groups the tables serve, and which rows are scanned.

It knows groups and their rows; not queries or live rows. What it works out is kept with the
segment, since the same radii come with every query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index.contract.arguments import radii_of
from index.contract.interface import Radius
from index.kernels.probing import MAX_RADIUS
from index.search.planning import allowed_candidates, scan_cost, table_cost
from index.segments.segment import CodeSegment

Stretch = tuple[int, int, int]
"""First row, row after the last, radius in bits: a run of neighbouring groups with one radius."""

_KEPT: Final = 256
"""Routes kept with a segment before they are forgotten and worked out anew."""


@dataclass(frozen=True)
class Route:
    """How a segment is searched at one radius."""

    cut: int
    """The tables serve groups up to this radius, bits; -1: they serve none."""
    allowed: int
    """Candidates in the tables from which scanning is quicker."""
    cost: float
    """Of a search through the tables, nanoseconds a query."""
    served: tuple[Stretch, ...]
    """The rows of groups the tables serve: scanned for a query that has too many candidates."""
    scanned: tuple[Stretch, ...]
    """The rows of the other groups asked for."""
    reason: str
    """Why these are scanned."""
    one_radius: bool
    """Whether every group is served at ``cut``, so that no match needs its own radius checked."""


def route(segment: CodeSegment, radius: Radius, count: int) -> Route:
    """How to search ``segment`` for a batch of ``count`` queries."""
    flat = frozenset(radius.items()) if isinstance(radius, Mapping) else radius
    key = (flat, min(count, 64))
    kept: Route | None = segment.routes.get(key)
    if kept is None:
        kept = _route(segment, radius, key[1])
        if len(segment.routes) >= _KEPT:
            segment.routes.clear()
        segment.routes[key] = kept
    return kept


def rows_in(stretches: tuple[Stretch, ...]) -> int:
    """How many rows there are in ``stretches``."""
    return sum(high - low for low, high, _ in stretches)


def _route(segment: CodeSegment, radius: Radius, count: int) -> Route:
    radii = radii_of(segment.groups, radius)
    runs = np.diff(segment.bounds)
    cut, reason = _cut(radii, runs, count, segment.has_tables)
    served = tuple(_stretches(segment.bounds, np.where(radii <= cut, radii, -1)))
    scanned = tuple(_stretches(segment.bounds, np.where(radii > cut, radii, -1)))
    allowed, cost = 0, 0.0
    if cut >= 0:
        allowed = allowed_candidates(cut, scan_cost(rows_in(served), count))
        cost = table_cost(len(segment), cut)
    return Route(cut, allowed, cost, served, scanned, reason, bool((radii == cut).all()))


def _cut(
    radii: NDArray[np.int32], runs: NDArray[np.int64], count: int, tabled: bool
) -> tuple[int, str]:
    """The radius up to which groups are served by the tables, and why the others are scanned."""
    if not tabled:
        return -1, "too few rows for tables"
    best, least = -1, scan_cost(int(runs[radii >= 0].sum()), count)
    for bits in np.unique(radii[radii >= 0]).tolist():
        if bits > MAX_RADIUS:
            break
        beyond = int(runs[radii > bits].sum())
        cost = table_cost(int(runs.sum()), bits) + scan_cost(beyond, count)
        if cost < least:
            best, least = bits, cost
    return best, "a scan is the quicker way at this radius"


def _stretches(bounds: NDArray[np.int64], radii: NDArray[np.integer[Any]]) -> Iterator[Stretch]:
    edges = np.flatnonzero(np.diff(radii)) + 1
    for group, after in zip([0, *edges], [*edges, len(radii)], strict=True):
        if radii[group] >= 0:
            yield int(bounds[group]), int(bounds[after]), int(radii[group])
