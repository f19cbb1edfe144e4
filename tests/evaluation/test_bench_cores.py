"""What cores gain is counted from work that was done, and shared out by Amdahl's law."""

from __future__ import annotations

import threading

import pytest

from evaluation.speed.cores import serial_share, together


@pytest.mark.parametrize(
    ("gain", "workers", "share"),
    [
        (2.0, 2, 0.0),
        (1.0, 2, 1.0),
        (1.6, 2, 0.25),
        (2.5, 4, 0.2),
        # Noise, or threads that only get in each other's way.
        (2.1, 2, 0.0),
        (0.4, 2, 1.0),
        # One core shows nothing.
        (1.0, 1, 0.0),
    ],
)
def test_the_serial_share_is_amdahls(gain: float, workers: int, share: float) -> None:
    assert serial_share(gain, workers) == pytest.approx(share)


def test_all_threads_work_at_the_same_time_and_share_the_pieces() -> None:
    """Each of three threads waits in its first piece until all are there."""
    all_there = threading.Barrier(3)
    begun, done = set[int](), [0, 0]

    def piece(number: int) -> None:
        if threading.get_ident() not in begun:
            begun.add(threading.get_ident())
            all_there.wait(timeout=60)
        done[number] += 1

    work = [lambda: piece(0), lambda: piece(1)]
    assert together(work, threads=3, seconds=0.05) > 0
    assert len(begun) == 3
    assert min(done) > 0
