"""The bounded pool."""

from __future__ import annotations

import asyncio
import threading

import pytest

from service.errors import OverloadedError
from service.pool import WorkPool


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
