"""What a connection may cost before anybody knows who is calling."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from service.http.connections import protocol

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.service.conftest import Served

WELL = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def connected(served: Served, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 60, (source, 0)) as connection:
        yield connection


def said(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    out = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            out += piece
    return out


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer; the connection stays."""
    out = b""
    while b"\r\n\r\n" not in out:
        piece = connection.recv(65536)
        assert piece, out
        out += piece
    head, _, body = out.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body


def refused(served: Served, *pieces: bytes) -> tuple[int, dict[str, Any]]:
    """What is answered to ``pieces``, after which the connection is closed."""
    with connected(served) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        head, _, body = said(connection).partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower(), head
    assert b"content-type: application/problem+json" in head.lower()
    problem: dict[str, Any] = json.loads(body)
    return int(head.split()[1]), problem


@pytest.mark.parametrize(
    ("pieces", "status", "code"),
    [
        ([b"GET /livez HTTP/1.1\r\nX: ", b"a" * 20_000, b"\r\n\r\n"], 431, "headers_too_large"),
        ([b"GET /livez HTTP/1.1\r\nX: ", b"a" * 900_000], 431, "headers_too_large"),
        ([b"GET /livez HTTP/1.1\r\n", b"a: b\r\n" * 101, b"\r\n"], 431, "headers_too_large"),
        ([b"GET /livez HTTP/1.1\r\n", b"a: b\r\n" * 50_000], 431, "headers_too_large"),
        ([b"GET /livez?" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"], 414, "url_too_long"),
        ([b"GET /livez?", b"a" * 900_000], 414, "url_too_long"),
        ([b"a" * 900_000], 400, "malformed_request"),
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 400, "malformed_request"),
        ([b"GET  HTTP/1.1\r\n\r\n"], 400, "malformed_request"),
        (
            [
                b"POST /v1/match HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            ],
            400,
            "malformed_request",
        ),
    ],
    ids=range(10),
)
def test_a_request_that_takes_too_much_is_refused_and_its_connection_closed(
    served: Served, pieces: list[bytes], status: int, code: str
) -> None:
    """In the form that every other error has; others are answered as ever."""
    got, problem = refused(served, *pieces)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    with connected(served) as connection:
        connection.sendall(WELL)
        assert answer(connection)[0] == 200
    with served.client() as client:
        assert f'lookalike_door_refused_total{{code="{code}"}} 1.0' in client.get("/metrics").text


def test_what_is_within_the_limits_passes(served: Served) -> None:
    """Also where it comes in pieces of one byte, and several requests in one piece."""
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 8000 + b"\r\n" + b"b: c\r\n" * 90
    request += b"\r\n"
    with connected(served) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        assert answer(connection)[0] == 200
        for byte in WELL:
            connection.sendall(bytes([byte]))
        assert answer(connection)[0] == 200
        connection.sendall(WELL + WELL.replace(b"x\r\n", b"x\r\nConnection: close\r\n"))
        assert said(connection).count(b"HTTP/1.1 200") == 2


def test_what_follows_a_body_in_pieces_is_bounded_too(served: Served) -> None:
    """Trailers are headers by another name, and nobody reads them."""
    head = (
        b"POST /v1/match HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer an admin key for tests\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with connected(served) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(head + b"2\r\n{}\r\n0\r\nX: ")
        for _ in range(200):
            connection.sendall(b"a" * 65536)
        pytest.fail("thirteen megabytes of a trailer were taken")


@pytest.mark.parametrize("begin", [b"", b"GET /livez HTTP/1.1\r\nX: "])
def test_headers_that_do_not_come_are_not_waited_for(
    serve: Callable[..., Served], begin: bytes
) -> None:
    """Who said something hears why; who never said a word hears nothing."""
    served = serve(header_seconds=0.2)
    with connected(served) as connection:
        connection.sendall(begin)
        heard = said(connection)
    assert heard.startswith(b"HTTP/1.1 408") if begin else heard == b""


def test_a_connection_that_asks_no_more_is_closed(serve: Callable[..., Served]) -> None:
    served = serve(keep_alive_seconds=0.2)
    with connected(served) as connection:
        connection.sendall(WELL)
        assert answer(connection)[0] == 200
        assert said(connection) == b""


def test_idle_connections_give_way_and_health_is_answered(serve: Callable[..., Served]) -> None:
    """Many more than there may be: those that waited longest are closed, new ones are answered."""
    served = serve(connections=32, connections_per_address=1000, allow_empty=True)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(served)) for _ in range(100)]
        for path in ("/livez", "/readyz", "/metrics", "/v1/banks"):
            with served.client() as client:
                assert client.get(path).status_code == 200
        assert said(idle[0]) == b""
        idle[-1].sendall(WELL)
        assert answer(idle[-1])[0] == 200
        with served.client() as client:
            metrics = client.get("/metrics").text
    assert "lookalike_connections 3" in metrics
    assert "lookalike_connections_closed_for_others_total 0.0" not in metrics


def test_one_address_cannot_take_the_places_of_others(serve: Callable[..., Served]) -> None:
    """Idle connections of others stay, however many one opens."""
    served = serve(connections=1000, connections_per_address=16)
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(connected(served, "127.0.0.2"))
        mine = [stack.enter_context(connected(served)) for _ in range(40)]
        assert said(mine[0]) == b""
        for connection in (other, mine[-1]):
            connection.sendall(WELL)
            assert answer(connection)[0] == 200


STALLED = (
    b"POST /v1/match HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer an admin key for tests\r\n"
    b"Content-Type: application/json\r\nContent-Length: 10\r\n%s\r\n{"
)


def until_busy(served: Served, count: int) -> None:
    with served.client() as client:
        for _ in range(1000):
            got = client.get("/v1/banks")
            if (got.status_code == 503) is (count > 0):
                return
    pytest.fail("it never came to that")


def test_health_is_answered_where_every_place_is_taken(serve: Callable[..., Served]) -> None:
    """Requests under way are not ended for it; it has places of its own, and others hear 503."""
    served = serve(connections=16, connections_per_address=1000, allow_empty=True)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connected(served)).sendall(STALLED % b"")
        until_busy(served, 8)
        for _ in range(20):
            idle = stack.enter_context(connected(served))
        with served.client() as client:
            for path in ("/livez", "/readyz", "/metrics"):
                assert client.get(path).status_code == 200
            full = client.get("/v1/banks")
        assert (full.status_code, full.json()["code"]) == (503, "too_many_connections")
        assert full.headers["retry-after"] == "1"
        idle.close()
    until_busy(served, 0)


