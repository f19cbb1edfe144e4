"""The end of the server in the foreground."""

from __future__ import annotations

import signal
import threading

import pytest
import uvicorn
from fastapi import FastAPI

from service.cli.foreground import _Server


def test_a_second_signal_while_the_first_is_heeded_starts_no_second_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A supervisor may tell the process and its group at once: a handler interrupts the other."""
    server = _Server(uvicorn.Config(FastAPI()), 60.0)
    started: list[threading.Timer] = []

    def start(timer: threading.Timer) -> None:
        server.handle_exit(signal.SIGTERM, None)
        started.append(timer)

    monkeypatch.setattr(threading.Timer, "start", start)
    server.handle_exit(signal.SIGTERM, None)
    server.handle_exit(signal.SIGTERM, None)
    assert len(started) == 1
