"""What a running HMA was recorded to answer, asked of ours in the same order.

``recorded.jsonl`` holds 97 requests sent to HMA 1.1.7 and its answers. Ours are the same but for
what is listed here, each with the words that docs/hma.md says of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from embeddings.hashes.pdq import pdq

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

RECORD = [
    json.loads(line) for line in Path(__file__).with_name("recorded.jsonl").read_text().splitlines()
]
DOCUMENT = Path(__file__).parents[3] / "docs" / "hma.md"
THEIR_PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
THEIR_MD5_OF_THE_PICTURE = "d35c785545392755e7e4164457657269"
NOT_AN_IMAGE = b"not an image"

Answer = tuple[int, Any]

MORE = "Further signal types"
RATIO = "No share of queries"
FAULTS = "Faults are refusals"
EMPTY = "No empty signal"
NOTES = "No notes, metadata or media URI"
LINKS = "No link to a validator"
EXCHANGES = "No sample exchange"
MD5S = "MD5s of any file"


def differences(request: str, recorded: Answer) -> tuple[str, Answer] | None:
    """What ours answers instead, and the heading in docs/hma.md under which it is told."""
    status, answer = recorded
    if status == 500:
        return FAULTS, (400, {"message": ...})
    if request == "POST /h/hash" and answer == {"pdq": ""}:
        return EMPTY, (200, {"md5": ..., "sha1": ..., "sha256": ...})
    if status == 422:
        return LINKS, (422, [{k: v for k, v in one.items() if k != "url"} for one in answer])
    if isinstance(answer, dict) and answer.get("note") == "hi":
        return NOTES, (200, {**answer, "note": None})
    if "/c/exchange" in request:
        return _exchanges(request, recorded)
    if "matching_enabled_ratio" in json.dumps(answer):
        ours = json.loads(json.dumps(answer), object_hook=_whole)
        return (RATIO, (status, ours)) if ours != answer else None
    return None


def _whole(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("matching_enabled_ratio", 0) > 0:
        return {**value, "matching_enabled_ratio": 1.0}
    return value


APIS = ["ncmec", "stop_ncii", "tech_against_terrorism", "folder", "https_file", "lookalike"]


def _exchanges(request: str, recorded: Answer) -> tuple[str, Answer] | None:
    instead: dict[str, Answer] = {
        "GET /c/exchanges/apis": (200, APIS),
        "GET /c/exchanges/api/sample": (400, {"message": "no such Exchange API 'sample'"}),
        "GET /c/exchanges/api/sample/schema": (404, {"message": ...}),
        "GET /c/exchanges": (200, []),
        "GET /c/exchange/EX": (404, {"message": "Exchange 'EX' not found"}),
        "GET /c/exchange/EX/status": (404, {"message": "Exchange 'EX' not found"}),
        "PUT /c/exchange/EX": (404, {"message": "Exchange 'EX' not found"}),
    }
    if request == "POST /c/exchanges" and recorded[0] == 201:
        return EXCHANGES, (400, {"message": "No such exchange type 'sample'"})
    return (EXCHANGES, instead[request]) if request in instead else None


def same(expected: Any, ours: Any, more: bool) -> bool:  # noqa: ANN401 (JSON)
    """Whether an answer is what was recorded; ``more``: it may have further keys or rows."""
    if expected is ...:
        return bool(ours)
    if isinstance(expected, dict) and isinstance(ours, dict):
        if not (expected.keys() <= ours.keys() if more else expected.keys() == ours.keys()):
            return False
        return all(
            same(value, ours[key], more)
            or (key in ("built_to", "index_built_to", "newest_db_item") and ours[key] > 0)
            or (key == "video_md5" and _larger(value, ours[key]))
            for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(ours, list):
        unmatched = list(ours)
        for one in expected:  # of equal distance theirs are in no order
            found = [other for other in unmatched if same(one, other, more)]
            if not found:
                return False
            unmatched.remove(found[0])
        return more or not unmatched
    alike = type(expected) is type(ours) or isinstance(ours, float)
    return alike and bool(expected == ours)


def _larger(theirs: object, ours: object) -> bool:
    """Ours counts every MD5 in the index of MD5s, those of pictures too."""
    return (
        isinstance(theirs, dict)
        and isinstance(ours, dict)
        and all(ours[key] >= value for key, value in theirs.items() if key != "index_out_of_date")
    )


@pytest.fixture
def images(pictures: Pictures) -> Iterator[str]:
    """Host and port of a server that serves the picture."""
    picture = pictures.png(pictures.photo)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def uploads(line: dict[str, Any], pictures: Pictures) -> dict[str, bytes] | None:
    if not line["files"]:
        return None
    (name,) = line["files"]
    if name == "video":
        return {name: b"abc"}
    if line["status"] == 500:
        return {name: NOT_AN_IMAGE}
    blank = "invalid PDQ hash" in json.dumps(line["answer"]) or line["answer"] == {"pdq": ""}
    white = np.full((256, 256, 3), 255, np.uint8)
    return {name: pictures.png(white if blank else pictures.photo)}


def test_the_record_is_answered(
    serve: Callable[..., Served], pictures: Pictures, images: str
) -> None:
    """All 97 answers: the same, or a difference that the document tells of."""
    served = serve(fetch_allowlist=images)
    our_pdq = pdq(pictures.photo).hash.hex()
    our_md5 = hashlib.md5(pictures.png(pictures.photo)).hexdigest()

    def ours(text: str) -> str:
        for theirs, instead in (
            (THEIR_PDQ, our_pdq),
            (THEIR_PDQ.upper(), our_pdq.upper()),
            (THEIR_MD5_OF_THE_PICTURE, our_md5),
            ("http://IMAGES", f"http://{images}"),
        ):
            text = text.replace(theirs, instead)
        return text

    told = set()
    wrong = []
    with served.client() as client:
        for line in RECORD:
            method, path = ours(line["request"]).split(" ", 1)
            body, files = line["body"], uploads(line, pictures)
            answer = client.request(
                method,
                f"/hma{path}",
                json=None if body is None else json.loads(ours(json.dumps(body))),
                files=files,
            )
            kind = answer.headers["content-type"].partition(";")[0]
            got = answer.json() if kind == "application/json" else answer.text
            expected = (line["status"], json.loads(ours(json.dumps(line["answer"]))))
            other = differences(line["request"], expected)
            if other is not None:
                told.add(other[0])
                expected = other[1]
            exactly = answer.status_code == expected[0] and same(expected[1], got, False)
            if not exactly and answer.status_code == expected[0] and same(expected[1], got, True):
                told.add(MORE)
                exactly = True
            if not exactly or kind != line["type"]:
                wrong.append((line["request"], expected, answer.status_code, got))
    assert not wrong
    told.add(MD5S)
    document = DOCUMENT.read_text()
    assert all(f"**{heading}.**" in document for heading in told)
    assert told == {MORE, RATIO, FAULTS, EMPTY, NOTES, LINKS, EXCHANGES, MD5S}


def test_a_bank_of_one_entry_matches_after_a_restart(
    serve: Callable[..., Served], pictures: Pictures
) -> None:
    """HMA's own never does once its index was saved and loaded."""
    picture = pictures.png(pictures.photo)
    with serve().client() as client:
        client.post("/hma/c/banks", json={"name": "ONE"}).raise_for_status()
        made = client.post("/hma/c/bank/ONE/content", files={"photo": picture}).json()
    with serve().client() as client:
        hashes = client.post("/hma/h/hash", files={"photo": picture}).json()
        for name, signal in hashes.items():
            asked = httpx.QueryParams(signal=signal, signal_type=name)
            found = client.get("/hma/m/lookup", params=asked).json()
            assert found == {"ONE": [{"bank_content_id": made["id"], "distance": "0"}]}, name
