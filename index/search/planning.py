"""Which way to search: through the tables or by a scan, from what each would cost.

Costs are nanoseconds on an ordinary server core; only their ratios matter, and only for speed:
either way the answer is exact. It knows sizes and radii; the real bucket sizes of a query are
weighed in ``probing``, which turns back when they are too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.kernels.probing import BUCKETS, MAX_DEPTH, MAX_RADIUS, TABLES

_PER_PROBE: Final = 12.0
_PER_RANGE: Final = 25.0
_PER_CANDIDATE: Final = 0.35
_PER_VERIFIED: Final = 60.0
_PER_ROW_READ: Final = 2.2
"""A row read from memory for one query; shared by the queries of a batch."""
_PER_ROW_COMPARED: Final = 0.5


@dataclass(frozen=True)
class Step:
    """How one query was answered in one part of an index."""

    part: str
    """"segment" or "delta"."""
    rows: int
    """Rows the part holds."""
    method: str
    """"tables", "scan" (every row of the groups asked for) or "skip" (none of them here)."""
    reason: str
    depths: tuple[int, ...] = ()
    """Per table, how far from the query's sub-code buckets were read; -1: not at all."""
    probes: int = 0
    """Buckets looked at."""
    candidates: int = 0
    """Rows in these buckets."""
    verified: int = 0
    """Rows compared in full."""


@dataclass(frozen=True)
class Explanation:
    """How one query was answered."""

    steps: tuple[Step, ...]


@cache
def masks() -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Sub-codes by their number of set bits, and where each number's run begins.

    uint16 (14893,) and int64 (MAX_DEPTH + 3,). Within a run they ascend, so that neighbours share
    memory lines.
    """
    runs = [
        sorted(sum(1 << bit for bit in chosen) for chosen in combinations(range(TABLES), ones))
        for ones in range(MAX_DEPTH + 2)
    ]
    starts = np.cumsum([0, *(len(run) for run in runs)])
    return np.array([mask for run in runs for mask in run], np.uint16), starts.astype(np.int64)


def scan_cost(rows: int, queries: int) -> float:
    """Of comparing ``rows`` with each of ``queries``, nanoseconds a query."""
    return rows * (_PER_ROW_READ / queries + _PER_ROW_COMPARED)


def table_cost(rows: int, radius: int) -> float:
    """Of a search through the tables of ``rows`` evenly spread rows, nanoseconds a query."""
    if radius > MAX_RADIUS:
        return float("inf")
    probes, candidate_share, verified_share = _work(radius)
    ranges = min(probes, probes * rows / BUCKETS)
    return (
        probes * _PER_PROBE
        + ranges * _PER_RANGE
        + rows * (candidate_share * _PER_CANDIDATE + verified_share * _PER_VERIFIED)
    )


def allowed_candidates(radius: int, scan: float) -> int:
    """How many candidates a query may have before a scan, of cost ``scan``, is the quicker way."""
    probes, candidate_share, verified_share = _work(radius)
    left = scan - probes * (_PER_PROBE + _PER_RANGE)
    each = _PER_CANDIDATE + _PER_VERIFIED * verified_share / candidate_share
    return max(0, int(left / each))


@cache
def _work(radius: int) -> tuple[int, float, float]:
    """(probes, candidates a row, verified rows a row) for evenly spread rows."""
    level, spare = divmod(radius + 1, TABLES)
    depths = [level - 1 + (table < spare) for table in range(TABLES)]
    probes, candidates, verified = 0, 0.0, 0.0
    for table, depth in enumerate(depths):
        both = depth + depths[(table + 1) % TABLES] + 1
        for shell in range(depth + 1):
            buckets = comb(TABLES, shell)
            probes += buckets
            candidates += buckets / BUCKETS
            near = sum(comb(TABLES, bits) for bits in range(min(TABLES, both - shell) + 1))
            verified += buckets / BUCKETS * near / BUCKETS
    return probes, candidates, verified
