"""Notices a key that feels its way along the edge of a radius, as one does who wants a listed code.

Whoever may ask whether a code of their own choosing matches learns one bit of a listed code by
asking twice, just within the radius and just beyond it, even where no distance is ever shown. What
gives them away is that many different questions come to lie at the edge of one entry's radius: the
copies that people upload lie nearer, and chance matches are spread over entries. One key doing so
is an alarm: a count, a line in the log, and a health check that names the key to operators. No
query is refused for it, since that would be a way to have a platform's own key refused.

It keeps nothing of queries but hashes, for an hour.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.domain.health import Health
from service.replica.matcher import Answer

CHECK: Final = "probing"
WINDOW: Final = 3600.0
"""Seconds in which questions are counted together."""

_EDGE: Final = 1
"""Bits within the radius that count as its edge: of two questions that differ in one bit, the one
that matches lies there."""
_ENTRIES: Final = 4096
"""Of a key, whose edges are watched; the one that was met least lately goes."""
_NAMED: Final = 5


@dataclass
class _Watch:
    since: float
    edges: OrderedDict[int, set[int]] = field(default_factory=OrderedDict)
    """Entry id to the questions that lay at the edge of its radius."""
    alarmed: bool = False


class Probing:
    """Counts questions at the edge by key and entry; safe to use from several threads."""

    def __init__(
        self,
        health: Health,
        questions: int,
        alarm: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``questions`` of one key at the edge of one entry within an hour are an alarm, 0: none
        ever is; ``alarm`` is called for each key, and ``health`` told."""
        self._health, self._questions, self._alarm, self._clock = health, questions, alarm, clock
        self._keys: dict[str, _Watch] = {}
        self._lock = threading.Lock()
        health.sound(CHECK)

    def saw(self, key: str, answer: Answer) -> None:
        """Note what ``key`` was answered, that is shown no distances."""
        if not self._questions:
            return
        for row in answer.decision.rows:
            found = row.found
            signals = answer.query.signals
            one = signals.first(found.signal, found.space)
            asked = None if one is None else one.value
            near = found.radius > _EDGE and found.radius - found.distance <= _EDGE
            if found.score is not None and found.threshold is not None:
                asked = signals.descriptors.get(found.space)
                near = asked is not None and found.score - found.threshold <= _step(asked)
            if near and asked is not None:
                self._at_edge(key, found.id, hash((found.signal, found.space, asked)))

    def calm(self) -> None:
        """Forget what is older than an hour; to be called now and then."""
        with self._lock:
            old = self._clock() - WINDOW
            self._keys = {key: watch for key, watch in self._keys.items() if watch.since > old}
            self._tell()

    def _at_edge(self, key: str, entry: int, question: int) -> None:
        with self._lock:
            now = self._clock()
            watch = self._keys.get(key)
            if watch is None or now - watch.since > WINDOW:
                watch = self._keys[key] = _Watch(now)
            if watch.alarmed:
                return
            questions = watch.edges.setdefault(entry, set())
            watch.edges.move_to_end(entry)
            if len(watch.edges) > _ENTRIES:
                watch.edges.popitem(last=False)
            questions.add(question)
            if len(questions) >= self._questions:
                watch.alarmed = True
                watch.edges.clear()
                self._alarm()
                self._tell()

    def _tell(self) -> None:
        alarmed = sorted(key for key, watch in self._keys.items() if watch.alarmed)
        if not alarmed:
            self._health.sound(CHECK)
            return
        named = ", ".join(alarmed[:_NAMED]) + (" and others" if alarmed[_NAMED:] else "")
        self._health.degraded(
            CHECK,
            "a key asks again and again at the edge of a radius",
            f"{self._questions} or more different questions at one entry, of {named}",
        )


def _step(descriptor: bytes) -> int:
    """By how much its score can change at most if one of its numbers changes its sign: of what is
    scored, what lies within that of the threshold is at the edge."""
    return 2 * int(np.abs(np.frombuffer(descriptor, np.int8)).max(initial=0))
