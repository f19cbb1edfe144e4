"""A closed loop of HTTP requests, and what answers took: p50, p99, answers a second.

Each client sends its next request when the last is answered, over one kept-alive connection, as a
fleet of busy uploaders would. Requests of several kinds are measured by turns in one run, so that
what slows the machine slows all of them. It knows requests as bytes; nothing of what they ask.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np

ROUNDS: Final = 4
"""Turns each kind of request gets, after one that is not counted."""


@dataclass(frozen=True)
class Request:
    """One kind of request, sent again and again."""

    name: str
    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class LoadRow:
    """What one kind of request took."""

    name: str
    clients: int
    answers: int
    failures: int
    """Answers that were not 2xx."""
    per_second: float
    p50_ms: float
    p99_ms: float

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


@dataclass
class _Taken:
    """What one kind of request took, over all its turns; times in seconds."""

    times: list[float] = field(default_factory=list)
    failures: int = 0
    seconds: float = 0.0


def run(
    host: str, port: int, requests: Sequence[Request], clients: int, seconds: float
) -> tuple[LoadRow, ...]:
    """Send each kind of request from ``clients`` threads for about ``seconds`` in all.

    Raises ``OSError`` if the server goes away.
    """
    taken = {request.name: _Taken() for request in requests}
    for turn in range(ROUNDS + 1):
        for request in requests:
            one = _turn(host, port, request, clients, seconds / ROUNDS if turn else 0.3)
            if turn:
                total = taken[request.name]
                total.times += one.times
                total.failures += one.failures
                total.seconds += one.seconds
    return tuple(_row(request.name, clients, taken[request.name]) for request in requests)


def _row(name: str, clients: int, taken: _Taken) -> LoadRow:
    p50, p99 = np.percentile(taken.times, [50, 99]) * 1000
    return LoadRow(
        name,
        clients,
        len(taken.times),
        taken.failures,
        len(taken.times) / taken.seconds,
        float(p50),
        float(p99),
    )


def _turn(host: str, port: int, request: Request, clients: int, seconds: float) -> _Taken:
    shares = [_Taken() for _ in range(clients)]
    errors: list[OSError | http.client.HTTPException] = []
    started = time.perf_counter()

    def loop(share: _Taken) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            while not share.times or time.perf_counter() - started < seconds:
                sent = time.perf_counter()
                connection.request(
                    request.method, request.path, request.body, dict(request.headers)
                )
                answer = connection.getresponse()
                answer.read()
                share.times.append(time.perf_counter() - sent)
                share.failures += not 200 <= answer.status < 300
        except (OSError, http.client.HTTPException) as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=loop, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise ConnectionError(f"{request.name}: {errors[0]}") from errors[0]
    return _Taken(
        [taken for share in shares for taken in share.times],
        sum(share.failures for share in shares),
        time.perf_counter() - started,
    )
