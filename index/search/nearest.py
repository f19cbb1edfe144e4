"""The k nearest codes, by radius searches that widen until they hold enough.

It knows when a radius holds the k nearest for certain; not how radius searches work.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from embeddings.codes import CODE_BITS, Codes
from index.contract.arguments import checked_neighbours
from index.contract.hits import Collector, assemble, first
from index.contract.interface import Hits, Radius
from index.search.batches import search_delta, search_part
from index.search.workers import Workers
from index.segments.permutation import Words, reordered
from index.segments.state import State

_LADDER: Final = (15, 31, 47, 63, 79, 95, 111)
"""Radii, bits, tried in turn; the first are all but free."""


def nearest(
    state: State, workers: Workers, codes: Codes, k: int, groups: frozenset[int] | None
) -> Hits:
    """The ``k`` nearest live rows of ``state`` to each of ``codes``; see ``CodeIndex``."""
    k = checked_neighbours(k)
    words = reordered(codes)
    answers = [
        _nearest(state, workers, words[4 * row : 4 * row + 4], k, groups)
        for row in range(len(codes))
    ]
    if not answers:
        return Collector(0).hits()
    return assemble(
        len(codes),
        np.repeat(np.arange(len(codes)), [len(answer.ids) for answer in answers]),
        np.concatenate([answer.ids for answer in answers]),
        np.concatenate([answer.groups for answer in answers]),
        np.concatenate([answer.distances for answer in answers]),
    )


def _nearest(
    state: State, workers: Workers, query: Words, k: int, groups: frozenset[int] | None
) -> Hits:
    for bits in (*_LADDER, CODE_BITS):
        radius: Radius = bits if groups is None else dict.fromkeys(groups, bits)
        # The nearest k of each group hold the nearest k of all.
        out = Collector(1, k)
        for part in state.parts:
            search_part(part, query, radius, workers, out)
        search_delta(state.delta, query, radius, workers, out)
        hits = out.hits()
        if len(hits.ids) >= k:
            break
    return first(hits, k)
