"""The k nearest codes, by radius searches that widen until they hold enough.

It knows when a radius holds the k nearest for certain; not how radius searches work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from embeddings.codes import CODE_BITS, Codes, checked
from index.contract.arguments import checked_neighbours
from index.contract.hits import Collector, assemble, first
from index.contract.interface import Hits, Radius

_LADDER: Final = (15, 31, 47, 63, 79, 95, 111)
"""Radii, bits, tried in turn; the first are all but free."""


def nearest(
    within: Callable[[Codes, Radius, int], Hits],
    codes: Codes,
    k: int,
    groups: frozenset[int] | None,
) -> Hits:
    """The ``k`` nearest rows to each of ``codes``; see ``CodeIndex``.

    ``within`` searches one moment for a code, a radius and a limit.
    """
    codes, k = checked(codes), checked_neighbours(k)
    answers = [_nearest(within, codes[row : row + 1], k, groups) for row in range(len(codes))]
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
    within: Callable[[Codes, Radius, int], Hits], code: Codes, k: int, groups: frozenset[int] | None
) -> Hits:
    for bits in (*_LADDER, CODE_BITS):
        radius: Radius = bits if groups is None else dict.fromkeys(groups, bits)
        # The nearest k of each group hold the nearest k of all.
        hits = within(code, radius, k)
        if len(hits.ids) >= k:
            break
    return first(hits, k)
