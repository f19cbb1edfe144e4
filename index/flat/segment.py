"""Codes in a FAISS index that nobody changes any more.

FAISS crashes when an index is added to while it is searched, so each is built once. It knows which
rows exist; whether they are still in force is in a ``Part``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, CODE_BYTES, Codes
from index.contract.interface import Groups, Ids
from index.storage.kind import ById, Columns, RowKind, by_id

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]
"""Columns query, row, distance."""


@dataclass(frozen=True, eq=False)
class FlatSegment(ById):
    """A FAISS index, and whose rows it holds."""

    flat: Any
    codes: Codes
    """The memory of FAISS: uint8 (n, 32)."""

    @property
    def columns(self) -> Columns:
        """The codes."""
        return (self.codes,)

    def parts(self) -> Mapping[str, NDArray[Any]]:
        """The arrays by name; they are never in a file."""
        return {"ids": self.ids, "groups": self.groups, "codes": self.codes}

    def within(self, codes: Codes, radius: int) -> Pairs:
        """Rows within ``radius``, bits, of each of ``codes``, whatever their group."""
        # One OpenMP thread for the calling thread: a server's threads are the parallelism.
        faiss.omp_set_num_threads(1)
        # FAISS excludes the bound itself (<), ours includes it.
        limits, bits, rows = self.flat.range_search(codes, radius + 1)
        queries = np.repeat(np.arange(len(codes), dtype=np.int64), np.diff(limits).astype(np.int64))
        return queries, rows, bits.astype(np.int32)


def _built(ids: Ids, groups: Groups, columns: Columns, threads: int) -> FlatSegment:
    del threads
    ids, groups, (codes,) = by_id(ids, groups, columns)
    flat: Any = faiss.IndexBinaryFlat(CODE_BITS)
    flat.add(np.ascontiguousarray(codes))
    held = faiss.rev_swig_ptr(flat.xb.data(), len(ids) * CODE_BYTES).reshape(-1, CODE_BYTES)
    return FlatSegment(ids, groups, flat, held)


def _loaded(parts: Mapping[str, NDArray[Any]]) -> FlatSegment:
    del parts
    raise AssertionError("this kind has no folder")


FLAT: Final = RowKind("flat", CODE_BYTES, lambda codes: (codes,), _built, _loaded)
