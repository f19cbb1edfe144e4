"""The Python client: what it asks the real service, and how it takes what does not go well."""

from __future__ import annotations

import asyncio
import io
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from service import client as module
from service.client import AsyncLookalike, Lookalike, NoAnswerError, RefusedError

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

KEY = "an admin key for tests"


def connected(served: Served) -> Lookalike:
    return Lookalike(served.url, KEY, trust_env=False)


def test_its_main_job(served: Served, pictures: Pictures, tmp_path: Path) -> None:
    """An image as a path, as bytes and as an open file; listed, found, and let pass no more."""
    image, path = pictures.png(pictures.photo), tmp_path / "a.png"
    path.write_bytes(image)
    with connected(served) as client:
        made = client.make_bank("A", action="block")
        entry = client.add_entry("A", path, provider="p", labels=["A", "B"])
        for file in (path, str(path), image, io.BytesIO(image)):
            answer = client.match(file, banks=["A"], include=["fingerprint"], views=True)
            assert answer["verdict"] == "block"
            assert not client.passes(file)
        assert answer["matches"][0]["provenance"]["labels"] == ["A", "B"]
        assert answer["fingerprint"]["sha256"] == client.fingerprint(image)["sha256"]
        assert [one["entry_id"] for one in client.entries("A")] == [entry["entry_id"]]
        client.set_enabled("A", entry["entry_id"], False)
        assert client.match(image)["verdict"] == "none"
        client.delete_entry("A", entry["entry_id"])
        client.change_bank("A", action="review")
        assert client.banks()[0]["action"] == "review"
        assert client.status()["banks"] == 1
        client.delete_bank("A")
    assert made["name"] == "A"


def test_lists_and_batches(served: Served) -> None:
    """A list is streamed; more queries than one request may hold are asked in several."""
    digests = [f"{n:064x}" for n in range(600)]
    rows = "\n".join(f"p-{n},{one}" for n, one in enumerate(digests))
    with connected(served) as client:
        client.make_bank("A")
        tried = client.import_list("A", f"provider_id,sha256\n{rows}".encode(), dry_run=True)
        done = client.import_list("A", io.BytesIO(f"provider_id,sha256\n{rows}".encode()))
        asked = [{"signals": {"sha256": one}} for one in [*digests[:300], "0" * 63 + "g"]]
        answers = list(client.match_many(iter(asked)))
        client.import_list("A", b"example.org\n", list="web", format="urls")
        urls = [f"https://example.com/{n}" for n in range(700)]
        web = list(client.match_urls([*urls, "http://", "https://example.org/x"], ["A"]))
        links = client.match_text("example.org, example.com")
        pages = list(client.entries("A"))
    assert (tried["dry_run"], tried["added"], done["added"], len(pages)) == (True, 600, 600, 601)
    assert [one.get("verdict") for one in answers] == ["block"] * 300 + [None]
    assert "error" in answers[-1]
    assert [one.get("verdict") for one in web] == ["none"] * 700 + [None, "block"]
    assert [one.get("verdict") for one in links] == ["block", "none"]


def test_a_refusal_is_a_problem_with_its_code(served: Served, pictures: Pictures) -> None:
    """And one that hides a listed file says so."""
    with connected(served) as client:
        client.make_bank("A")
        with pytest.raises(RefusedError) as twice:
            client.make_bank("A")
        with pytest.raises(RefusedError) as unread:
            client.match(b"no image")
        digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
        client.add_entry("A", signals={"sha256": digest})
        with pytest.raises(RefusedError) as listed:
            client.match(b"hello world")
        with pytest.raises(RefusedError) as unknown:
            client.match(pictures.png(pictures.photo), banks=["NOPE"])
    assert (twice.value.status, twice.value.code) == (409, "bank_exists")
    assert (unread.value.code, unread.value.verdict) == ("unsupported_image", "none")
    assert listed.value.verdict == "block"
    assert unknown.value.code == "bank_not_found"


def test_the_same_without_waiting(served: Served, pictures: Pictures, tmp_path: Path) -> None:
    """Many at once."""
    image, path = pictures.png(pictures.photo), tmp_path / "a.png"
    path.write_bytes(image)
    with connected(served) as client:
        client.make_bank("A")

    async def work() -> list[Any]:
        async with AsyncLookalike(served.url, KEY, trust_env=False) as client:
            listed = b"sha256\n" + b"0" * 64
            assert (await client.import_list("A", listed))["added"] == 1
            await client.add_entry("A", path)
            answers = await asyncio.gather(
                *(client.match(path) for _ in range(4)), *(client.match(image) for _ in range(4))
            )
            assert not await client.passes(image)
            assert not await client.passes(path)
            items = [{"signals": {"sha256": "0" * 64}}]
            many = [one async for one in client.match_many(items)]
            assert [one["url"] async for one in client.match_urls(["a.org"])] == ["a.org"]
            assert await client.match_text("nothing") == []
            assert (await client.fingerprint(image))["width"] == 256
            assert (await client.status())["banks"] == 1
            return [*answers, *many]

    assert {one["verdict"] for one in asyncio.run(work())} == {"block"}


