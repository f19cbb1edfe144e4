"""The indexes a benchmark compares, each behind the same few calls.

FAISS Flat is the yardstick; the others are what a user would otherwise reach for. Each is given
what it needs to be right at the radius asked for, where it can be. It knows how to drive them; not
how to time them.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, Codes
from index.contract.changes import Additions
from index.segmented.segmented_index import SegmentedIndex

Ids = NDArray[np.int64]

NEIGHBOURS: Final = 64
"""Asked of engines that know no radius: those within it are kept."""


class Engine(Protocol):
    """An index that holds codes 0..n-1 and finds those within a radius."""

    name: str
    threads: int
    """It may use for one call."""

    def build(self, codes: Codes, radius: int) -> None:
        """Hold ``codes``, uint8 (n, 32), to be searched at ``radius``."""
        ...

    def search(self, queries: Codes, radius: int) -> list[Ids]:
        """The ids within ``radius`` of each query, in any order."""
        ...

    def nbytes(self) -> int:
        """Memory it holds, bytes."""
        ...


def _by_query(ids: Ids, limits: NDArray[Any]) -> list[Ids]:
    """``ids`` cut at ``limits``: (q + 1,)."""
    # One query needs no cutting, and NumPy's takes as long as a tenth of a quick search.
    return [ids] if len(limits) == 2 else np.split(ids, limits[1:-1].astype(np.int64))


class OurIndex:
    """This project's index."""

    def __init__(self, threads: int = 1) -> None:
        """``threads``: that one search may use."""
        self.name = "lookalike"
        self.threads = threads

    def build(self, codes: Codes, radius: int) -> None:  # noqa: ARG002 - any radius is searched
        """See ``Engine``; built on all threads, in one group."""
        ids = np.arange(len(codes))
        self.index = SegmentedIndex(background=False)
        self.index.use_threads(self.threads)
        self.index.rebuild([Additions(ids, codes, np.zeros(len(codes), np.int32))], 1)

    def use(self, threads: int) -> None:
        """Let one search use so many threads."""
        self.threads = threads
        self.index.use_threads(threads)

    def search(self, queries: Codes, radius: int) -> list[Ids]:
        """See ``Engine``."""
        hits = self.index.search(queries, radius)
        return _by_query(hits.ids, hits.offsets)

    def nbytes(self) -> int:
        """See ``Engine``: as its own statistics say."""
        return sum(self.index.stats().bytes.values())


class _Faiss:
    """A binary index of FAISS, on one thread: its batches are its own affair."""

    threads = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self._before = 0

    def make(self, codes: Codes, radius: int) -> Any:  # noqa: ANN401 - FAISS is untyped
        raise NotImplementedError

    def build(self, codes: Codes, radius: int) -> None:
        self._before = resident()
        faiss.omp_set_num_threads(1)
        self.index = self.make(codes, radius)
        self.index.add(codes)
        self._held = resident() - self._before

    def search(self, queries: Codes, radius: int) -> list[Ids]:
        faiss.omp_set_num_threads(1)
        # FAISS excludes the bound itself (<), ours includes it.
        limits, _, ids = self.index.range_search(queries, radius + 1)
        return _by_query(ids, limits)

    def nbytes(self) -> int:
        return max(0, self._held)


class Flat(_Faiss):
    """FAISS Flat: every code compared, the yardstick."""

    def __init__(self) -> None:
        """Named ``faiss flat``."""
        super().__init__("faiss flat")

    def make(self, codes: Codes, radius: int) -> Any:  # noqa: ANN401, ARG002 - FAISS is untyped
        """See ``Engine``."""
        return faiss.IndexBinaryFlat(CODE_BITS)

    def nbytes(self) -> int:
        """See ``Engine``: the codes."""
        return int(self.index.ntotal) * CODE_BITS // 8


class MultiHash(_Faiss):
    """FAISS MultiHash with 16 hashes of 16 bits, as the PDQ index of ``threatexchange`` has."""

    def __init__(self) -> None:
        """Named ``faiss multihash``."""
        super().__init__("faiss multihash")

    def make(self, codes: Codes, radius: int) -> Any:  # noqa: ANN401, ARG002 - FAISS is untyped
        """See ``Engine``;

        it flips as many bits as exactness takes, which is beyond reach from 80.
        """
        index = faiss.IndexBinaryMultiHash(CODE_BITS, 16, 16)
        index.nflip = radius // 16
        return index


