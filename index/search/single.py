"""One query against all parts in one call, where that is the way: see ``answering``.

What a state looks like to the kernel is worked out once for each radius and kept with the state. It
knows when a query is quick; not how the others are answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from embeddings.codes import CODE_BYTES, Codes
from index.contract.arguments import widest
from index.contract.interface import Hits, Radius
from index.kernels.build.loading import kernels
from index.kernels.single import MEMORY, OUTPUT
from index.search.fields import Longs, of_delta, of_segment, shared
from index.search.planning import scan_cost
from index.search.routing import route, rows_in
from index.search.workers import WORTH_SHARING, Workers
from index.segments.segment import CodeSegment
from index.storage.state import State

_KEPT: Final = 64
"""Radii kept with a state before they are forgotten."""
_BYTE: Final = np.dtype(np.uint8)
_ONE: Final = (1, CODE_BYTES)
_NOTHING: Final = Hits(
    np.zeros(2, np.int64), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32)
)
"""The answer to one query that matches nothing; shared, so not to be written to."""
for _column in (_NOTHING.offsets, _NOTHING.ids, _NOTHING.groups, _NOTHING.distances):
    _column.flags.writeable = False


class Quick:
    """A state at one radius, ready for the kernel.

    Its call is written for cold caches: every object it touches costs a query more than a bucket
    does.
    """

    __slots__ = ("_given", "_kernel", "_memories", "_owners")

    def __init__(self, fields: Longs, owners: Sequence[object], workers: Workers) -> None:
        """``fields``: of the parts; ``owners``: what their addresses point into."""
        common = shared()
        self._owners = (*owners, fields, common)
        self._kernel = kernels().answer.at
        self._given = (fields.ctypes.data, fields.size, common.ctypes.data, common.size)
        self._memories = workers.scratch.memories

    def answer(self, codes: Codes, limit: int | None) -> Hits | None:
        """The matches of one query; none if it must be asked another way, or is not one."""
        if codes.shape != _ONE or codes.dtype is not _BYTE or not codes.flags.c_contiguous:
            return None
        try:
            memory, place = self._memories.pop()
        except IndexError:
            memory = np.empty(MEMORY, np.int64)
            place = memory.ctypes.data
        found = self._kernel(codes.ctypes.data, CODE_BYTES, *self._given, place, MEMORY)
        hits: Hits | None = None
        if found == 0:
            hits = _NOTHING
        elif found > 0 and (limit is None or found <= limit):
            hits = Hits(
                np.array((0, found), np.int64),
                memory[:found].copy(),
                memory[OUTPUT : OUTPUT + found].astype(np.int32),
                memory[2 * OUTPUT : 2 * OUTPUT + found].astype(np.int32),
            )
        self._memories.append((memory, place))
        return hits


def ready(state: State[CodeSegment], radius: Radius, workers: Workers) -> Quick | None:
    """What answers one query at ``radius`` in ``state``; none if that is not the quick way."""
    key = frozenset(radius.items()) if isinstance(radius, Mapping) else radius
    if key not in state.quick:
        if len(state.quick) >= _KEPT:
            state.quick.clear()
        state.quick[key] = _ready(state, radius, workers)
    kept: Quick | None = state.quick.get(key)
    return kept


def _ready(state: State[CodeSegment], radius: Radius, workers: Workers) -> Quick | None:
    fields: list[Longs] = [np.empty(0, np.int64)]
    owners: list[object] = []
    cost = 0.0
    for part in state.parts:
        way = route(part.segment, radius, 1)
        if way.cut >= 0 or way.scanned:
            cost += way.cost + scan_cost(rows_in(way.scanned), 1)
            own = of_segment(part.segment, part.live, way, None if way.one_radius else radius)
            fields.append(own.values)
            owners.append(own)
    if len(state.delta) and widest(radius) >= 0:
        cost += scan_cost(len(state.delta), 1)
        own = of_delta(state.delta, radius)
        fields.append(own.values)
        owners.append(own)
    if workers.threads > 1 and cost >= WORTH_SHARING:
        return None
    return Quick(np.concatenate(fields), owners, workers)
