"""The log of a server: one line each, as text or JSON, with the request's id and nothing listed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from service.cli.logs import JsonFormatter, UtcFormatter
from service.http.door.tracing import request_id

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every line of the log, as JSON."""
    seen: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(self.format(record))

    handler = Keep()
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("service")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield seen
    logger.removeHandler(handler)
    logger.setLevel(before)


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("service.x", logging.WARNING, __file__, 1, message, arguments, None)


def test_a_line_says_when_how_grave_and_of_which_request() -> None:
    """Whatever is in a message, a line stays one line of JSON."""
    token = request_id.set("r-1")
    try:
        text = UtcFormatter().format(record("a %s", "b"))
        line = json.loads(JsonFormatter().format(record("a\n%s", 'b"')))
    finally:
        request_id.reset(token)
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(moment + r" WARNING service\.x \[r-1\]: a b", text)
    assert re.fullmatch(moment, line.pop("time"))
    assert line == {
        "level": "WARNING",
        "logger": "service.x",
        "request_id": "r-1",
        "message": 'a\nb"',
    }
    assert "\n" not in JsonFormatter().format(record("a\nb"))
    assert "[" not in UtcFormatter().format(record("a"))


def test_a_request_has_an_id(served: Served) -> None:
    """The caller's own where it is plain, else one of ours, never what could forge a line."""
    with served.client() as client:
        own = client.get("/livez", headers={"X-Request-ID": "abc-1"})
        ours = [client.get("/livez", headers=h) for h in ({}, {"X-Request-ID": "a b"}, {})]
        hma = client.get("/hma/status", headers={"X-Request-ID": "abc-2"})
    assert own.headers["x-request-id"] == "abc-1"
    assert hma.headers["x-request-id"] == "abc-2"
    made = [one.headers["x-request-id"] for one in ours]
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in made)
    assert len(set(made)) == 3


def test_requests_are_logged_without_what_they_hold(
    serve: Callable[..., Served], pictures: Pictures, lines: list[str]
) -> None:
    """Route, status and time; neither hashes nor names nor keys, whichever way they come."""
    served = serve(log_requests=True)
    image = pictures.png(pictures.photo)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "SECRETBANK"})
        client.post("/v1/banks/SECRETBANK/entries", files={"file": image})
        client.post("/v1/match?account_id=SECRETACCOUNT", files={"file": image})
        client.post("/v1/match", json={"signals": {"pdq": HASH}})
        client.get(f"/hma/k/SECRETKEY/m/lookup?signal={HASH}&signal_type=pdq")
        client.get(f"/nowhere/{HASH}")
        listed = client.post("/v1/fingerprint", files={"file": image}).json()
    told = [json.loads(one) for one in lines]
    requests = [one for one in told if one["logger"] == "service.http.door.tracing"]
    assert len(requests) >= 7
    assert all(one["request_id"] for one in requests)
    assert any(re.fullmatch(r"POST /v1/match 200 [\d.]+ ms", one["message"]) for one in requests)
    whole = "\n".join(lines)
    for secret in ("SECRET", HASH, listed["sha256"], listed["pdq"], "an admin key for tests"):
        assert secret not in whole
