"""Making segments out of rows.

It knows how rows become sorted arrays with tables; not where rows come from or when to build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids
from index.files.memory import allocated
from index.kernels.build.loading import kernels
from index.kernels.probing import BUCKETS, TABLES
from index.segments.permutation import Words
from index.segments.segment import CodeSegment

TABLES_FROM: Final = 32_768
"""Fewer rows than this are scanned quicker than looked up."""


def build(ids: Ids, groups: Groups, words: Words, threads: int = 1) -> CodeSegment:
    """A segment of rows in any order, with unique ``ids``; ``words`` as in ``permutation``."""
    entries = len(ids)
    rows = words.reshape(-1, 4)
    if not _sorted(groups, ids):
        by_group = np.lexsort((ids, groups))
        ids, groups, rows = ids[by_group], groups[by_group], rows[by_group]
    present, first = np.unique(groups, return_index=True)
    ascending = entries < 2 or bool((ids[1:] > ids[:-1]).all())
    order = np.empty(0) if ascending else np.argsort(ids, kind="stable")
    head, tail = allocated(2 * entries, np.int64), allocated(2 * entries, np.int64)
    flat = np.ascontiguousarray(rows).reshape(-1)
    kernels().halve(flat, head, tail)
    tabled = entries if entries >= TABLES_FROM else 0
    offsets = allocated(TABLES * (BUCKETS + 1) if tabled else 0, np.uint32)
    checks = allocated(TABLES * tabled, np.uint16)
    places = allocated(3 * TABLES * tabled, np.uint8)
    if tabled:

        def fill(table: int) -> None:
            mine = offsets[table * (BUCKETS + 1) : (table + 1) * (BUCKETS + 1)]
            kernels().count_table(flat, table, mine)
            kernels().fill_table(
                flat,
                table,
                mine,
                np.empty(BUCKETS, np.uint32),
                checks[table * entries : (table + 1) * entries],
                places[3 * table * entries : 3 * (table + 1) * entries],
            )

        each(fill, range(TABLES), threads)
    return CodeSegment(
        ids=_kept(ids, np.int64),
        order=_kept(order, np.uint32),
        groups=_kept(present, np.int32),
        bounds=_kept(np.append(first, entries), np.int64),
        head=head,
        tail=tail,
        offsets=offsets,
        checks=checks,
        rows=places,
    )


def each(work: Callable[[int], None], numbers: Iterable[int], threads: int) -> None:
    """Do ``work`` for each number, on several threads; the first failure is raised."""
    if threads <= 1:
        for number in numbers:
            work(number)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, numbers))


def _sorted(groups: Groups, ids: Ids) -> bool:
    """Whether rows are by group, then id."""
    if len(ids) < 2:
        return True
    same = groups[1:] == groups[:-1]
    return bool(((groups[1:] > groups[:-1]) | (same & (ids[1:] > ids[:-1]))).all())


def _kept(array: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    kept = allocated(len(array), kind)
    kept[:] = array
    return kept
