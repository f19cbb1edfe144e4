"""``DigestIndex``: exact digests (MD5, SHA-1, SHA-256, hashed URLs) to the entries that list them.

One instance holds digests of one width. The same digest may stand under many ids. Lookups bisect
the first eight bytes, sorted, and then compare whole digests, so equal prefixes made on purpose
cost time in proportion to their number and never a wrong answer. It knows nothing of what was
digested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.contract.changes import Applied, Changeable, Changes
from index.contract.errors import RowsError
from index.contract.hits import assemble
from index.contract.interface import Groups, Hits, Ids, IndexStats
from index.digests.layers import Layers
from index.digests.rows import ENABLED, Rows

Digests = NDArray[np.uint8]
"""uint8 (n, width)."""

_KEY_BYTES = 8


def stack(digests: Sequence[bytes], width: int) -> Digests:
    """Single digests, each ``width`` bytes, as one batch: uint8 (n, ``width``)."""
    if any(len(digest) != width for digest in digests):
        raise RowsError(f"every digest must have {width} bytes")
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, width)


@dataclass(frozen=True, eq=False)
class DigestLayer:
    """Digests that no longer change, by their first bytes."""

    rows: Rows
    payload: Digests
    """uint8 (n, width), row for row."""
    keys: NDArray[np.uint64]
    """uint64 (n,): the first eight bytes of each digest, ascending."""
    row_of_key: NDArray[np.int64]
    """int64 (n,): which row each key belongs to."""

    @classmethod
    def build(cls, rows: Rows, digests: Digests) -> DigestLayer:
        """The layer of rows, sorted by id, and their digests."""
        keys = _keys(digests)
        order = np.argsort(keys, kind="stable")
        return cls(rows, digests, keys[order], order)

    def with_rows(self, rows: Rows) -> DigestLayer:
        """The same digests under a new status."""
        return replace(self, rows=rows)

    def find(self, digests: Digests) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Columns query and row of every enabled row that holds one of ``digests``."""
        keys = _keys(digests)
        low = np.searchsorted(self.keys, keys, "left")
        counts = np.searchsorted(self.keys, keys, "right") - low
        queries = np.repeat(np.arange(len(digests), dtype=np.int64), counts)
        ahead = np.cumsum(counts) - counts
        rows = self.row_of_key[np.arange(len(queries)) + np.repeat(low - ahead, counts)]
        same = (self.payload[rows] == digests[queries]).all(axis=1)
        same &= self.rows.status[rows] == ENABLED
        return queries[same], rows[same]


class DigestIndex(Changeable):
    """Digest to ids; safe to change while other threads look up, as ``CodeIndex`` is."""

    def __init__(self, width: int) -> None:
        """``width``: bytes a digest, at least 8."""
        if width < _KEY_BYTES:
            raise RowsError(f"digests must have at least {_KEY_BYTES} bytes, not {width}")
        self.width = width
        self._layers: Layers[DigestLayer] = Layers(width, DigestLayer.build)

    def __len__(self) -> int:
        """Rows, some removed ones included."""
        return sum(len(layer.rows) for layer in self._layers.current)

    @property
    def layers(self) -> tuple[DigestLayer, ...]:
        """What is in force at this moment: immutable."""
        return self._layers.current

    def joined(self, layers: Sequence[DigestLayer]) -> DigestLayer:
        """What is not removed in ``layers`` as one of them."""
        nothing = Rows(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8))
        whole = self._layers.joined(layers)
        empty = np.empty((0, self.width), np.uint8)
        return DigestLayer.build(nothing, empty) if whole is None else whole

    def restore(self, layer: DigestLayer) -> None:
        """Hold ``layer`` and nothing else."""
        self._layers.restore((layer,) if len(layer.rows) else ())

    def apply(self, changes: Changes) -> Applied:
        """Bring ``changes`` into force in one step; all, or none and ``RowsError``."""
        return self._layers.apply(changes)

    def search(self, digests: Digests, groups: frozenset[int] | None = None) -> Hits:
        """Every enabled entry that holds one of ``digests``, uint8 (q, width), in the given groups.

        Distances are 0, so the matches of a query are ordered by id.
        """
        digests = np.ascontiguousarray(digests)
        if digests.dtype != np.uint8 or digests.ndim != 2 or digests.shape[1] != self.width:
            expected = f"uint8 (q, {self.width})"
            raise RowsError(f"digests must be {expected}, not {digests.dtype} {digests.shape}")
        queries: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        ids: list[Ids] = [np.empty(0, np.int64)]
        owners: list[Groups] = [np.empty(0, np.int32)]
        for layer in self._layers.current:
            found, rows = layer.find(digests)
            if groups is not None:
                allowed = np.isin(layer.rows.groups[rows], list(groups))
                found, rows = found[allowed], rows[allowed]
            queries.append(found)
            ids.append(layer.rows.ids[rows])
            owners.append(layer.rows.groups[rows])
        merged = np.concatenate(ids)
        return assemble(
            len(digests),
            np.concatenate(queries),
            merged,
            np.concatenate(owners),
            np.zeros(len(merged), np.int32),
        )

    def stats(self) -> IndexStats:
        """What the index holds now."""
        layers = self._layers.current
        return IndexStats(
            "digest",
            sum(layer.rows.present for layer in layers),
            sum(layer.rows.enabled for layer in layers),
            {
                "digests": sum(layer.payload.nbytes for layer in layers),
                "keys": sum(layer.keys.nbytes + layer.row_of_key.nbytes for layer in layers),
                "ids": sum(layer.rows.nbytes for layer in layers),
            },
        )


def _keys(digests: Digests) -> NDArray[np.uint64]:
    first = np.ascontiguousarray(digests[:, :_KEY_BYTES])
    return first.view(">u8").reshape(-1).astype(np.uint64)
