"""What the service refuses before it feels the weight."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

HASH = {"signals": {"sha256": "5f" * 32}}


def raw(url: str, request: bytes) -> bytes:
    """What the server answers to bytes, up to its closing or 64 kB."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request)
        out = b""
        while len(out) < 2**16 and (piece := connection.recv(4096)):
            out += piece
            if b'"code"' in out:
                break
        return out


def test_a_full_queue_answers_503_at_once(serve: Callable[..., Served], pictures: Pictures) -> None:
    """More at once than may wait are told to come again; none fails otherwise; then all is well."""
    served = serve(queue=0)
    image = pictures.png(pictures.photo)
    with served.client() as client, ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/match", files={"file": image}), range(32))
        )
        statuses = {answer.status_code for answer in answers}
        assert statuses <= {200, 503}
        assert 200 in statuses
        for answer in answers:
            if answer.status_code == 503:
                assert answer.json()["code"] == "overloaded"
                assert answer.headers["retry-after"] == "1"
        assert client.post("/v1/match", files={"file": image}).status_code == 200


def test_uploads_share_a_budget(serve: Callable[..., Served], pictures: Pictures) -> None:
    """An upload that would take more than is left is refused, and the budget is given back."""
    image = pictures.png(pictures.photo)
    served = serve(upload_memory_bytes=len(image) // 2)
    with served.client() as client:
        for _ in range(3):
            answer = client.post("/v1/match", files={"file": image})
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        small = pictures.png(pictures.photo[::8, ::8].copy())
        for _ in range(20):  # together far more than the budget
            assert client.post("/v1/match", files={"file": small}).status_code == 200


def test_a_body_that_says_it_is_too_large_is_not_waited_for(
    serve: Callable[..., Served],
) -> None:
    """The answer comes after the head, before a byte of the body."""
    served = serve(max_upload_bytes=2**20)
    head = (
        "POST /v1/match HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer an admin key for tests\r\n"
        "Content-Type: {kind}\r\nContent-Length: 999999999999\r\n\r\n"
    )
    for kind in ("multipart/form-data; boundary=b", "application/json"):
        answer = raw(served.url, head.format(kind=kind).encode())
        assert answer.startswith(b"HTTP/1.1 413"), answer
        assert b"_too_large" in answer


def test_a_body_that_hides_its_size_is_cut_off(serve: Callable[..., Served]) -> None:
    """Chunks are counted as they come."""
    served = serve(max_upload_bytes=2**20, max_list_bytes=2**20)

    def endless() -> object:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(64):
            yield bytes(2**16)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        answer = client.post("/v1/match", content=endless(), headers=kind)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
        lines = (b"sha256 " + b"5f" * 32 + b"\n" for _ in range(2**15))
        answer = client.post("/v1/banks/A/imports", content=lines)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert client.get("/v1/banks/A/entries").json()["entries"] == []


def test_nobody_without_a_key_is_listened_to(serve: Callable[..., Served]) -> None:
    """A stranger's upload is refused by its head."""
    head = b"POST /v1/match HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    assert raw(serve().url, head).startswith(b"HTTP/1.1 401")


def test_a_charset_that_decodes_nothing_is_a_malformed_body(served: Served) -> None:
    """Python knows a codec whose one use is to fail."""
    kind = {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nx\r\n--b--\r\n'
    with served.client() as client:
        answer = client.post("/v1/match", content=body, headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_words_for_methods_are_not_kept(served: Served) -> None:
    """Strangers cannot grow the metrics by inventing methods."""
    with served.client("a key that nobody made") as client:
        for word in ("GET", "INVENTED", "MADEUP"):
            assert client.request(word, "/v1/match").status_code == 405
        said = client.get("/metrics").text
    assert 'method="GET",route="/v1/match",status="405"' in said
    assert 'method="unknown"' in said
    assert "INVENTED" not in said
    assert "MADEUP" not in said


def test_uploads_never_touch_a_disk(
    served: Served, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one far larger than what a form would usually spill."""
    spilt: list[int] = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda _: spilt.append(1))
    image = pictures.png(pictures.photo) + bytes(3 * 2**20)
    with served.client() as client:
        assert client.post("/v1/match", files={"file": image}).status_code == 200
    assert not spilt


def test_a_hundred_clients_at_once_get_their_own_answers(served: Served) -> None:
    """No answer goes to another, whatever runs side by side."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        for n in range(10):
            body = {"signals": {"md5": f"{n:032x}"}, "provider_id": f"id {n}"}
            client.post("/v1/banks/A/entries", json=body)
        wrong: list[int] = []

        def ask(n: int) -> None:
            answer = client.post("/v1/match", json={"signals": {"md5": f"{n % 12:032x}"}}).json()
            ids = [row["provenance"]["provider_id"] for row in answer["matches"]]
            if ids != ([f"id {n % 12}"] if n % 12 < 10 else []):
                wrong.append(n)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
