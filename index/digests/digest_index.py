"""``DigestIndex``: exact digests (MD5, SHA-1, SHA-256, hashed URLs) to the entries that list them.

One instance holds digests of one width. The same digest may stand under many ids. Look-ups bisect
the first eight bytes, sorted, and then compare whole digests, so equal prefixes made on purpose
cost time in proportion to their number and never a wrong answer. How rows are changed and kept is
``KeptIndex``'s. It knows nothing of what was digested.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index.contract.errors import RowsError
from index.contract.hits import Collector, assemble
from index.contract.interface import Groups, Hits, Ids
from index.digests.segment import (
    KEY_BYTES,
    Digests,
    DigestSegment,
    Keys,
    Pairs,
    digests_of,
    keys_of,
    same,
    spread,
)
from index.storage import bitmap
from index.storage.delta import Delta
from index.storage.kept_index import KeptIndex
from index.storage.snapshots import Folder, Identity


def stack(digests: Sequence[bytes], width: int) -> Digests:
    """Single digests, each ``width`` bytes, as one batch: uint8 (n, ``width``)."""
    if any(len(digest) != width for digest in digests):
        raise RowsError(f"every digest must have {width} bytes")
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, width)


class DigestIndex(KeptIndex[DigestSegment]):
    """See ``numbered.Fed``: safe to change while other threads look up, as ``CodeIndex`` is."""

    def __init__(
        self, width: int, folder: Folder[DigestSegment] | None = None, background: bool = True
    ) -> None:
        """An index in memory; use ``open`` for one with a folder.

        ``width``: bytes a digest, at least 8. ``background``: whether maintenance runs by itself.
        """
        if width < KEY_BYTES:
            raise RowsError(f"digests must have at least {KEY_BYTES} bytes, not {width}")
        self.width = width
        super().__init__(digests_of(width), folder, background=background)

    @classmethod
    def open(
        cls,
        path: Path,
        width: int,
        signal: str,
        store: str = "",
        write: bool = True,
        background: bool = True,
        space: str = "",
    ) -> Self:
        """The index in the folder ``path`` as it was saved last; see ``SegmentedIndex.open``.

        ``space``: by which rules the digests were made, where there are others; by default
        ``signal``. Digests made by other rules are never answered from.
        """
        identity = Identity(space or signal, signal, store)
        return cls(width, Folder(path, digests_of(width), identity, write), background)

    def search(self, digests: Digests, groups: frozenset[int] | None = None) -> Hits:
        """Every enabled entry that holds one of ``digests``, uint8 (q, width), in the given groups.

        Distances are 0, so the matches of a query are ordered by id.
        """
        state = self._moment()
        digests = np.ascontiguousarray(digests)
        if digests.dtype != np.uint8 or digests.ndim != 2 or digests.shape[1] != self.width:
            expected = f"uint8 (q, {self.width})"
            raise RowsError(f"digests must be {expected}, not {digests.dtype} {digests.shape}")
        if not state.parts and not len(state.delta):
            return Collector(len(digests)).hits()  # most types are on no list
        keys = keys_of(digests)
        found: list[tuple[NDArray[np.int64], Ids, Groups]] = []
        for part in state.parts:
            queries, rows = part.segment.equal(digests, keys)
            if len(rows):
                kept = bitmap.has(part.live, rows)
                queries, rows = queries[kept], rows[kept]
                found.append((queries, part.segment.ids[rows], part.segment.groups_of(rows)))
        if len(delta := state.delta):
            queries, rows = _waiting(delta, digests, keys)
            kept = bitmap.has(delta.live, rows)
            queries, rows = queries[kept], rows[kept]
            found.append((queries, delta.ids[rows], delta.groups[rows]))
        return _assembled(len(digests), found, groups)


def _assembled(
    count: int,
    found: list[tuple[NDArray[np.int64], Ids, Groups]],
    groups: frozenset[int] | None,
) -> Hits:
    if not found:
        return Collector(count).hits()
    queries, ids, owners = (
        columns[0] if len(found) == 1 else np.concatenate(columns)
        for columns in zip(*found, strict=True)
    )
    if groups is not None:
        # Hardly ever many: quicker than anything of NumPy's.
        kept = np.fromiter((owner in groups for owner in owners.tolist()), np.bool_, len(owners))
        queries, ids, owners = queries[kept], ids[kept], owners[kept]
    return assemble(count, queries, ids, owners, np.zeros(len(ids), np.int32))


def _waiting(delta: Delta, digests: Digests, keys: Keys) -> Pairs:
    """Each of ``digests`` with every row of ``delta`` that is equal to it."""
    waiting = delta.columns[1].reshape(-1)[: len(delta)]
    rows = np.flatnonzero(np.isin(waiting, keys))
    order = np.argsort(keys)
    low = np.searchsorted(keys[order], waiting[rows], "left")
    counts = np.searchsorted(keys[order], waiting[rows], "right") - low
    numbers, at = spread(low, counts)
    return same(digests, order[at], delta.columns[0], rows[numbers])
