"""The three scans of Arachnid Shield: a file, a file behind a URL, PDQ hashes.

``match_type`` is ``exact`` where a digest is listed and ``near`` where PDQ or a code comes near: a
near match asks for a person's look unless its bank blocks on PDQ, and this form has no words for
that. The hashes of listed media are shown to curators alone. Where a listed image could be missed
nothing is said to be unknown: the answer is 503.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import InvalidRequestError
from service.domain.signals import Signals, Weight, types_by_name
from service.http.door import bodies
from service.http.door.auth import CURATORS, Caller
from service.http.door.services import Services, services_of
from service.http.routes.gate import file_of, see_to_it
from service.http.routes.match import judged, note
from service.http.shapes.wire import Json, json_response
from service.policy.matching import JudgedMatch, Verdict
from service.replica.matcher import Answer, Query, UndecodedError
from service.store import Entry

Scan = Callable[[Request, Caller], Awaitable[Response]]

MAX_HASHES: Final = 256

_UNKNOWN: Final = "no-known-match"
_CSAM: Final = "csam"
_HARMFUL: Final = "harmful-abusive-material"


class UrlScan(BaseModel):
    """A URL to fetch and scan."""

    url: str = Field(max_length=2048)


class PdqScan(BaseModel):
    """PDQ hashes to scan, base64 of 32 bytes each."""

    hashes: list[str] = Field(min_length=1, max_length=MAX_HASHES)


async def media(request: Request, caller: Caller) -> Response:
    """Scan the body."""
    async with file_of(request) as file:
        return await _scanned(request, caller, file)


async def url(request: Request, caller: Caller) -> Response:
    """Scan the file behind a URL."""
    body = await bodies.json_body(request, UrlScan)
    async with services_of(request).fetcher.file(request, body.url) as file:
        return await _scanned(request, caller, file)


async def pdq(request: Request, caller: Caller) -> Response:
    """Scan PDQ hashes; each counts as a query."""
    body = await bodies.json_body(request, PdqScan)
    parts = services_of(request)
    parts.rates.take(caller.key_id, len(body.hashes) - 1)  # one was counted at the door
    queries = {text: Query(Signals.of(pdq=_decoded(text))) for text in body.hashes}

    def work() -> dict[str, Answer]:
        return {text: parts.matcher.match(query) for text, query in queries.items()}

    answers = await parts.matching(request, work, len(queries))
    shown: Json = {}
    for text, answer in answers.items():
        note(parts, caller, answer)
        result = _result(parts, answer, caller)
        near = result["near_match_details"]
        shown[text] = {**result, "near_match_details": near[0] if near else None}
    return json_response({"scanned_hashes": shown})


async def _scanned(request: Request, caller: Caller, file: bytes) -> Response:
    parts = services_of(request)
    try:
        answer = (await judged(request, caller, file, None)).answer
    except UndecodedError as listed:
        answer = listed.answer
    sha1 = hashlib.sha1(file, usedforsecurity=False).digest()
    of_file = {
        "size_bytes": len(file),
        "sha1_base32": base64.b32encode(sha1).decode(),
        "sha256_hex": hashlib.sha256(file).hexdigest(),
    }
    return json_response({**of_file, **_result(parts, answer, caller)})


def _result(parts: Services, answer: Answer, caller: Caller) -> Json:
    rows = [row for row in answer.decision.rows if row.verdict is not Verdict.NONE]
    if not rows:
        see_to_it(parts)
        return {"classification": _UNKNOWN, "match_type": None, "near_match_details": []}
    exact = any(
        types_by_name()[row.found.signal].weight in (Weight.DIGEST, Weight.PLACE) for row in rows
    )
    kinds = {_classification(parts, row) for row in rows}
    near = [] if exact else [_near(parts, row, answer.entries, caller) for row in rows]
    return {
        "classification": _CSAM if _CSAM in kinds else _HARMFUL,
        "match_type": "exact" if exact else "near",
        "near_match_details": near,
    }


def _near(parts: Services, row: JudgedMatch, entries: Mapping[int, Entry], caller: Caller) -> Json:
    entry = entries.get(row.found.id)
    signals = entry.signals if entry is not None and caller.may(CURATORS) else Signals()
    return {
        "timestamp": 0.0,
        "sha1_base32": base64.b32encode(signals.sha1 or b"").decode(),
        "sha256_hex": (signals.sha256 or b"").hex(),
        "classification": _classification(parts, row),
    }


def _classification(parts: Services, row: JudgedMatch) -> str:
    return _HARMFUL if row.bank in parts.settings.shield_harmful_banks else _CSAM


def _decoded(text: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != 32:
        raise InvalidRequestError("hashes: each is base64 of 32 bytes")
    return value