@dataclass
class Flaky:
    """A server that does not answer well at first."""

    port: int = 0
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    made = Flaky()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            status, headers = made.faults.pop(0) if made.faults else (200, {})
            if status == 0:  # the connection breaks
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            body = b'{"verdict": "none"}' if status == 200 and not headers else b"<html>"
            self.send_response(status)
            if body != b"<html>":
                self.send_header("Content-Type", "application/json")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            del request, client_address

    with Server(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have waited each time; nobody does."""
    seen: list[float] = []

    async def sleep(seconds: float) -> None:
        seen.append(seconds)

    clock = SimpleNamespace(sleep=seen.append, monotonic=time.monotonic)
    monkeypatch.setattr(module, "time", clock)
    loop = SimpleNamespace(sleep=sleep, to_thread=asyncio.to_thread)
    monkeypatch.setattr(module, "asyncio", loop)
    return seen


Ask = Callable[[str], Any]


def waiting(url: str) -> Any:  # noqa: ANN401 (JSON)
    with Lookalike(url, "key", trust_env=False) as client:
        return client.match(io.BytesIO(b"image"))


def not_waiting(url: str) -> Any:  # noqa: ANN401 (JSON)
    async def work() -> Any:  # noqa: ANN401
        async with AsyncLookalike(url, "key", trust_env=False) as client:
            return await client.match(io.BytesIO(b"image"))

    return asyncio.run(work())


@pytest.mark.parametrize("ask", [waiting, not_waiting])
def test_what_is_refused_for_now_is_asked_again(flaky: Flaky, waits: list[float], ask: Ask) -> None:
    """After the time that the service names, else a growing one; the whole file each time."""
    flaky.faults = [(503, {"Retry-After": "2"}), (429, {"Retry-After": "3"}), (503, {}), (0, {})]
    assert ask(f"http://127.0.0.1:{flaky.port}") == {"verdict": "none"}
    assert waits[:2] == [2.0, 3.0]
    assert 0 < waits[2] < 2
    assert len(waits) == 4
    assert len(flaky.bodies) == 5
    assert all(b"image" in body for body in flaky.bodies)


@pytest.mark.parametrize("ask", [waiting, not_waiting])
def test_patience_ends(flaky: Flaky, waits: list[float], ask: Ask) -> None:
    """With what the service said last; nobody waits for what would come too late."""
    flaky.faults = [(503, {"Retry-After": "1000"})]
    with pytest.raises(RefusedError, match="503"):
        ask(f"http://127.0.0.1:{flaky.port}")
    assert waits == []


def test_a_page_is_no_answer(flaky: Flaky) -> None:
    """What a proxy says with status 200 passes for no verdict, and opens no gate."""
    flaky.faults = [(200, {"Content-Type": "text/html"}), (200, {"Content-Type": "text/html"})]
    with Lookalike(f"http://127.0.0.1:{flaky.port}", "key", trust_env=False) as client:
        with pytest.raises(NoAnswerError):
            client.match(b"image")
        with pytest.raises(NoAnswerError):
            client.passes(b"image")


def test_a_change_is_not_made_twice(flaky: Flaky, waits: list[float]) -> None:
    """What may have arrived is not sent again unless that does no harm; what was refused is."""
    url = f"http://127.0.0.1:{flaky.port}"
    with Lookalike(url, "key", trust_env=False) as client:
        flaky.faults = [(0, {})]
        with pytest.raises(NoAnswerError, match="may have been done"):
            client.add_entry("A", signals={})
        assert (len(flaky.bodies), waits) == (1, [])
        flaky.faults = [(503, {})]
        client.add_entry("A", signals={})
        assert (len(flaky.bodies), len(waits)) == (3, 1)


@pytest.mark.parametrize("ask", [waiting, not_waiting])
def test_nobody_there(waits: list[float], ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again until its patience is over, which is then said."""
    moments = iter(range(0, 1000, 5))
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: float(next(moments)))
    monkeypatch.setattr(module, "time", clock)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NoAnswerError):
            ask(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert waits


def test_a_copy_needs_httpx_alone(tmp_path: Path) -> None:
    """One file, in a project that has nothing of ours."""
    shutil.copy(str(module.__file__), tmp_path / "lookalike_client.py")
    code = """
import sys
for ours in ("service", "embeddings", "index", "evaluation"):
    sys.modules[ours] = None
import httpx
before = set(sys.modules)
import lookalike_client as copied
third = {name.partition(".")[0] for name in set(sys.modules) - before} - {"lookalike_client"}
assert third <= set(sys.stdlib_module_names), third
copied.Lookalike("http://127.0.0.1:1", "key")
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
