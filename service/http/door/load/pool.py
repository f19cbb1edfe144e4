"""Threads for work that must not run on the event loop, with a bounded queue in front.

What finds the queue full is refused at once: a client that retries later is better served than one
that waits behind a thousand others. Work waits in a fair order (``queueing``), for a limited time,
and is not begun once nobody waits for it. What it costs and how much memory it takes while it runs
is known beforehand: memory is bounded in all, what needs much of it is overtaken only so often, and
one thread is always left for work that is not heavy. What only shows when it is done is charged
then. It knows nothing of what the work is.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from service.domain.errors import CallerGoneError, OverloadedError, TooLateError
from service.http.door.load.queueing import FairQueue, Waiting

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """What is known of work before it is done."""

    key: str = ""
    """For whom it is: the queue is fair between keys."""
    cost: float = 1.0
    """In a unit that is the pool's own."""
    memory: int = 0
    """Bytes it takes while it runs."""
    seconds: float = math.inf
    """That it may wait before it is begun."""
    gone: Callable[[], bool] | None = None
    """Whether nobody waits for it any more; asked from any thread, just before it is begun."""
    owed: Callable[[Any], float] | None = None
    """By its result, what it cost beyond ``cost``: that is held against the key afterwards."""


_PLAIN: Final = Task()

_OVERTAKEN: Final = 16
"""Pieces of work that may take the memory that another, before them, waits for."""


@dataclass(eq=False)
class _Job:
    work: Callable[[], Any]
    task: Task
    answer: asyncio.Future[Any]
    """Of the loop that waits for it; whoever takes the job from the queue sees to it, alone."""
    until: float
    asked: float
    """When it came, as ``time.monotonic`` has it."""
    context: contextvars.Context
    """Of whoever asked: what is logged meanwhile belongs to that request."""
    overtaken: int = 0
    """By so many that take memory, while there was too little for this one."""

    def tell(self, result: object, error: BaseException | None = None) -> None:
        """What became of it, told from any thread."""
        try:
            self.answer.get_loop().call_soon_threadsafe(_settle, self.answer, result, error)
        except RuntimeError:  # the loop was closed: nobody waits any more
            return


