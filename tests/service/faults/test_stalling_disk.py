"""The disk of SQLite's file stalls: every write waits in the kernel, and no deadline reaches it.

The file system is frozen, as an administrator would for a snapshot: that stops every write for as
long as it lasts. A disk that is slow is one that is frozen and let go again by turns.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.service.faults.history import History

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.service.conftest import Served
    from tests.service.faults.conftest import StallingDisk

Until = Callable[[Callable[[], bool]], bool]


def test_uploads_are_answered_while_the_disk_hangs(
    serve: Callable[..., Served], stalling_disk: StallingDisk, until: Until
) -> None:
    """Without waiting for provenance; the server says that it has no news of its store. Writes
    are answered once the disk is back, and what is acknowledged is there."""
    served = serve(str(stalling_disk.folder / "data"), lookup_timeout=0.5, stale_after=2)
    with served.client() as client, ThreadPoolExecutor(6) as many:
        history = History(client)
        history.begin()
        assert all(history.write(number) for number in range(20))
        with stalling_disk.frozen():
            hanging = [many.submit(history.write, number) for number in range(20, 23)]
            assert history.missed(range(20)) == []
            assert client.get("/livez").is_success
            assert not any(one.done() for one in hanging)
        assert [one.result() for one in hanging] == [True] * 3
        assert until(lambda: history.write(100))
        assert history.missed() == []
        assert until(lambda: client.get("/readyz").is_success)


def test_a_slow_disk_loses_nothing(
    serve: Callable[..., Served], stalling_disk: StallingDisk
) -> None:
    """Several write at once; each acknowledged write is in force at once, and after a restart."""
    served = serve(str(stalling_disk.folder / "data"), lookup_timeout=0.5)
    with served.client() as client, ThreadPoolExecutor(4) as many:
        history = History(client)
        history.begin()

        def write_and_look(number: int) -> bool:
            return history.write(number) and history.missed([number]) == []

        with stalling_disk.slow():
            assert all(many.map(write_and_look, range(24)))
        assert len(history.kept) == 24
    again = serve(str(stalling_disk.folder / "data"))
    with again.client() as client:
        assert History(client).missed(history.kept) == []
