"""A match in one 64-bit word, as devices write it: ``query << 49 | distance << 40 | row``

Sorted, keys stand query by query, nearest first, ties by row. It knows bits; not what rows mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.contract.hits import Distances, Queries
from index.gpu.rows.directory import Rows

MOST_QUERIES: Final = 4096
"""Queries one scan takes; larger batches are cut up."""
ROW_BITS: Final = 40
QUERY_SHIFT: Final = 49
DISTANCE_MASK: Final = 511

Keys = NDArray[np.int64]
"""int64 (m,)."""

POISON: Final = -6148914691236517206
"""No key: what buffers are filled with to show whether every answer was written (0xAA…AA)."""


def taken_apart(keys: Keys) -> tuple[Queries, Distances, Rows]:
    """Query, distance in bits, and row of each of ``keys``."""
    queries = keys >> QUERY_SHIFT
    distances = ((keys >> ROW_BITS) & DISTANCE_MASK).astype(np.int32)
    return queries, distances, keys & ((1 << ROW_BITS) - 1)
