"""The way in under ``/shield``: its routes, who may call, and errors as ``{"detail": …}``.

Clients send HTTP Basic; the password is a key of ours, whatever the user name.
"""

from __future__ import annotations

import base64
import binascii
import logging
import math
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from embeddings.errors import EmbeddingError
from service.domain import errors
from service.http.door.auth import MATCHERS, Caller
from service.http.door.problems import status_of
from service.http.door.protocols import Endpoint, Protocol
from service.http.door.services import known, services_of
from service.http.shapes.wire import json_response
from service.http.shield import scans

log = logging.getLogger(__name__)


def querying(request: Request) -> Caller:
    """Admits who may query, and counts the query.

    Raises ``AuthError``, ``TooManyRequestsError``."""
    parts = services_of(request)
    header = _bearer(request.headers.get("authorization", ""))
    caller = known(request, parts.doorman.admit(header, MATCHERS))
    parts.rates.take(caller.key_id)
    return caller


def _bearer(header: str) -> str:
    """``Basic`` as ``Bearer``; anything else as it is."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return header
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    del user
    return f"Bearer {password}" if colon else ""


def refusal(error: Exception) -> Response:
    """Whatever went wrong, as their clients read it."""
    if isinstance(error, ClientDisconnect | errors.CallerGoneError):
        return Response(status_code=499)
    if isinstance(error, HTTPException):
        return _detail(error.status_code, str(error.detail))
    if not isinstance(error, errors.ServiceError | EmbeddingError):
        log.error("a request under /shield failed: %s", type(error).__name__)
        return _detail(500, "something went wrong here; it was logged")
    status = status_of(error)
    if isinstance(error, errors.StoreError):
        log.warning("a request under /shield failed: %s", error)
        return _detail(503, "the store cannot be used now", {"Retry-After": "1"})
    headers = {"Retry-After": "1"} if status == 503 else {}
    if status == 401:
        headers = {"WWW-Authenticate": "Basic"}
    if isinstance(error, errors.TooManyRequestsError):
        headers = {"Retry-After": str(max(1, math.ceil(error.seconds)))}
    return _detail(status, str(error), headers)


def _detail(status: int, said: str, headers: dict[str, str] | None = None) -> Response:
    return json_response({"detail": said.encode(errors="replace").decode()}, status, headers)


def _admitting(answer: scans.Scan) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await answer(request, querying(request))

    return endpoint


PROTOCOL: Final = Protocol(
    "/shield",
    [
        ("POST", f"/v1/{name}{slash}", _admitting(scan))
        for name, scan in (("media", scans.media), ("url", scans.url), ("pdq", scans.pdq))
        for slash in ("/", "")
    ],
    refusal,
)
