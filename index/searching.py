"""One search over one part of an index: tables or scan, shared among threads.

It knows how to find a part's live rows within radii; not how parts change or which of them
there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS
from index.arguments import radii_of
from index.bitmap import Bitmap
from index.delta import Delta
from index.hits import Collector
from index.interface import Radius
from index.kernels import kernels
from index.permutation import Words
from index.planning import Step, allowed_candidates, masks, scan_cost, table_cost
from index.probing import FULL, MAX_RADIUS, PLAN, TABLES, TOO_MANY
from index.scratch import Scratch, ScratchPool
from index.state import Part

Longs = NDArray[np.int64]
_Emit = Callable[[Longs, Longs, Longs], None]
"""Takes columns query, row, distance."""
_T = TypeVar("_T")

_WORTH_SHARING: Final = 200_000.0
"""Nanoseconds of work from which waking another thread pays."""
_SCANNED_TOGETHER: Final = 64
"""Most queries that share one pass over the rows: their words must stay in cache."""


class Workers:
    """The threads that share searches, and their working memory."""

    def __init__(self, threads: int) -> None:
        """``threads``: how many may work on one search, the caller's included."""
        self.threads = threads
        self.scratch = ScratchPool()
        self._pool = ThreadPoolExecutor(threads - 1, "search") if threads > 1 else None

    def share(self, work: Callable[[int, int], _T], total: int, cost: float) -> list[_T]:
        """Call ``work(first, last)`` on slices of 0..``total``, one for each thread that pays."""
        parts = min(self.threads, total, 1 + int(cost / _WORTH_SHARING))
        if self._pool is None or parts < 2:
            return [work(0, total)]
        edges = [total * part // parts for part in range(parts + 1)]
        others = [self._pool.submit(work, edges[part], edges[part + 1]) for part in range(1, parts)]
        try:
            return [work(edges[0], edges[1]), *(other.result() for other in others)]
        finally:
            # Nothing that writes into shared arrays may outlive the call.
            for other in others:
                other.exception()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def search_part(
    part: Part,
    queries: Words,
    radius: Radius,
    workers: Workers,
    out: Collector,
    steps: list[list[Step]] | None = None,
) -> None:
    """Add to ``out`` the live rows of a segment within ``radius`` of each of ``queries``.

    ``steps``, when given, receives for each query how it was answered.
    """
    segment, count = part.segment, len(queries) // 4
    entries = len(segment)
    radii = radii_of(segment.groups, radius)
    top = int(radii.max())
    if top < 0 or not part.enabled:
        _note(steps, range(count), Step("segment", entries, "skip", "nothing here to search"))
        return
    runs = np.diff(segment.bounds)
    cut, reason = _cut(radii, runs, count, segment.has_tables)

    def emit(longs: Longs, rows: Longs, distances: Longs, low: int, high: int) -> None:
        groups = segment.groups_of(rows)
        bits = distances.astype(np.int32)
        if isinstance(radius, Mapping):
            allowed = radii_of(groups, radius)
            kept = (bits <= allowed) & (allowed > low) & (allowed <= high)
            longs, rows, groups, bits = longs[kept], rows[kept], groups[kept], bits[kept]
        out.add(longs, segment.ids[rows], groups, bits)

    refused: list[int] = []
    if cut >= 0:
        served = int(runs[(radii >= 0) & (radii <= cut)].sum())
        refused = _through_tables(
            part,
            queries,
            cut,
            allowed_candidates(cut, scan_cost(served, count)),
            workers,
            partial(emit, low=-1, high=cut),
            steps,
        )
    scans: list[tuple[Sequence[int], int, int, str]] = []
    if refused:
        scans.append((refused, -1, cut, "too many candidates in the tables"))
    if top > cut:
        scans.append((range(count), cut, top, reason))
    for asked, low, high, why in scans:
        within = np.where((radii > low) & (radii <= high), radii, -1)
        stretches = list(_stretches(segment.bounds, within))
        arrays = (segment.head, segment.tail, part.live)
        _scan(arrays, stretches, queries, asked, workers, partial(emit, low=-1, high=CODE_BITS))
        _note(steps, asked, Step("segment", entries, "scan", why, verified=_rows_in(stretches)))


def search_delta(
    delta: Delta,
    queries: Words,
    radius: Radius,
    workers: Workers,
    out: Collector,
    steps: list[list[Step]] | None = None,
) -> None:
    """Add to ``out`` the live rows of a delta within ``radius`` of each of ``queries``."""
    count = len(queries) // 4
    if not len(delta):
        return
    top = max(radius.values(), default=-1) if isinstance(radius, Mapping) else radius

    def emit(longs: Longs, rows: Longs, distances: Longs) -> None:
        groups, bits = delta.groups[rows], distances.astype(np.int32)
        kept = bits <= radii_of(groups, radius)
        out.add(longs[kept], delta.ids[rows[kept]], groups[kept], bits[kept])

    if top >= 0:
        arrays = (delta.head, delta.tail, delta.live)
        _scan(arrays, [(0, len(delta), top)], queries, range(count), workers, emit)
    step = Step("delta", len(delta), "scan", "not yet in a segment", verified=len(delta))
    _note(steps, range(count), step)


def _cut(radii: NDArray[np.int32], runs: Longs, count: int, tabled: bool) -> tuple[int, str]:
    """The radius up to which groups are served by the tables, and why the others are scanned."""
    if not tabled:
        return -1, "too few rows for tables"
    entries = int(runs.sum())
    best, least = -1, scan_cost(int(runs[radii >= 0].sum()), count)
    for bits in np.unique(radii[radii >= 0]).tolist():
        if bits > MAX_RADIUS:
            break
        beyond = int(runs[radii > bits].sum())
        cost = table_cost(entries, bits) + scan_cost(beyond, count)
        if cost < least:
            best, least = bits, cost
    return best, "a scan is the quicker way at this radius"


def _through_tables(
    part: Part,
    queries: Words,
    radius: int,
    allowed: int,
    workers: Workers,
    emit: _Emit,
    steps: list[list[Step]] | None,
) -> list[int]:
    """Emit what the tables lead to; returns the queries with too many candidates."""
    count, entries = len(queries) // 4, len(part)
    cost = table_cost(entries, radius)
    plans: list[Longs] = []

    def probe(queries_of: tuple[int, int], tables: tuple[int, int]) -> None:
        plan = np.zeros(PLAN * count, np.int64)
        plans.append(plan)
        with workers.scratch.taken() as scratch:
            _probe(part, queries, radius, allowed, queries_of, tables, scratch, plan, emit)

    if count > 1:
        workers.share(lambda first, last: probe((first, last), (0, TABLES)), count, cost * count)
    else:
        found: list[tuple[Longs, Longs, Longs]] = []
        final, emit = emit, lambda *columns: found.append(columns)
        workers.share(lambda first, last: probe((0, 1), (first, last)), TABLES, cost)
        # One thread may have met too many candidates where another did not: then all is scanned.
        if not any(plan[0] == TOO_MANY for plan in plans):
            for columns in found:
                final(*columns)
    table = np.stack(plans).reshape(len(plans), count, PLAN)
    refused = np.flatnonzero((table[:, :, 0] == TOO_MANY).any(axis=0)).tolist()
    if steps is not None:
        for query in set(range(count)) - set(refused):
            mine = table[:, query]
            row = mine[np.argmax(mine[:, 1])]
            steps[query].append(
                Step(
                    "segment",
                    entries,
                    "tables",
                    "the quicker way at this radius",
                    tuple(row[4:].tolist()),
                    int(row[1]),
                    int(mine[:, 2].sum()),
                    int(mine[:, 3].sum()),
                )
            )
    return refused


def _probe(
    part: Part,
    queries: Words,
    radius: int,
    allowed: int,
    queries_of: tuple[int, int],
    tables: tuple[int, int],
    scratch: Scratch,
    plan: Longs,
    emit: _Emit,
) -> None:
    """Run the kernel over some queries and tables, with as much output as it turns out to need."""
    segment = part.segment
    scratch.for_tables()
    at, last = queries_of
    ends = np.zeros(last, np.int64)
    while at < last:
        start = at
        at = kernels().probe(
            queries, radius, start, last, *tables, allowed, segment.offsets, segment.checks,
            segment.rows, segment.head, segment.tail, part.live, *masks(), scratch.ranges,
            scratch.waiting, scratch.rows, scratch.distances, 0, ends, plan
        )  # fmt: skip
        emitted = int(ends[at - 1]) if at > start else 0
        if emitted:
            counts = np.diff(ends[start:at], prepend=0)
            emit(
                np.repeat(np.arange(start, at), counts),
                scratch.rows[:emitted].copy(),
                scratch.distances[:emitted].copy(),
            )
        if at < last and plan[PLAN * at] == FULL and at == start:
            scratch.grow()


def _scan(
    arrays: tuple[Longs, Longs, Bitmap],
    stretches: list[tuple[int, int, int]],
    queries: Words,
    asked: Sequence[int],
    workers: Workers,
    emit: _Emit,
) -> None:
    """Emit the live rows of each stretch within its radius of each query that is ``asked``."""
    total = _rows_in(stretches)
    for start in range(0, len(asked), _SCANNED_TOGETHER):
        numbers = np.array(asked[start : start + _SCANNED_TOGETHER], np.int64)
        words = queries.reshape(-1, 4)[numbers].reshape(-1)

        def scan(first: int, last: int, numbers: Longs = numbers, words: Words = words) -> None:
            with workers.scratch.taken() as scratch:
                scratch.for_scan(len(numbers))
                state = np.zeros(1, np.int64)
                for low, high, bits in _clipped(stretches, first, last):
                    radii, row = np.full(len(numbers), bits, np.int64), low
                    while row < high:
                        row = kernels().scan(
                            *arrays, row, high, words, radii, scratch.queries, scratch.rows,
                            scratch.distances, state
                        )  # fmt: skip
                        if row < high:
                            _drain(scratch, state, numbers, emit)
                _drain(scratch, state, numbers, emit)

        workers.share(scan, total, len(numbers) * scan_cost(total, len(numbers)))


def _drain(scratch: Scratch, state: Longs, numbers: Longs, emit: _Emit) -> None:
    found = int(state[0])
    state[0] = 0
    if found:
        emit(
            numbers[scratch.queries[:found]],
            scratch.rows[:found].copy(),
            scratch.distances[:found].copy(),
        )


def _stretches(bounds: Longs, radii: NDArray[np.integer[Any]]) -> Iterator[tuple[int, int, int]]:
    """Runs of rows of neighbouring groups with one radius: first row, row after the last, bits."""
    edges = np.flatnonzero(np.diff(radii)) + 1
    for group, after in zip([0, *edges], [*edges, len(radii)], strict=True):
        if radii[group] >= 0:
            yield int(bounds[group]), int(bounds[after]), int(radii[group])


def _clipped(
    stretches: list[tuple[int, int, int]], first: int, last: int
) -> Iterator[tuple[int, int, int]]:
    """The stretches' rows number ``first`` up to but not ``last``, counted over all of them."""
    before = 0
    for low, high, bits in stretches:
        begin, end = max(first - before, 0), min(last - before, high - low)
        if begin < end:
            yield low + begin, low + end, bits
        before += high - low


def _rows_in(stretches: list[tuple[int, int, int]]) -> int:
    return sum(high - low for low, high, _ in stretches)


def _note(steps: list[list[Step]] | None, queries: Iterable[int], step: Step) -> None:
    if steps is not None:
        for query in queries:
            steps[query].append(step)
