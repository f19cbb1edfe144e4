"""Digests that no longer change: sorted by id, and found by their first eight bytes.

The parts, by their name in the file (see ``container``), for n rows of ``width`` bytes::

    ids         int64 (n)          ascending
    groups      int32 (n)          of each row
    digests     uint8 (n × width)  row after row
    keys        uint64 (n)         the first eight bytes of each digest as a big-endian number,
                                   ascending
    row_of_key  uint32 (n)         which row each key belongs to

It knows which rows exist; whether they are still in force is in a ``Part``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index.contract.errors import DamagedFileError
from index.contract.interface import Groups, Ids
from index.storage.kind import MOST_ROWS, ById, Columns, RowKind, by_id

Digests = NDArray[np.uint8]
"""uint8 (n, width)."""
Keys = NDArray[np.uint64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Columns query, row."""

KEY_BYTES: Final = 8


@dataclass(frozen=True, eq=False)
class DigestSegment(ById):
    """The arrays above."""

    digests: Digests
    keys: Keys
    row_of_key: NDArray[np.uint32]

    @property
    def columns(self) -> Columns:
        """Digests, uint8 (n, width), and their keys, uint64 (n, 1)."""
        return _columns(self.digests)

    def parts(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {
            "ids": self.ids,
            "groups": self.groups,
            "digests": self.digests,
            "keys": self.keys,
            "row_of_key": self.row_of_key,
        }

    def equal(self, asked: Digests, keys: Keys) -> Pairs:
        """Each of ``asked``, whose keys are ``keys``, with every row that is equal to it."""
        if not len(self.keys):
            return _NONE
        order = np.argsort(keys)  # neighbours are found on the same pages of memory
        sought = keys[order]
        low = np.searchsorted(self.keys, sought, "left")
        there = np.flatnonzero(self.keys[np.minimum(low, len(self.keys) - 1)] == sought)
        if not len(there):
            return _NONE
        low = low[there]
        counts = np.searchsorted(self.keys, sought[there], "right") - low
        numbers, at = spread(low, counts)
        queries = order[there][numbers]
        return same(asked, queries, self.digests, self.row_of_key[at].astype(np.int64))


def spread(low: NDArray[np.int64], counts: NDArray[np.int64]) -> Pairs:
    """Number *i* with each of ``low[i]``, ``low[i] + 1``, …, ``counts[i]`` of them."""
    numbers = np.repeat(np.arange(len(low), dtype=np.int64), counts)
    ahead = np.cumsum(counts) - counts
    return numbers, np.arange(len(numbers)) + np.repeat(low - ahead, counts)


def same(
    asked: Digests, queries: NDArray[np.int64], digests: Digests, rows: NDArray[np.int64]
) -> Pairs:
    """Of the pairs those whose digests are equal as a whole."""
    equal = (digests[rows] == asked[queries]).all(axis=1)
    return queries[equal], rows[equal]


def keys_of(digests: Digests) -> Keys:
    """The first eight bytes of each as a number: uint64 (n,)."""
    first = np.ascontiguousarray(digests[:, :KEY_BYTES])
    return first.view(">u8").reshape(-1).astype(np.uint64)


def digests_of(width: int) -> RowKind[DigestSegment]:
    """Digests of ``width`` bytes as a kind of rows."""

    def loaded(parts: Mapping[str, NDArray[Any]]) -> DigestSegment:
        n = len(parts["ids"])
        sizes = {name: len(part) for name, part in parts.items()}
        plain = ("ids", "groups", "keys", "row_of_key")
        if n > MOST_ROWS or sizes != {**dict.fromkeys(plain, n), "digests": n * width}:
            raise DamagedFileError(f"a segment of {n} digests whose parts disagree")
        return DigestSegment(
            parts["ids"],
            parts["groups"],
            parts["digests"].reshape(-1, width),
            parts["keys"],
            parts["row_of_key"],
        )

    return RowKind("digest", width, _columns, _built, loaded)


def _columns(digests: Digests) -> Columns:
    return digests, keys_of(digests).reshape(-1, 1)


def _built(ids: Ids, groups: Groups, columns: Columns, threads: int) -> DigestSegment:
    del threads
    ids, groups, (digests, keys) = by_id(ids, groups, columns)
    order = np.argsort(keys.reshape(-1), kind="stable")
    return DigestSegment(ids, groups, digests, keys.reshape(-1)[order], order.astype(np.uint32))


_NONE: Final[Pairs] = np.empty(0, np.int64), np.empty(0, np.int64)
