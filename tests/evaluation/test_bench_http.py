"""The closed loop counts what it sends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evaluation.speed import http


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 200 if self.path == "/fine" else 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_each_kind_of_request_is_counted_with_its_failures(port: int) -> None:
    kinds = [http.Request("fine", "GET", "/fine"), http.Request("not", "GET", "/not")]
    fine, failing = http.run("127.0.0.1", port, kinds, clients=2, seconds=0.2)
    assert (fine.name, fine.clients, fine.failures) == ("fine", 2, 0)
    assert fine.answers > 2
    assert failing.failures == failing.answers > 0
    assert fine.p50_ms <= fine.p99_ms
    assert fine.to_json()["name"] == "fine"


def test_a_server_that_is_not_there_is_an_error_and_no_figure() -> None:
    with pytest.raises(ConnectionError, match="fine"):
        http.run("127.0.0.1", 1, [http.Request("fine", "GET", "/")], 1, 0.1)
