"""The bounded pool."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from service.domain.errors import CallerGoneError, OverloadedError, TooLateError
from service.http.door.load.pool import Task, WorkPool


def test_work_beyond_the_queue_is_refused_at_once() -> None:
    """One runs, one waits, the third is refused; room comes back when work is done."""
    pool = WorkPool("test", workers=1, queue=1)
    gate = threading.Event()

    async def scenario() -> None:
        running = [asyncio.create_task(pool.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await pool.run(lambda: None)
        gate.set()
        assert await asyncio.gather(*running) == [True, True]
        assert await pool.run(lambda: 7) == 7

    asyncio.run(scenario())
    pool.close()
    assert pool.pending == 0


def test_work_whose_caller_left_still_counts_until_it_is_done() -> None:
    """A client that hangs up does not make room for more work than there are threads."""
    pool = WorkPool("test", workers=1, queue=0)
    gate, started = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        gate.wait()

    async def scenario() -> None:
        task = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(OverloadedError):
            await pool.run(lambda: None)

    asyncio.run(scenario())
    assert pool.pending == 1
    gate.set()
    pool.close()
    assert pool.pending == 0


def test_errors_come_through() -> None:
    """As they were raised."""
    pool = WorkPool("test", workers=1, queue=0)

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(pool.run(fail))
    pool.close()


def test_work_waits_no_longer_than_it_may() -> None:
    """Nor is it begun afterwards."""
    pool = WorkPool("test", workers=1, queue=4)
    gate, begun = threading.Event(), list[int]()

    async def scenario() -> None:
        running = asyncio.create_task(pool.run(gate.wait))
        await asyncio.sleep(0)
        with pytest.raises(TooLateError):
            await pool.run(lambda: begun.append(1), Task(seconds=0.01))
        gate.set()
        await running
        await pool.run(lambda: begun.append(2))

    asyncio.run(scenario())
    pool.close()
    assert begun == [2]


def test_work_is_not_begun_for_nobody() -> None:
    """Neither where the caller was cancelled, nor where its client hung up."""
    pool = WorkPool("test", workers=1, queue=4)
    gate, begun = threading.Event(), list[int]()

    async def scenario() -> None:
        running = asyncio.create_task(pool.run(gate.wait))
        cancelled = asyncio.create_task(pool.run(lambda: begun.append(1)))
        gone = asyncio.create_task(pool.run(lambda: begun.append(2), Task(gone=lambda: True)))
        here = asyncio.create_task(pool.run(lambda: begun.append(3), Task(gone=lambda: False)))
        await asyncio.sleep(0)
        assert pool.pending == 4
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert pool.pending == 3
        gate.set()
        with pytest.raises(CallerGoneError):
            await gone
        await asyncio.gather(running, here)

    asyncio.run(scenario())
    pool.close()
    assert begun == [3]


def test_one_worker_is_left_for_what_is_not_heavy() -> None:
    """However much heavy work waits, and however long it has."""
    pool = WorkPool("test", workers=2, queue=10, heavy=10)
    gate = threading.Event()

    async def scenario() -> None:
        heavy = [asyncio.create_task(pool.run(gate.wait, Task(cost=11))) for _ in range(5)]
        await asyncio.sleep(0)
        assert await pool.run(lambda: 7, Task(cost=1)) == 7
        assert not any(task.done() for task in heavy)
        gate.set()
        assert await asyncio.gather(*heavy) == [True] * 5

    asyncio.run(scenario())
    pool.close()


def test_memory_is_bounded_in_all_and_one_alone_may_have_more() -> None:
    """What does not fit waits until something ends; what takes none goes before it."""
    pool = WorkPool("test", workers=3, queue=10, memory=100)
    gates = [threading.Event() for _ in range(3)]
    most: list[int] = []

    def work(n: int) -> int:
        most.append(pool.memory_taken)
        gates[n].wait()
        return n

    async def scenario() -> None:
        memories = (60, 60, 1000)
        tasks = [
            asyncio.create_task(pool.run(partial(work, n), Task(memory=memory)))
            for n, memory in enumerate(memories)
        ]
        await asyncio.sleep(0)
        assert await pool.run(lambda: 7) == 7
        for n, gate in enumerate(gates):
            gate.set()
            assert await tasks[n] == n

    asyncio.run(scenario())
    pool.close()
    assert most == [60, 60, 1000]


def test_what_needs_much_memory_is_overtaken_only_so_often() -> None:
    """Small ones that take turns, and never leave it room, must not keep it waiting for ever; what
    takes no memory is not held up by it."""
    pool = WorkPool("test", workers=2, queue=100, memory=100)
    gate, done = threading.Event(), list[int]()

    async def scenario() -> None:
        holding = asyncio.create_task(pool.run(gate.wait, Task(memory=50)))
        await asyncio.sleep(0)
        large = asyncio.create_task(pool.run(lambda: done.append(-1), Task(memory=100)))
        await asyncio.sleep(0)
        small = [
            asyncio.create_task(
                pool.run(partial(done.append, n), Task(cost=2.0, memory=1))  # behind the large one
            )
            for n in range(40)
        ]
        while len(done) < 16:
            await asyncio.sleep(0)
        assert await pool.run(lambda: 7) == 7
        assert done == list(range(16))
        gate.set()
        await asyncio.gather(holding, large, *small)

    asyncio.run(scenario())
    pool.close()
    assert done[16] == -1
    assert sorted(done) == list(range(-1, 40))


def test_what_work_cost_beyond_its_price_is_paid_by_its_key() -> None:
    """Known only when it is done: another key goes first, until as much was done for that."""
    pool = WorkPool("test", workers=1, queue=100)
    gate, order = threading.Event(), list[str]()

    async def scenario() -> None:
        paid = Task("dear", 1.0, owed=lambda result: 9.0 if result else 0.0)
        await pool.run(lambda: True, paid)
        holding = asyncio.create_task(pool.run(gate.wait, Task("gate", 1.0)))
        await asyncio.sleep(0)
        waiting = [
            asyncio.create_task(pool.run(partial(order.append, key), Task(key, 1.0)))
            for key in ["dear", "cheap"] * 12
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(holding, *waiting)

    asyncio.run(scenario())
    pool.close()
    assert order[:8] == ["cheap"] * 8
    assert order.index("dear") <= 11


def test_a_price_that_cannot_be_told_is_an_error_and_no_silence() -> None:
    pool = WorkPool("test", workers=1, queue=0)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(pool.run(lambda: 0, Task(owed=lambda result: 1 / result)))
    pool.close()


def test_a_full_queue_is_shared_between_keys() -> None:
    """A key that fills it loses a place to another that comes, and none to itself."""
    pool = WorkPool("test", workers=1, queue=4)
    gate, order = threading.Event(), list[str]()

    async def scenario() -> None:
        def ask(name: str, key: str) -> asyncio.Task[None]:
            return asyncio.create_task(pool.run(lambda: order.append(name), Task(key=key)))

        running = asyncio.create_task(pool.run(gate.wait))
        await asyncio.sleep(0)
        much = [ask(f"much {n}", "much") for n in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await much[4]
        little = ask("little", "little")
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await much[3]
        gate.set()
        await asyncio.gather(running, little, *much[:3])

    asyncio.run(scenario())
    pool.close()
    assert order == ["much 0", "little", "much 1", "much 2"]


def test_what_waits_is_bounded_by_its_cost() -> None:
    """But for one piece alone, whatever it costs."""
    pool = WorkPool("test", workers=1, queue=10, cost=100)
    gate = threading.Event()

    async def scenario() -> None:
        running = asyncio.create_task(pool.run(gate.wait))
        await asyncio.sleep(0)
        alone = asyncio.create_task(pool.run(lambda: 1, Task(cost=1000)))
        await asyncio.sleep(0)
        assert pool.waiting_cost == 1000
        with pytest.raises(OverloadedError):
            await pool.run(lambda: 2, Task(cost=1000))
        small = asyncio.create_task(pool.run(lambda: 3, Task(cost=1)))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await alone  # the costliest of its key makes way
        gate.set()
        assert (await running, await small) == (True, 3)

    asyncio.run(scenario())
    pool.close()
