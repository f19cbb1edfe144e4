"""What HMA answers where it does not answer what was asked: ``{"message": …}``, or plain text.

Some clients read the answer of a look-up without its status and take the keys of any object for
names of banks; so what says nothing about the query (no key, too many requests, not ready, a fault
of ours) is plain text, which no client takes for a match. It knows statuses; not routes.
"""

from __future__ import annotations

import logging
import math
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from embeddings.errors import EmbeddingError
from service.domain import errors
from service.http.door.problems import status_of
from service.http.shapes.wire import json_response

log = logging.getLogger(__name__)

_RETRY: Final = {"Retry-After": "1"}
_CLIENT_GONE: Final = 499
_STATUSES: Final = {409: 403, 415: 400, 422: 400, 502: 400}
"""Ours to HMA's."""
_AS_THEY_ARE: Final = frozenset({400, 403, 404, 405, 408, 413})


class HmaError(errors.ServiceError):
    """A refusal in HMA's own words."""

    code = "hma"

    def __init__(self, status: int, message: str) -> None:
        """``status``: of the answer; ``message``: for people, and for clients that look for it."""
        super().__init__(message)
        self.status = status


def refusal(error: Exception) -> Response:
    """The answer to whatever went wrong."""
    if isinstance(error, HmaError):
        return message(error.status, str(error))
    if isinstance(error, HTTPException):
        said = {404: "Not found", 405: "Method not allowed"}.get(error.status_code, "Refused")
        return message(error.status_code, said)
    if isinstance(error, ClientDisconnect | errors.CallerGoneError):
        return Response(status_code=_CLIENT_GONE)
    if not isinstance(error, errors.ServiceError | EmbeddingError):
        log.error("a request under /hma failed: %s", type(error).__name__)
        return plain(500, "INTERNAL-ERROR")
    if isinstance(error, errors.TooManyRequestsError):
        return plain(429, str(error), {"Retry-After": str(max(1, math.ceil(error.seconds)))})
    if isinstance(error, errors.KeyMissingError | errors.KeyRefusedError):
        return plain(401, str(error), {"WWW-Authenticate": "Bearer"})
    if isinstance(error, errors.StoreError):
        log.warning("a request under /hma failed: %s", error)
        return plain(503, "the store cannot be used now", _RETRY)
    status = status_of(error)
    if status >= 500 and status not in _STATUSES:
        return plain(503, str(error), _RETRY)
    status = _STATUSES.get(status, status if status in _AS_THEY_ARE else 400)
    return message(status, str(error))


def message(status: int, said: str) -> Response:
    """HMA's own form of an error."""
    return json_response({"message": said.encode(errors="replace").decode()}, status)


def plain(status: int, said: str, headers: dict[str, str] | None = None) -> Response:
    """Words that are no JSON."""
    return Response(said, status, headers, "text/plain")


def missing(field: str, given: dict[str, str]) -> Response:
    """What is said of a parameter or field that is not there: a list, as their validator does."""
    one = {"type": "missing", "loc": [field], "msg": "Field required", "input": given}
    return json_response([one], 422)