class Ivf(_Faiss):
    """FAISS IVF: the nearest lists of a coarse clustering."""

    def __init__(self) -> None:
        """Named ``faiss ivf``."""
        super().__init__("faiss ivf")

    def make(self, codes: Codes, radius: int) -> Any:  # noqa: ANN401, ARG002 - FAISS is untyped
        """See ``Engine``; about √n lists, of which one in 32 is read."""
        lists = max(16, int(len(codes) ** 0.5))
        self._quantizer = faiss.IndexBinaryFlat(CODE_BITS)
        index = faiss.IndexBinaryIVF(self._quantizer, CODE_BITS, lists)
        index.nprobe = max(1, lists // 32)
        index.cp.niter = 4
        index.train(codes[: 40 * lists])
        return index


class Hnsw(_Faiss):
    """FAISS HNSW: a graph of neighbours; it knows no radius."""

    def __init__(self) -> None:
        """Named ``faiss hnsw``."""
        super().__init__("faiss hnsw")

    def make(self, codes: Codes, radius: int) -> Any:  # noqa: ANN401, ARG002 - FAISS is untyped
        """See ``Engine``; 16 links a code, its usual number."""
        index = faiss.IndexBinaryHNSW(CODE_BITS, 16)
        index.hnsw.efSearch = NEIGHBOURS
        return index

    def search(self, queries: Codes, radius: int) -> list[Ids]:
        """See ``Engine``: of the nearest ``NEIGHBOURS``, those within ``radius``."""
        faiss.omp_set_num_threads(1)
        bits, ids = self.index.search(queries, NEIGHBOURS)
        return [row[near <= radius] for row, near in zip(ids, bits, strict=True)]


class Usearch:
    """usearch: another graph of neighbours, much used; it knows no radius."""

    threads = 1

    def __init__(self) -> None:
        """Named ``usearch``."""
        self.name = "usearch"

    def build(self, codes: Codes, radius: int) -> None:  # noqa: ARG002 - it knows no radius
        """See ``Engine``."""
        from usearch.index import Index

        self._index: Any = Index(ndim=CODE_BITS, metric="hamming", dtype="b1")
        self._index.add(np.arange(len(codes)), codes, threads=1)

    def search(self, queries: Codes, radius: int) -> list[Ids]:
        """See ``Engine``: of the nearest ``NEIGHBOURS``, those within ``radius``."""
        found = []
        for query in queries:
            matches = self._index.search(query, NEIGHBOURS, threads=1)
            found.append(matches.keys[matches.distances <= radius].astype(np.int64))
        return found

    def nbytes(self) -> int:
        """See ``Engine``: as its own statistics say."""
        return int(self._index.memory_usage)


class Threatexchange:
    """The PDQ index of the ``threatexchange`` library, where that is installed."""

    threads = 1

    def __init__(self) -> None:
        """Named ``threatexchange pdq``."""
        self.name = "threatexchange pdq"

    def build(self, codes: Codes, radius: int) -> None:  # noqa: ARG002 - its radius is 31
        """See ``Engine``."""
        index: Any = importlib.import_module("threatexchange.signal_type.pdq.pdq_index")

        self._before = resident()
        self._index: Any = index.PDQIndex(
            (code.tobytes().hex(), row) for row, code in enumerate(codes)
        )
        self._held = resident() - self._before

    def search(self, queries: Codes, radius: int) -> list[Ids]:  # noqa: ARG002 - its radius is 31
        """See ``Engine``; matches within 31 bits whatever ``radius`` says."""
        faiss.omp_set_num_threads(1)
        return [
            np.array([m.metadata for m in self._index.query(query.tobytes().hex())], np.int64)
            for query in queries
        ]

    def nbytes(self) -> int:
        """See ``Engine``."""
        return max(0, self._held)


def resident() -> int:
    """Memory this process holds, bytes; 0 where the system does not say."""
    gc.collect()
    # What was freed is still held unless the allocator is asked to let go; only glibc can be.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


PEERS: Final[dict[str, tuple[Callable[[], Engine], int]]] = {
    "multihash": (MultiHash, 10_000_000),
    "ivf": (Ivf, 3_000_000),
    "hnsw": (Hnsw, 200_000),
    "usearch": (Usearch, 200_000),
    "threatexchange": (Threatexchange, 1_000_000),
}
"""Engines to compare with, and the most entries each builds in minutes."""
