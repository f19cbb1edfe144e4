"""One search over one part of an index: tables or scan, shared among threads.

It knows how to find a part's live rows within radii; not how parts change or which of them
there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.contract.arguments import radii_of, widest
from index.contract.hits import Collector
from index.contract.interface import Groups, Radius
from index.kernels.build.loading import kernels
from index.kernels.probing import FULL, PLAN, TABLES, TOO_MANY
from index.search.fields import of_delta, of_segment, shared
from index.search.planning import Step, scan_cost
from index.search.routing import Route, Stretch, route, rows_in
from index.search.scoring import Scorer
from index.search.scratch import Scratch
from index.search.workers import WORTH_SHARING, Workers
from index.segments.permutation import Words
from index.segments.segment import CodeSegment
from index.storage.delta import Delta
from index.storage.state import HeldSegment

Longs = NDArray[np.int64]
_Take = Callable[[Longs, Longs, Longs], None]
"""Takes columns query, row, distance."""
_Steps = list[list[Step]] | None
"""For each query, how it was answered so far; nothing when nobody asks."""

_SCANNED_TOGETHER: Final = 64
"""Most queries that share one pass over the rows: their words must stay in cache."""


def search_part(
    part: HeldSegment[CodeSegment],
    queries: Words,
    radius: Radius,
    workers: Workers,
    out: Collector,
    steps: _Steps = None,
    scorer: Scorer | None = None,
) -> None:
    """Add to ``out`` the live rows of a segment within ``radius`` of each of ``queries``.

    With a ``scorer``, those that reach the threshold of their group.
    """
    count = len(queries) // 4
    way = route(part.segment, radius, count)
    refused: Sequence[int] = ()
    own = of_segment(part.segment, part.live, way)
    if way.cut >= 0:
        within = None if way.one_radius else radius
        emit = partial(_emit_part, part, within, way.cut, out, scorer)
        refused = _through_tables(part, own.values, queries, way, workers, emit, steps)
    elif not way.scanned:
        step = Step("segment", len(part), "skip", "none of the groups asked for")
        _note(steps, range(count), step)
        return
    whole = partial(_emit_part, part, None, way.cut, out, scorer)
    if refused:
        _scan(own.values, way.served, queries, refused, workers, whole)
        why = "too many candidates in the tables"
        rows = rows_in(way.served)
        _note(steps, refused, Step("segment", len(part), "scan", why, verified=rows))
    if way.scanned:
        _scan(own.values, way.scanned, queries, range(count), workers, whole)
        rows = rows_in(way.scanned)
        step = Step("segment", len(part), "scan", way.reason, verified=rows)
        _note(steps, range(count), step)


def search_delta(
    delta: Delta,
    queries: Words,
    radius: Radius,
    workers: Workers,
    out: Collector,
    steps: _Steps = None,
    scorer: Scorer | None = None,
) -> None:
    """Add to ``out`` the live rows of a delta within ``radius`` of each of ``queries``.

    With a ``scorer``, those that reach the threshold of their group.
    """
    count, top = len(queries) // 4, widest(radius)
    if not len(delta) or top < 0:
        return

    own = of_delta(delta, radius)
    emit = partial(_emit_delta, delta, radius, out, scorer)
    _scan(own.values, ((0, len(delta), top),), queries, range(count), workers, emit)
    step = Step("delta", len(delta), "scan", "not yet in a segment", verified=len(delta))
    _note(steps, range(count), step)


def _emit_part(
    part: HeldSegment[CodeSegment],
    radius: Radius | None,
    cut: int,
    out: Collector,
    scorer: Scorer | None,
    asked: Longs,
    rows: Longs,
    distances: Longs,
) -> None:
    """Hand a part's rows to ``out``.

    With a ``radius``, only those within their own group's, and only if that is at most ``cut``:
    groups beyond it are scanned, and their rows come that way.
    """
    groups, bits = part.segment.groups_of(rows), distances.astype(np.int32)
    if radius is not None:
        allowed = radii_of(groups, radius)
        kept = (bits <= allowed) & (allowed <= cut)
        asked, rows, groups, bits = asked[kept], rows[kept], groups[kept], bits[kept]
    _emit(part.segment, out, scorer, asked, rows, groups, bits)


def _emit_delta(
    delta: Delta,
    radius: Radius,
    out: Collector,
    scorer: Scorer | None,
    asked: Longs,
    rows: Longs,
    distances: Longs,
) -> None:
    """Hand a delta's rows to ``out``, those within their own group's ``radius``."""
    groups, bits = delta.groups[rows], distances.astype(np.int32)
    if isinstance(radius, Mapping):
        kept = bits <= radii_of(groups, radius)
        asked, rows, groups, bits = asked[kept], rows[kept], groups[kept], bits[kept]
    _emit(delta, out, scorer, asked, rows, groups, bits)


def _emit(
    holder: CodeSegment | Delta,
    out: Collector,
    scorer: Scorer | None,
    asked: Longs,
    rows: Longs,
    groups: Groups,
    bits: NDArray[np.int32],
) -> None:
    """Hand rows to ``out``, those that reach the threshold where there is a ``scorer``."""
    if scorer is None:
        out.add(asked, holder.ids[rows], groups, bits)
        return
    head, tail = (column[rows] for column in holder.columns)
    scores = scorer.of_words(asked, head, tail)
    kept = scorer.matching(groups, scores)
    out.add(asked[kept], holder.ids[rows[kept]], groups[kept], bits[kept], scores[kept])


def _through_tables(
    part: HeldSegment[CodeSegment],
    fields: Longs,
    queries: Words,
    way: Route,
    workers: Workers,
    emit: _Take,
    steps: _Steps,
) -> Sequence[int]:
    """Emit what the tables lead to; returns the queries with too many candidates."""
    count = len(queries) // 4
    if count > 1 or way.cost < WORTH_SHARING or workers.threads < 2:
        plan = np.zeros(PLAN * count, np.int64)

        def probe(first: int, last: int) -> None:
            _probe(fields, queries, (first, last), (0, TABLES), workers, plan, emit)

        if count > 1:
            workers.share(probe, count, way.cost * count)
        else:
            probe(0, 1)
            if steps is None:
                return (0,) if plan[0] == TOO_MANY else ()
        plans = plan.reshape(1, count, PLAN)
    else:
        plans = _shared_query(fields, queries, way, workers, emit)
    too_many = (plans[:, :, 0] == TOO_MANY).any(axis=0)
    if steps is not None:
        for query in np.flatnonzero(~too_many).tolist():
            steps[query].append(_step(len(part), plans[:, query]))
    refused: list[int] = np.flatnonzero(too_many).tolist()
    return refused


def _shared_query(
    fields: Longs, queries: Words, way: Route, workers: Workers, emit: _Take
) -> NDArray[np.int64]:
    """One query, its tables shared among threads;

    returns the plan of each: int64 (shares, 1, n).
    """
    plans: list[Longs] = []
    found: list[tuple[Longs, Longs, Longs]] = []

    def probe(first: int, last: int) -> None:
        plan = np.zeros(PLAN, np.int64)
        plans.append(plan)
        keep = lambda *columns: found.append(columns)  # noqa: E731 - used in the next line alone
        _probe(fields, queries, (0, 1), (first, last), workers, plan, keep)

    workers.share(probe, TABLES, way.cost)
    # One share may have met too many candidates where another did not: then all is scanned.
    if not any(plan[0] == TOO_MANY for plan in plans):
        for columns in found:
            emit(*columns)
    return np.stack(plans)[:, None]


def _probe(
    fields: Longs,
    queries: Words,
    asked: tuple[int, int],
    tables: tuple[int, int],
    workers: Workers,
    plan: Longs,
    emit: _Take,
) -> None:
    """Run the kernel over some queries and tables, with as much output as it turns out to need."""
    at, last = asked
    ends = np.zeros(last, np.int64)
    with workers.scratch.taken() as scratch:
        scratch.for_tables()
        while at < last:
            start = at
            at = kernels().probe(
                queries, fields, shared(), start, last, *tables, scratch.desk, scratch.ranges,
                scratch.waiting, scratch.rows, scratch.distances, ends, plan
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
    fields: Longs,
    stretches: tuple[Stretch, ...],
    queries: Words,
    asked: Sequence[int],
    workers: Workers,
    emit: _Take,
) -> None:
    """Emit the live rows of each stretch within its radius of each query that is ``asked``."""
    total = rows_in(stretches)
    for start in range(0, len(asked), _SCANNED_TOGETHER):
        numbers = np.array(asked[start : start + _SCANNED_TOGETHER], np.int64)
        words = queries.reshape(-1, 4)[numbers].reshape(-1)

        def scan(first: int, last: int, numbers: Longs = numbers, words: Words = words) -> None:
            with workers.scratch.taken() as scratch:
                scratch.for_scan(len(numbers))
                state = np.zeros(1, np.int64)
                for row, high, bits in _clipped(stretches, first, last):
                    while row < high:
                        row = kernels().scan(
                            fields, row, high, words, bits, scratch.queries, scratch.rows,
                            scratch.distances, state
                        )  # fmt: skip
                        if row < high:
                            _drain(scratch, state, numbers, emit)
                _drain(scratch, state, numbers, emit)

        workers.share(scan, total, len(numbers) * scan_cost(total, len(numbers)))


def _drain(scratch: Scratch, state: Longs, numbers: Longs, emit: _Take) -> None:
    """Hand on what a scan has put out, and begin anew."""
    found = int(state[0])
    state[0] = 0
    if found:
        emit(
            numbers[scratch.queries[:found]],
            scratch.rows[:found].copy(),
            scratch.distances[:found].copy(),
        )


def _clipped(stretches: Iterable[Stretch], first: int, last: int) -> Iterator[Stretch]:
    """The stretches' rows number ``first`` up to but not ``last``, counted over all of them."""
    before = 0
    for low, high, bits in stretches:
        begin, end = max(first - before, 0), min(last - before, high - low)
        if begin < end:
            yield low + begin, low + end, bits
        before += high - low


def _step(rows: int, plans: Longs) -> Step:
    """What the shares of one query did: int64 (shares, PLAN)."""
    one = plans[0]
    return Step(
        "segment",
        rows,
        "tables",
        "the quicker way at this radius",
        tuple(one[4:].tolist()),
        int(one[1]),
        int(plans[:, 2].sum()),
        int(plans[:, 3].sum()),
    )


def _note(steps: _Steps, queries: Iterable[int], step: Step) -> None:
    if steps is not None:
        for query in queries:
            steps[query].append(step)
