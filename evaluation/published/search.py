"""Similarities of all queries to all references, reduced block by block.

Codes and descriptors are compared alike, as vectors of length 1 by their inner product: a code's
bits as plus and minus 1/16, for which it is 1 - distance / 128, exact in float32. Memory holds all
vectors (1 kB each: a gigabyte for DISC21's references) and one block. It knows no images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, Codes, unpack

Vectors = NDArray[np.float32]
"""float32 (n, d), each of length 1; all zero where the image could not be decoded."""

QUERY_ROWS: Final = 256
REFERENCE_ROWS: Final = 32_768


def from_codes(codes: Codes) -> Vectors:
    """``codes``, uint8 (n, 32), as vectors of length 1: float32 (n, 256)."""
    scale = np.float32(CODE_BITS**-0.5)
    signs: Vectors = np.where(unpack(codes) == 1, scale, -scale)
    return signs


@dataclass(frozen=True)
class FoundPairs:
    """What the queries found."""

    others: NDArray[np.float32]
    """float32 (q, k), falling: the similarities of the nearest references that are no match; -inf
    where there are fewer."""
    true_query: NDArray[np.int64]
    """int64 (t,): the query of each true pair."""
    true: NDArray[np.float32]
    """float32 (t,): its similarity; -inf where one of the two could not be decoded."""


def search(
    queries: Vectors, references: Vectors, truth: Mapping[int, frozenset[int]], k: int
) -> FoundPairs:
    """Compare everything. ``truth``: position of a query to those of its references."""
    pairs = sorted((query, one) for query, found in truth.items() for one in found)
    rows = np.array([query for query, _ in pairs], np.int64)
    columns = np.array([reference for _, reference in pairs], np.int64)
    known = np.asarray(references.any(axis=1), bool)
    asked = np.asarray(queries.any(axis=1), bool)
    true = np.einsum("nd,nd->n", queries[rows], references[columns])
    true[~(asked[rows] & known[columns])] = -np.inf
    others = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(queries), QUERY_ROWS):
        stop = min(len(queries), start + QUERY_ROWS)
        mine = (rows >= start) & (rows < stop)
        for begin in range(0, len(references), REFERENCE_ROWS):
            end = min(len(references), begin + REFERENCE_ROWS)
            block = queries[start:stop] @ references[begin:end].T
            block[:, ~known[begin:end]] = -np.inf
            block[~asked[start:stop]] = -np.inf
            here = mine & (columns >= begin) & (columns < end)
            block[rows[here] - start, columns[here] - begin] = -np.inf
            both = np.concatenate([others[start:stop], block], axis=1)
            others[start:stop] = np.partition(both, both.shape[1] - k, axis=1)[:, -k:]
    others.sort(axis=1)
    return FoundPairs(np.ascontiguousarray(others[:, ::-1]), rows, np.asarray(true, np.float32))


def nearest(queries: Vectors, references: Vectors, k: int) -> NDArray[np.float32]:
    """The similarities of the ``k`` nearest references, float32 (q, k), falling."""
    return search(queries, references, {}, k).others
