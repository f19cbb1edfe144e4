"""One query against all parts in one call, where that is the way: see ``answering``.

What a state looks like to the kernel is worked out once for each radius and kept with the state. It
knows when a query is quick; not how the others are answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from embeddings.codes import Codes
from index.answering import NOT_HERE, OUTPUT
from index.arguments import widest
from index.fields import Longs, of_delta, of_segment, shared
from index.hits import Collector
from index.interface import Hits, Radius
from index.kernels import kernels
from index.planning import scan_cost
from index.routing import route, rows_in
from index.searching import Emit, emit_delta, emit_part
from index.state import State
from index.workers import WORTH_SHARING, Workers

_KEPT: Final = 64
"""Radii kept with a state before they are forgotten."""
_BYTE: Final = np.dtype(np.uint8)
_NOTHING: Final = Hits(
    np.zeros(2, np.int64), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32)
)
"""The answer to one query that matches nothing; shared, so not to be written to."""
for _column in (_NOTHING.offsets, _NOTHING.ids, _NOTHING.groups, _NOTHING.distances):
    _column.flags.writeable = False


@dataclass(frozen=True, eq=False)
class Quick:
    """A state at one radius, ready for the kernel."""

    usable: bool
    fields: Longs
    emits: tuple[Emit, ...]
    """What takes the rows of each part that are found; it needs a collector first."""
    owners: tuple[object, ...]


def quick(
    state: State, codes: Codes, radius: Radius, limit: int | None, workers: Workers
) -> Hits | None:
    """The answer to one query; none if it must be asked another way."""
    if codes.dtype is not _BYTE or codes.shape != (1, 32) or not codes.flags.c_contiguous:
        return None
    key = frozenset(radius.items()) if isinstance(radius, Mapping) else radius
    ready: Quick | None = state.quick.get(key)
    if ready is None:
        ready = _ready(state, radius, workers)
        if len(state.quick) >= _KEPT:
            state.quick.clear()
        state.quick[key] = ready
    if not ready.usable:
        return None
    memory = workers.scratch.take_memory()
    try:
        found = kernels().answer(codes, ready.fields, shared(), memory)
        if found == 0:
            return _NOTHING
        if found == NOT_HERE:
            return None
        parts, rows, distances = (memory[at : at + found] for at in (0, OUTPUT, 2 * OUTPUT))
        return _gathered(ready, limit, parts, rows, distances)
    finally:
        workers.scratch.give_memory(memory)


def _gathered(ready: Quick, limit: int | None, parts: Longs, rows: Longs, distances: Longs) -> Hits:
    out = Collector(1, limit)
    for number in np.unique(parts).tolist():
        mine = parts == number
        ready.emits[number](out, np.zeros(int(mine.sum()), np.int64), rows[mine], distances[mine])
    return out.hits()


def _ready(state: State, radius: Radius, workers: Workers) -> Quick:
    fields: list[Longs] = [np.empty(0, np.int64)]
    emits: list[Emit] = []
    owners: list[object] = []
    cost, mixed = 0.0, False
    for part in state.parts:
        way = route(part.segment, radius, 1)
        if way.cut < 0 and not way.scanned:
            continue
        cost += way.cost + scan_cost(rows_in(way.scanned), 1)
        mixed = mixed or (way.cut >= 0 and bool(way.scanned))
        whole = way.one_radius or way.cut < 0
        own = of_segment(part.segment, part.live, way)
        fields.append(own.values)
        owners.append(own)
        emits.append(partial(emit_part, part, None if whole else radius, way.cut))
    top = widest(radius)
    if len(state.delta) and top >= 0:
        cost += scan_cost(len(state.delta), 1)
        own = of_delta(state.delta, top)
        fields.append(own.values)
        owners.append(own)
        emits.append(partial(emit_delta, state.delta, radius))
    # Rows that come both ways must be told apart, which the kernel does not.
    usable = not mixed and (workers.threads < 2 or cost < WORTH_SHARING)
    return Quick(usable, np.concatenate(fields), tuple(emits), tuple(owners))
