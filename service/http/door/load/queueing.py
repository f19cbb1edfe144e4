"""The order in which waiting work is begun: fair between keys, and within a key small before large.

Work has a cost. Between keys, the one whose work that was begun cost least comes next: however much
one key sends, others get as much done. Within a key, work comes in the order of what the key had
been given when it arrived plus what it costs itself: so small work overtakes large work, but not
for ever. A key that had nothing waiting gains nothing by that. Where the queue is full, the
costliest work of the key that has most of it waiting makes way.

It knows costs and keys, no threads and no clock, and is no safer than a list to use from several
threads.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_REMEMBERED: Final = 1000
"""Keys with nothing waiting, before those are forgotten that nothing is held against."""


@dataclass(eq=False)
class Waiting(Generic[T]):
    """Work in the queue."""

    item: T
    key: str
    cost: float
    tag: float
    """Where it stands among its key's work: least first."""
    queued: bool = True


@dataclass
class _Flow(Generic[T]):
    """The work of one key."""

    given: float
    """What was begun of it cost so much, beginning with what others had when it came."""
    heap: list[tuple[float, int, Waiting[T]]] = field(default_factory=list)
    count: int = 0
    """Of what waits."""
    cost: float = 0.0
    """Of what waits."""


class FairQueue(Generic[T]):
    """Waiting work, in the order it should begin."""

    def __init__(self) -> None:
        self._flows: dict[str, _Flow[T]] = {}
        self._given = 0.0  # to the key that came last, as it was chosen
        self._numbers = itertools.count()
        self._length = 0
        self.cost = 0.0
        """Of all work that waits."""

    def __len__(self) -> int:
        """How much work waits."""
        return self._length

    def push(self, item: T, key: str, cost: float) -> Waiting[T]:
        """Let ``item`` wait; ``cost`` is greater than 0."""
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= _REMEMBERED:
                self._forget()
            flow = self._flows[key] = _Flow(self._given)
        elif not flow.count:
            flow.given = max(flow.given, self._given)
        waiting = Waiting(item, key, cost, flow.given + cost)
        heapq.heappush(flow.heap, (waiting.tag, next(self._numbers), waiting))
        flow.count += 1
        flow.cost += cost
        self.cost += cost
        self._length += 1
        return waiting

    def pop(self, fits: Callable[[T], bool]) -> T | None:
        """The next work that ``fits``, taken out; ``None`` where none does."""
        for flow in sorted((one for one in self._flows.values() if one.heap), key=_given):
            for waiting in _in_order(flow.heap):
                if fits(waiting.item):
                    self.discard(waiting)
                    self._given = max(self._given, flow.given)
                    flow.given += waiting.cost
                    return waiting.item
        return None

    def charge(self, key: str, cost: float) -> None:
        """Hold against ``key`` that work of it, which was begun, cost so much more."""
        if (flow := self._flows.get(key)) is not None:
            flow.given += cost

    def discard(self, waiting: Waiting[T]) -> bool:
        """Take work out that will not be done, or is; whether it was still waiting."""
        if not waiting.queued:
            return False
        waiting.queued = False
        flow = self._flows[waiting.key]
        flow.count -= 1
        flow.cost -= waiting.cost
        self.cost -= waiting.cost
        self._length -= 1
        while flow.heap and not flow.heap[0][2].queued:
            heapq.heappop(flow.heap)
        if not flow.count:
            flow.cost = 0.0  # what is left is rounding
        if not self._length:
            self.cost = 0.0
        return True

    def crowded_by_number(self, key: str, cost: float, limit: float) -> Waiting[T] | None:
        """What should make way for new work of ``key`` where ``limit`` pieces may wait and do.

        ``None`` if the new work itself should.
        """
        flows = {name: float(flow.count) for name, flow in self._flows.items() if flow.count}
        return self._worst(flows, key, 1.0, cost, limit)

    def crowded_by_cost(self, key: str, cost: float, limit: float) -> Waiting[T] | None:
        """The same where work that costs ``limit`` may wait, and with the new one more would."""
        flows = {name: flow.cost for name, flow in self._flows.items() if flow.count}
        return self._worst(flows, key, cost, cost, limit)

    def _worst(
        self, flows: dict[str, float], key: str, share: float, cost: float, limit: float
    ) -> Waiting[T] | None:
        own = flows.get(key, 0.0) + share
        if own > limit / len(flows.keys() | {key}):
            # More than its share: only for less of its own could it be let in.
            worst = self._costliest(key) if key in flows else None
            return worst if worst is not None and worst.cost > cost else None
        others = {name: held for name, held in flows.items() if name != key}
        return self._costliest(max(others, key=others.__getitem__)) if others else None

    def _costliest(self, key: str) -> Waiting[T]:
        """Of what waits of ``key``; of several the newest."""
        waiting = (one for one in self._flows[key].heap if one[2].queued)
        return max(waiting, key=lambda one: (one[2].cost, one[1]))[2]

    def _forget(self) -> None:
        for key in [k for k, f in self._flows.items() if not f.heap and f.given <= self._given]:
            del self._flows[key]


def _given(flow: _Flow[T]) -> float:
    return flow.given


def _in_order(heap: list[tuple[float, int, Waiting[T]]]) -> Iterator[Waiting[T]]:
    # The first is nearly always the one; all need be sorted only where it does not fit.
    yield heap[0][2]
    for _, _, waiting in sorted(heap)[1:]:
        if waiting.queued:
            yield waiting
