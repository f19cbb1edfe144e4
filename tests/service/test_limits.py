"""What the service refuses before it feels the weight."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from service.domain.errors import StoreBusyError
from service.http.door.load.pool import Task
from service.http.door.uploads import Reception, Room
from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

ADMIN_KEY = "an admin key for tests"
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
        for word, status in (("GET", 405), ("PROPFIND", 405), ("MKCOL", 405), ("INVENTED", 400)):
            assert client.request(word, "/v1/match").status_code == status
        said = client.get("/metrics").text
    assert 'method="GET",route="/v1/match",status="405"' in said
    assert 'method="unknown"' in said
    assert not [word for word in ("PROPFIND", "MKCOL", "INVENTED") if word in said]


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


def test_reading_never_waits_for_writers(served: Served) -> None:
    """While the indexes take in a change for as long as they like, with more writers waiting than
    there are threads for them, everything that only reads is answered."""
    services = served.services
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        services.replica._syncing.acquire()
        try:
            with ThreadPoolExecutor(8) as pool:
                bodies = [{"signals": {"md5": f"{n:032x}"}} for n in range(8)]
                writes = [
                    pool.submit(client.post, "/v1/banks/A/entries", json=body) for body in bodies
                ]
                while services.writes.pending < len(writes):
                    assert client.get("/v1/banks/A/entries").status_code == 200
                for path in ("/v1/banks", "/v1/banks/A", "/v1/banks/A/versions", "/v1/keys"):
                    assert client.get(path).status_code == 200
                assert client.post("/v1/match", json=HASH).status_code == 200
                services.replica._syncing.release()
                assert {write.result().status_code for write in writes} == {201}
        finally:
            if services.replica._syncing.locked():
                services.replica._syncing.release()


def test_a_write_that_is_committed_is_answered_as_such(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps the replica from following: a caller that hears of a failure would try again,
    and be told of a conflict. Once it can follow, the entry matches."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        with monkeypatch.context() as broken:
            broken.setattr(
                served.store, "newest", lambda: (_ for _ in ()).throw(StoreBusyError("busy"))
            )
            made = client.post("/v1/banks/A/entries", json=HASH)
            assert made.status_code == 201
            assert [one["code"] for one in made.json()["warnings"]] == ["not_in_force"]
            place = made.headers["location"]
            changed = client.patch(place, json={"enabled": True})
            assert changed.status_code == 200
        quiet = client.post("/v1/banks/A/entries", json={"signals": {"md5": "5f" * 16}})
        assert quiet.json()["warnings"] == []
        assert client.post("/v1/match", json=HASH).json()["verdict"] == "block"


STALLS = (
    "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: {kind}\r\nContent-Length: 1048576\r\n\r\n"
)
FORM = "multipart/form-data; boundary=b"
BEGIN = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'


@contextlib.contextmanager
def stalled(served: Served, count: int, path: str, kind: str, body: bytes) -> Iterator[None]:
    """So many bodies of which ``body`` comes, and no more; the block runs once it has come."""
    host, port = served.url.removeprefix("http://").split(":")
    uploads = served.services.uploads
    room = uploads._disk if path.endswith("imports") else uploads._memory
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection((host, int(port)), 60))
            connection.sendall(STALLS.format(path=path, key=ADMIN_KEY, kind=kind).encode() + body)
        with served.client() as client:
            for _ in range(5000):
                client.get("/livez")
                if len([one for one in room.receiving if one.held >= len(body)]) == count:
                    break
        yield


def old(served: Served) -> None:
    """Let every body that is being received have stalled for long."""
    for room in (served.services.uploads._memory, served.services.uploads._disk):
        for reception in room.receiving:
            reception.since -= 60


def test_stalled_uploads_make_way_for_one_that_comes(
    serve: Callable[..., Served], pictures: Pictures
) -> None:
    """They hold all the memory there is for uploads; while they still might go on, others are told
    to come again; no sooner do they stall than others are answered, and they hear why."""
    served = serve(upload_memory_bytes=2**20)
    image = pictures.png(pictures.photo[::4, ::4].copy())
    body = BEGIN + bytes(2**18 - len(BEGIN))
    with stalled(served, 4, "/v1/match", FORM, body), served.client() as client:
        answer = client.post("/v1/match", files={"file": image})
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        old(served)
        assert client.post("/v1/match", files={"file": image}).status_code == 200
        assert len(served.services.uploads._memory.receiving) == 3  # no more than was needed


def test_stalled_lists_keep_nobody_out(serve: Callable[..., Served]) -> None:
    """However many there are, they take the room of their bytes, and make way like uploads."""
    served = serve(max_list_bytes=2**20)
    line = b"sha256 " + b"5f" * 32 + b"\n"
    path = "/v1/banks/A/imports"
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        with stalled(served, 12, path, "text/plain", line):
            assert client.post(path, content=line).status_code == 200
        whole = line * (2**20 // len(line) - 1)
        with stalled(served, 5, path, "text/plain", whole):
            answer = client.post(path, content=whole)
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            old(served)
            assert client.post(path, content=whole).status_code == 200


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/v1/match", "application/json", b"{"),
        ("/v1/match", FORM, BEGIN),
        ("/v1/banks/A/imports", "text/plain", b"sha256 "),
    ],
)
def test_a_body_that_stops_coming_is_not_waited_for(
    serve: Callable[..., Served], path: str, kind: str, body: bytes
) -> None:
    """The answer says so, and the connection is closed."""
    served = serve(body_seconds=0.2)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
    head = STALLS.format(path=path, key=ADMIN_KEY, kind=kind).encode()
    answer = raw(served.url, head + body)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_stalled" in answer
    assert b"connection: close" in answer


def test_a_body_that_keeps_coming_is_waited_for() -> None:
    """Its time begins again whenever it has brought enough, and not before."""

    async def scenario() -> None:
        room = Room(100)
        reception = Reception(room, "key", seconds=60, size=10)
        async with reception:
            assert reception._timeout is not None
            begun = reception._timeout.when()
            reception.came(9)
            assert reception._timeout.when() == begun
            reception.came(1)
            assert reception._timeout.when() != begun
        assert room.receiving == {}
        room.give(reception)
        assert room._free == 100

    asyncio.run(scenario())


def test_a_full_disk_is_named(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a 500 nor an invitation to try again at once."""

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        with monkeypatch.context() as full:
            full.setattr(tempfile, "TemporaryFile", lambda **_: Full())
            answer = client.post("/v1/banks/A/imports", content="sha256 " + "5f" * 32 + "\n")
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
        with served.store._database.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        limited = event.listens_for(served.store._database.engine, "begin")(
            lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        )
        body = {"signals": {"sha256": "6f" * 32}, "labels": ["x" * 60 + str(n) for n in range(32)]}
        answers = [
            client.post("/v1/banks/A/entries", json={**body, "provider_id": str(n)})
            for n in range(20)
        ]
        event.remove(served.store._database.engine, "begin", limited)
    assert {answer.status_code for answer in answers} <= {201, 507}
    assert answers[-1].json()["code"] == "storage_full"


