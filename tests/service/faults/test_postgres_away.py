"""PostgreSQL stops answering: its processes are frozen, or the network drops every packet.

Neither closes a connection, so nothing but a deadline of our own ends a wait. A deadline that does
not hold shows as a client of these tests that waits for longer than ``PATIENT``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

pytestmark = pytest.mark.slow

PATIENT = 60
"""Seconds: many times what the deadlines below add up to."""

DEADLINES = {
    "connect_timeout": 2,
    "statement_timeout": 1,
    "lookup_timeout": 0.5,
    "busy_timeout": 1,
    "shutdown_timeout": 8,
}


class Fault(Protocol):
    """A way for the database to be away."""

    url: str

    def begin(self) -> None: ...

    def end(self) -> None: ...


class Server(Protocol):
    """PostgreSQL, as the fixture gives it."""

    folder: Path

    def new_schema(self, host: str | None = None) -> str: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


@dataclass
class Frozen:
    """Every process of the server is stopped."""

    server: Server
    url: str

    def begin(self) -> None:
        self.server.freeze()

    def end(self) -> None:
        self.server.thaw()


@dataclass
class Dropped:
    """Between client and server nothing passes any more, and nobody is told."""

    target: Path
    listener: socket.socket
    url: str = ""
    passing: threading.Event = field(default_factory=threading.Event)
    opened: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self.passing.clear()

    def end(self) -> None:
        for one in self.opened:  # whoever held on to an old connection learns that it is gone
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.passing.set()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.target))
            self.opened += [client, server]
            for ends in ((client, server), (server, client)):
                self.threads.append(threading.Thread(target=self._pass, args=ends))
                self.threads[-1].start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self.passing.wait()
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["frozen", "dropped"])
def fault(request: pytest.FixtureRequest, fragile_postgres: Server) -> Iterator[Fault]:
    if request.param == "frozen":
        yield Frozen(fragile_postgres, fragile_postgres.new_schema())
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dropped = Dropped(fragile_postgres.folder / ".s.PGSQL.5432", listener)
        port = listener.getsockname()[1]
        dropped.url = fragile_postgres.new_schema(f"127.0.0.1:{port}")
        dropped.passing.set()
        accepting = threading.Thread(target=dropped.accept)
        accepting.start()
        try:
            yield dropped
        finally:
            dropped.end()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *dropped.threads):
                thread.join()
            for one in dropped.opened:
                one.close()


@contextlib.contextmanager
def away(fault: Fault) -> Iterator[None]:
    fault.begin()
    try:
        yield
    finally:
        fault.end()


def listed(number: int) -> dict[str, Any]:
    return {"signals": {"sha256": number.to_bytes(32, "big").hex()}}


def patiently(ask: Callable[[], bool]) -> bool:
    """Whether ``ask`` came to be true."""
    until = time.monotonic() + PATIENT
    while time.monotonic() < until:
        if ask():
            return True
    return False


def test_it_is_answered_without_and_comes_back_by_itself(
    fault: Fault, serve: Callable[..., Any]
) -> None:
    """Listed is still answered as listed, by many at once, without provenance; the process lives,
    is not called sound, and refuses writes. Afterwards all of it is there again, and with it every
    write that was ever acknowledged."""
    served = serve(database_url=fault.url, **DEADLINES)
    with served.client() as client, ThreadPoolExecutor(16) as many:
        client.timeout = httpx.Timeout(PATIENT)
        client.post("/v1/banks", json={"name": "a"}).raise_for_status()
        entries = "/v1/banks/a/entries"
        kept = [0]
        client.post(entries, json=listed(0)).raise_for_status()

        def match(number: int) -> dict[str, Any]:
            answer = client.post("/v1/match", json=listed(number))
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        def write(number: int) -> bool:
            answer = client.post(entries, json=listed(number))
            assert answer.status_code in (201, 409, 503), answer.text
            if answer.status_code == 201:
                kept.append(number)
            return bool(answer.status_code == 201)

        assert match(0)["matches"][0]["provenance"]["provider"] == "local"
        with away(fault):
            for answer in many.map(match, [0] * 48):
                assert (answer["verdict"], answer["truncated"]) == ("block", True)
            assert client.get("/livez").is_success
            assert not any(many.map(write, range(1, 25)))
            assert patiently(lambda: bool(served.services.replica.failing))
        assert patiently(lambda: "provenance" in (match(0)["matches"] or [{}])[0])
        assert patiently(lambda: write(100))
        assert patiently(lambda: not served.services.replica.failing)
        for number in kept:
            assert match(number)["verdict"] == "block"
        there = {one["signals"]["sha256"] for one in client.get(entries).json()["entries"]}
    assert there >= {listed(number)["signals"]["sha256"] for number in kept}


def test_a_signal_to_end_ends_it(fault: Fault, tmp_path: Path) -> None:
    """Even with uploads, writes and a look for changes waiting for a database that is away."""
    key = secrets.token_hex(8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        **{f"LOOKALIKE_{name.upper()}": str(value) for name, value in DEADLINES.items()},
        # Longer than the test is patient: only the end itself ends these waits.
        "LOOKALIKE_STATEMENT_TIMEOUT": "600",
        "LOOKALIKE_LOOKUP_TIMEOUT": "60",
        "LOOKALIKE_ADMIN_KEY": key,
        "LOOKALIKE_DATABASE_URL": fault.url,
        "LOOKALIKE_DATA_DIR": str(tmp_path / "data"),
    }
    others = {k: v for k, v in os.environ.items() if not k.startswith("LOOKALIKE_")}
    command = [sys.executable, "-m", "service.cli", "serve", "--port", str(port)]
    with subprocess.Popen(
        command, env={**others, **settings}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            while "startup complete" not in (line := process.stderr.readline()):
                assert line, "it did not start"
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=PATIENT,
                trust_env=False,
            ) as client:
                client.post("/v1/banks", json={"name": "a"}).raise_for_status()
                client.post("/v1/banks/a/entries", json=listed(0)).raise_for_status()
                with away(fault), ThreadPoolExecutor(2) as many:
                    waiting = [
                        many.submit(client.post, "/v1/match", json=listed(0)),
                        many.submit(client.post, "/v1/banks/a/entries", json=listed(1)),
                    ]
                    status = client.get("/v1/status").json()
                    assert patiently(lambda: client.get("/v1/status").json() != status)
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(PATIENT) in (0, 1, -signal.SIGTERM)
                    for one in waiting:
                        with contextlib.suppress(httpx.TransportError):
                            assert one.result().status_code != 201
        finally:
            process.kill()
