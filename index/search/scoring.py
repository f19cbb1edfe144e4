"""Scores of rows near a query, by the descriptor it brought: see ``embeddings.codes``.

A score adds 256 bytes with the signs of a code's bits. For each byte that a code may have at each
of its 32 places the sum of eight of them is worked out once a query, so that a row costs 32
look-ups; only rows that a search met within its radius are scored. Exact: ``codes.scores`` says the
same. It knows codes, as callers give them and in the order of ``permuting``; not how rows are
found.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, CODE_BYTES, Codes, checked_descriptors
from index.contract.errors import RowsError
from index.contract.interface import Asked, Groups

Scores = NDArray[np.int32]

_NEVER: Final = np.iinfo(np.int32).min
_BITS: Final = 8


class Scorer:
    """The tables of a batch of queries. Safe to use from several threads."""

    def __init__(self, asked: Asked, count: int) -> None:
        """``count``: how many queries there are. Raises ``RowsError`` unless each has one."""
        given = checked_descriptors(asked.descriptors)
        if len(given) != count:
            raise RowsError(f"{len(given)} descriptors for {count} queries")
        self._threshold = dict(asked.threshold)
        # A code's most significant bit comes first; in the index's words the least does.
        plain = given.astype(np.int32).reshape(count, CODE_BYTES, _BITS)
        self._plain = plain @ _signs()[::-1]
        ordered = given[:, _order()].astype(np.int32).reshape(count, CODE_BYTES, _BITS)
        self._ordered = ordered @ _signs()

    def of_codes(self, queries: NDArray[np.int64], codes: Codes) -> Scores:
        """The score of each row, int32 (m,): ``queries`` (m,) says whose, ``codes`` are (m, 32)."""
        return _summed(self._plain, queries, codes)

    def of_words(
        self, queries: NDArray[np.int64], head: NDArray[np.int64], tail: NDArray[np.int64]
    ) -> Scores:
        """The same of codes as segments keep them: int64 (m, 2) each."""
        rows = np.concatenate([head, tail], axis=1).astype("<i8", copy=False).view(np.uint8)
        return _summed(self._ordered, queries, rows)

    def matching(self, groups: Groups, scores: Scores) -> NDArray[np.bool_]:
        """Which rows reach the threshold of their group, bool (m,); all do where it has none."""
        if not self._threshold:
            return np.ones(len(scores), np.bool_)
        known = np.array(sorted(self._threshold), np.int64)
        values = np.array([self._threshold[int(group)] for group in known], np.int64)
        at = np.minimum(np.searchsorted(known, groups), len(known) - 1)
        kept: NDArray[np.bool_] = scores >= np.where(known[at] == groups, values[at], _NEVER)
        return kept


@cache
def _signs() -> NDArray[np.int32]:
    """1 where a byte has a bit and -1 where not: int32 (8, 256), the least significant first."""
    bits = (np.arange(256) >> np.arange(_BITS)[:, None]) & 1
    return (2 * bits - 1).astype(np.int32)


@cache
def _order() -> NDArray[np.int64]:
    """Which bit of a code stands at each place of a segment's words: int64 (256,)."""
    bit = np.arange(CODE_BITS)
    order = np.empty(CODE_BITS, np.int64)
    # As ``permuting`` has it: bit i goes to sub-code i % 16, place i // 16.
    order[16 * (bit % 16) + bit // 16] = bit
    return order


def _summed(
    tables: NDArray[np.int32], queries: NDArray[np.int64], rows: NDArray[np.uint8]
) -> Scores:
    scores = np.zeros(len(rows), np.int32)
    for place in range(CODE_BYTES):
        scores += tables[queries, place, rows[:, place]]
    return scores