def test_behind_a_proxy_requests_count_for_those_it_speaks_for(
    serve: Callable[..., Served],
) -> None:
    """What one client of a trusted proxy takes leaves room for its other clients; and whom a
    stranger says it speaks for is not asked."""
    served = serve(connections_per_address=16, trusted_proxies="127.0.0.0/31")
    one, two = b"X-Forwarded-For: 198.51.100.1\r\n", b"X-Forwarded-For: 198.51.100.2\r\n"
    ask = b"GET /v1/banks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer an admin key for tests\r\n"

    def status(forwarded: bytes, source: str) -> int:
        with connected(served, source) as connection:
            connection.sendall(ask + forwarded + b"\r\n")
            return answer(connection)[0]

    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connected(served)).sendall(STALLED % one)
        for _ in range(1000):
            if status(one, "127.0.0.1") == 503:
                break
        assert status(one, "127.0.0.1") == 503
        assert status(two, "127.0.0.1") == 200
        assert status(one, "127.0.0.7") == 200  # no proxy of ours: it is counted by its own address


DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
"""What is long, and answered to anybody."""


def test_requests_sent_ahead_take_no_places_of_others(serve: Callable[..., Served]) -> None:
    """One connection, one place: those behind the first wait for it, and whoever sends more of
    them than a few is no browser."""
    served = serve(connections=16, connections_per_address=1000)
    with connected(served) as connection:
        connection.sendall(DOCUMENT * 7 + DOCUMENT.replace(b"x\r\n", b"x\r\nConnection: close\r\n"))
        with served.client() as client:
            assert client.get("/v1/banks").status_code == 200
        assert said(connection).count(b"HTTP/1.1 200") == 8
    with connected(served) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(DOCUMENT * 5000)
        assert said(connection).count(b"HTTP/1.1 200") <= 8
    with served.client() as client:
        assert client.get("/v1/banks").status_code == 200


def test_who_takes_no_answer_is_not_waited_for(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is what waits behind that answer on the same connection: its place is free again."""
    monkeypatch.setattr(protocol, "_LINGER", 0.2)
    monkeypatch.setattr(protocol, "_AT_ONCE", 100)  # more than the system keeps for a client
    host, port = serve().url.removeprefix("http://").split(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.settimeout(20)
        deaf.connect((host, int(port)))
        deaf.sendall(DOCUMENT * 100)
        assert select.select([], [], [deaf], 1.0) == ([], [], [])  # five times as long
        assert said(deaf).count(b"HTTP/1.1 200") < 100
