"""Assembling ``Hits`` from loose rows: the one place that orders matches.

It knows the order the interface promises; not where the rows came from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.interface import Groups, Hits, Ids


def assemble(
    count: int, queries: NDArray[np.int64], ids: Ids, groups: Groups, distances: NDArray[np.int32]
) -> Hits:
    """The matches of ``count`` queries, from rows in any order.

    ``queries``: int64 (m,), which query each row answers; the other columns as in ``Hits``.
    """
    order = np.lexsort((ids, distances, queries))
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(queries, minlength=count), out=offsets[1:])
    return Hits(
        offsets,
        np.asarray(ids[order], np.int64),
        np.asarray(groups[order], np.int32),
        np.asarray(distances[order], np.int32),
    )


def first(hits: Hits, k: int) -> Hits:
    """At most the first ``k`` matches of each query."""
    counts = np.diff(hits.offsets)
    place = np.arange(len(hits.ids)) - np.repeat(hits.offsets[:-1], counts)
    kept = place < k
    offsets = np.zeros_like(hits.offsets)
    np.cumsum(np.minimum(counts, k), out=offsets[1:])
    return Hits(offsets, hits.ids[kept], hits.groups[kept], hits.distances[kept])