class WorkPool:
    """``workers`` threads, and room for ``queue`` pieces of work to wait."""

    def __init__(
        self,
        name: str,
        workers: int,
        queue: int,
        *,
        cost: float = math.inf,
        heavy: float = math.inf,
        memory: float = math.inf,
        observe: Callable[[str, float], None] | None = None,
    ) -> None:
        """Start no thread yet; they come with the work.

        ``cost``: of all that waits, at most, unless it is one piece alone. ``heavy``: of work
        beyond which it is heavy; one worker is left for what is not, if there are two. ``memory``:
        bytes of all that runs, at most, unless it is one piece alone. ``observe``: is told how
        many seconds each piece spent in ``wait`` and in ``work``.
        """
        self._observe = observe
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._workers, self._limit, self._cost = workers, workers + queue, cost
        self._heavy, self._most_heavy = heavy, max(1, workers - 1)
        self._memory = memory
        self._lock = threading.Lock()
        self._queue: FairQueue[_Job] = FairQueue()
        self._running = self._heavy_running = self._memory_taken = 0
        self._without_room: list[_Job] = []  # as the queue is looked through, under the lock

    @property
    def pending(self) -> int:
        """Pieces of work running or waiting."""
        return self._running + len(self._queue)

    @property
    def waiting_cost(self) -> float:
        """Of all that waits."""
        return self._queue.cost

    @property
    def memory_taken(self) -> int:
        """Bytes, by what running work said of itself."""
        return self._memory_taken

    def check_room(self) -> None:
        """Raise ``OverloadedError`` if work would be refused now."""
        if self.pending >= self._limit:
            raise _overloaded()

    async def run(self, work: Callable[[], T], task: Task = _PLAIN) -> T:
        """Do ``work`` in a thread.

        Raises ``OverloadedError``, ``TooLateError``, ``CallerGoneError``, and whatever ``work``
        raises. Work whose caller went away once it had begun runs on, and counts until it is done.
        """
        loop = asyncio.get_running_loop()
        now = time.monotonic()
        until, context = now + task.seconds, contextvars.copy_context()
        job = _Job(work, task, loop.create_future(), until, now, context)
        with self._lock:
            dropped = self._make_room(task)
            waiting = self._queue.push(job, task.key, task.cost)
            # What takes no memory begins at once where a worker is free: no need of a timer.
            may_wait = self.pending > self._workers or self._held_back(task)
        for one in dropped:
            one.tell(None, _overloaded())
        try:
            self._executor.submit(self._work)
        except BaseException:
            self._discard(waiting)
            raise
        late = None
        if may_wait and task.seconds < math.inf:
            late = loop.call_later(task.seconds, self._expire, waiting)
        try:
            return cast(T, await job.answer)
        except asyncio.CancelledError:
            self._discard(waiting)
            raise
        finally:
            if late is not None:
                late.cancel()

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        with self._lock:
            dropped = []
            while (job := self._queue.pop(lambda _: True)) is not None:
                dropped.append(job)
        for job in dropped:
            job.tell(None, asyncio.CancelledError())
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _make_room(self, task: Task) -> list[_Job]:
        """What must not wait any longer so that work may. Raises ``OverloadedError``."""
        queue, dropped = self._queue, list[_Job]()
        while True:
            if self.pending >= self._limit:
                worst = queue.crowded_by_number(task.key, task.cost, self._limit - self._running)
            elif queue and queue.cost + task.cost > self._cost:
                worst = queue.crowded_by_cost(task.key, task.cost, self._cost)
            else:
                return dropped
            if worst is None:
                raise _overloaded()
            queue.discard(worst)
            dropped.append(worst.item)

    def _work(self) -> None:
        """Do what comes next, and then what comes after it, until nothing does."""
        while (job := self._next()) is not None:
            try:
                self._do(job)
            finally:
                with self._lock:
                    self._count(job.task, -1)
                    more = bool(self._queue) and self._held_back(job.task)
                if more:  # what ended may have left room for two
                    self._submit_quietly()
            del job

    def _next(self) -> _Job | None:
        with self._lock:
            self._without_room.clear()
            job = self._queue.pop(self._fits)
            if job is not None:
                self._count(job.task, 1)
                if job.task.memory:
                    for one in self._without_room:
                        one.overtaken += 1
            return job

    def _fits(self, job: _Job) -> bool:
        if job.task.cost > self._heavy and self._heavy_running >= self._most_heavy:
            return False
        if not job.task.memory:
            return True
        # Small ones that take turns would leave a large one no room for ever.
        if any(one.overtaken >= _OVERTAKEN for one in self._without_room):
            return False
        if self._memory_taken + job.task.memory <= self._memory or not self._memory_taken:
            return True
        self._without_room.append(job)
        return False

    def _held_back(self, task: Task) -> bool:
        """Whether others may have waited for this work to end, and not only for a thread."""
        return bool(task.memory) or task.cost > self._heavy

    def _count(self, task: Task, sign: int) -> None:
        self._running += sign
        self._memory_taken += sign * task.memory
        if task.cost > self._heavy:
            self._heavy_running += sign

    def _do(self, job: _Job) -> None:
        began = time.monotonic()
        if self._observe is not None:
            self._observe("wait", began - job.asked)
        if began > job.until:
            job.tell(None, _too_late())
        elif job.task.gone is not None and job.task.gone():
            job.tell(None, CallerGoneError("the caller went away before the work was begun"))
        elif not job.answer.cancelled():
            try:
                result = job.context.run(job.work)
                if job.task.owed is not None and (owed := job.task.owed(result)):
                    with self._lock:  # before its caller can come with more
                        self._queue.charge(job.task.key, owed)
            except BaseException as error:  # noqa: BLE001 (whoever waits for it gets it)
                job.tell(None, error)
            else:
                job.tell(result)
            if self._observe is not None:
                self._observe("work", time.monotonic() - began)

    def _expire(self, waiting: Waiting[_Job]) -> None:
        if self._discard(waiting):
            waiting.item.tell(None, _too_late())

    def _discard(self, waiting: Waiting[_Job]) -> bool:
        with self._lock:
            return self._queue.discard(waiting)

    def _submit_quietly(self) -> None:
        try:
            self._executor.submit(self._work)
        except RuntimeError:  # it was closed meanwhile
            return


def _settle(answer: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if answer.done():  # whoever waited has gone
        return
    if isinstance(error, asyncio.CancelledError):
        answer.cancel()
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)


def _overloaded() -> OverloadedError:
    return OverloadedError("too many requests are waiting; try again in a moment")


def _too_late() -> TooLateError:
    return TooLateError("no worker was free in time; try again in a moment")