@pytest.mark.parametrize("path", ["/v1/banks/A/imports", "/v1/match"])
def test_a_client_that_goes_away_is_no_failure_of_ours(
    served: Served, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """Nothing is logged as one, and metrics count it apart."""
    form = path == "/v1/match"
    kind = "multipart/form-data; boundary=b" if form else "text/plain"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer an admin key for tests\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 1000\r\n\r\n{'--b' if form else 'sha256'}\r\n"
    )
    host, port = served.url.removeprefix("http://").split(":")
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode())
        said = (client.get("/metrics").text for _ in range(5000))
        counted = next(text for text in said if 'status="499"' in text)
    assert 'status="500"' not in counted
    assert "failed" not in caplog.text


def test_bodies_and_work_are_those_of_the_key_they_came_with(
    served: Served, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room and turns are shared between keys, so each stage must know whose a request is."""
    parts, seen = served.services, list[tuple[str, str]]()
    for name, pool in (("head", parts.heads), ("compute", parts.compute)):
        monkeypatch.setattr(pool, "run", noting(name, pool.run, seen))
    received = Room.take

    def taken(room: Room, reception: Reception, size: int) -> None:
        seen.append(("body", reception.key))
        received(room, reception, size)

    monkeypatch.setattr(Room, "take", taken)
    file = {"file": ("a.png", pictures.png(pictures.photo[:64, :64]))}
    keys = set[str]()
    for _ in range(2):
        with served.client_with(Role.MATCHER) as client:
            seen.clear()
            assert client.post("/v1/match", json=HASH).status_code == 200
            assert client.post("/v1/match", files=file).status_code == 200
        assert {stage for stage, _ in seen} == {"body", "head", "compute"}
        (key,) = {whose for _, whose in seen}
        keys.add(key)
    assert len(keys - {""}) == 2


def noting(
    name: str, run: Callable[..., Any], seen: list[tuple[str, str]]
) -> Callable[[Callable[[], Any], Task], Any]:
    """``run``, of a pool, which notes for whom it is."""

    def noted(work: Callable[[], Any], task: Task) -> Any:  # noqa: ANN401
        seen.append((name, task.key))
        return run(work, task)

    return noted
