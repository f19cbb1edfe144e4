"""Images fetched by URL: from hosts that are listed, within limits, and from nowhere else."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from service.http.door.fetching import Fetcher

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served


@dataclass
class Site:
    """A web server on this machine."""

    port: int = 0
    pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Host and path of each request."""
    ended: Event = field(default_factory=Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def site(pictures: Pictures) -> Iterator[Site]:
    made = Site()
    picture = pictures.png(pictures.photo)

    def answer(
        status: int, body: bytes = b"", **headers: str
    ) -> Callable[[BaseHTTPRequestHandler], None]:
        def send(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        return send

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not made.ended.is_set():
                handler.wfile.write(b"\0" * 65536)
        except OSError:
            return

    def silent(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(picture[:100])
        handler.wfile.flush()
        made.ended.wait(60)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.headers["Host"], self.path))
            made.pages.get(self.path, answer(404))(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        made.pages |= {
            "/a.png": answer(200, picture, Content_Type="text/html"),
            "/page": answer(200, b"<html>", Content_Type="image/png"),
            "/empty": answer(200),
            "/gone": answer(410),
            "/packed": answer(200, gzip.compress(picture), Content_Encoding="gzip"),
            "/moved": answer(302, Location="/a.png"),
            "/round": answer(302, Location="/round"),
            "/inside": answer(302, Location=f"http://localhost:{made.port}/a.png"),
            "/file": answer(302, Location="file:///etc/passwd"),
            "/odd": answer(302, Location="http://[::"),
            "/endless": endless,
            "/silent": silent,
        }
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield made
        made.ended.set()
        server.shutdown()
        thread.join()


def asked(served: Served, url: str) -> tuple[int, str]:
    """Status, and the verdict or the problem's code."""
    with served.client() as client:
        answer = client.post("/v1/match", json={"url": url})
    said = answer.json()
    assert url not in answer.text
    return answer.status_code, said.get("verdict") or said["code"]


def test_an_image_is_fetched_and_matched(
    serve: Callable[..., Served], site: Site, pictures: Pictures
) -> None:
    """As if it had been sent, whatever the server says it is; redirects are followed."""
    served = serve(fetch_allowlist=f"127.0.0.1:{site.port}")
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", files={"file": pictures.png(pictures.photo)})
    assert asked(served, site.url("/a.png")) == (200, "block")
    assert asked(served, site.url("/moved")) == (200, "block")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/page", (415, "unsupported_image")),
        ("/empty", (400, "empty_file")),
        ("/gone", (502, "fetch_failed")),
        ("/packed", (502, "fetch_failed")),
        ("/round", (502, "fetch_failed")),
        ("/inside", (422, "fetch_refused")),
        ("/file", (422, "fetch_refused")),
        ("/odd", (502, "fetch_failed")),
        ("/endless", (413, "file_too_large")),
        ("/silent", (502, "fetch_failed")),
    ],
)
def test_what_is_no_image_is_named(
    serve: Callable[..., Served], site: Site, path: str, expected: tuple[int, str]
) -> None:
    """Size, time, redirects and their targets have their bounds."""
    served = serve(
        fetch_allowlist=f"127.0.0.1:{site.port}", fetch_seconds=2, max_upload_bytes=2**20
    )
    assert asked(served, site.url(path)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/a.png",
        "file:///etc/passwd",
        "http://user:secret@127.0.0.1/a.png",
        "http:///a.png",
        "//127.0.0.1/a.png",
        "http://127.0.0.1:22/",
        "http://localhost/a.png",
        "http://[::1]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.0.1.nip.example/",
        "http://ä/",
        "x" * 2048,
        "http://\x00/",
    ],
)
def test_what_is_not_listed_is_refused(serve: Callable[..., Served], url: str) -> None:
    """Before anything is asked of anybody."""
    served = serve(fetch_allowlist="127.0.0.1:9,images.example.org")
    assert asked(served, url) == (422, "fetch_refused")


def test_nothing_is_fetched_by_default(served: Served, site: Site) -> None:
    assert asked(served, site.url("/a.png")) == (422, "fetch_disabled")
    assert not site.asked


class Names:
    """A resolver whose answers change, as an attacker's does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> list[str]:
        del host, port
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def resolving(served: Served, names: Names) -> None:
    services = served.services
    fetcher = Fetcher(services.settings, services.uploads, names)
    object.__setattr__(services, "fetcher", fetcher)


def test_a_name_is_resolved_once_and_held_to_what_it_was(
    serve: Callable[..., Served], site: Site
) -> None:
    """The connection goes to the address that was looked at, under the name that was asked for."""
    host = f"images.example.org:{site.port}"
    served = serve(fetch_allowlist=f"{host},127.0.0.1:{site.port}")
    names = Names(["127.0.0.1"], ["192.0.2.1"])
    resolving(served, names)
    assert asked(served, site.url("/a.png", "images.example.org"))[0] == 200
    assert names.asked == 1
    assert site.asked == [(host, "/a.png")]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]],
)
def test_a_listed_name_that_leads_inside_is_refused(
    serve: Callable[..., Served], site: Site, addresses: list[str]
) -> None:
    """Also where it has a public address besides, and after a redirect."""
    served = serve(fetch_allowlist=f"images.example.org:{site.port}")
    resolving(served, Names(addresses))
    assert asked(served, site.url("/a.png", "images.example.org")) == (422, "fetch_refused")
    assert not site.asked


def test_a_name_without_an_address_is_no_fault_of_ours(serve: Callable[..., Served]) -> None:
    served = serve(fetch_allowlist="images.example.org")
    resolving(served, Names([]))
    assert asked(served, "https://images.example.org/a.png") == (502, "fetch_failed")


def test_fetches_at_once_are_bounded(serve: Callable[..., Served], site: Site) -> None:
    """One too many is refused at once; when they have ended, others are fetched again."""
    served = serve(fetch_allowlist=f"127.0.0.1:{site.port}", fetches=1, fetch_seconds=30)
    outcome: list[tuple[int, str]] = []
    waiting = Thread(target=lambda: outcome.append(asked(served, site.url("/silent"))))
    waiting.start()
    while not site.asked:
        assert waiting.is_alive()
    assert asked(served, site.url("/a.png")) == (503, "overloaded")
    site.ended.set()
    waiting.join()
    assert asked(served, site.url("/a.png"))[0] == 200


def test_a_closed_port_is_no_fault_of_ours(serve: Callable[..., Served]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        served = serve(fetch_allowlist=f"127.0.0.1:{port}")
        assert asked(served, f"http://127.0.0.1:{port}/") == (502, "fetch_failed")
