"""Every error as an answer: the one table from errors to HTTP statuses, and RFC 9457's form.

It knows statuses and words; it never repeats what a request held, except the names of its fields.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from embeddings import errors as embedding
from service.domain import errors
from service.http.shapes.changes import import_diff
from service.store import RefusedDiffError

log = logging.getLogger(__name__)

STATUSES: Final[Mapping[type[Exception], int]] = {
    embedding.EmptyFileError: 400,
    embedding.FileTooLargeError: 413,
    embedding.TooManyPixelsError: 413,
    embedding.TooManyFramesError: 413,
    embedding.UnsupportedImageError: 415,
    embedding.UnreadableImageError: 422,
    embedding.OutOfMemoryError: 503,
    errors.MalformedRequestError: 400,
    errors.InvalidRequestError: 422,
    errors.BodyTooLargeError: 413,
    errors.BadMediaTypeError: 415,
    errors.BodyStalledError: 408,
    errors.TooManyRequestsError: 429,
    errors.CallerGoneError: 499,
    errors.FetchDisabledError: 422,
    errors.FetchRefusedError: 422,
    errors.FetchFailedError: 502,
    errors.InvalidValueError: 422,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.ImportRefusedError: 422,
    errors.KeyMissingError: 401,
    errors.KeyRefusedError: 401,
    errors.RoleMissingError: 403,
    errors.UnavailableError: 503,
    errors.StoreBusyError: 503,
    errors.StorageFullError: 507,
    errors.StoreError: 503,
}
"""The status of an error is that of the nearest class above it that stands here."""

_FRAMEWORK: Final[Mapping[int, str]] = {
    400: "malformed_request",
    401: "key_missing",
    403: "role_missing",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
}

_DETAILS: Final[Mapping[str, str]] = {
    "route_not_found": "no such path: /openapi.json names them all",
    "method_not_allowed": "not with this method: the header Allow names those of this path",
}
"""Said instead of the framework's two words."""

_EXAMPLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("malformed_request", "the body is not JSON"),
    401: ("key_missing", "send a key: Authorization: Bearer KEY"),
    403: ("role_missing", "this needs a key with one of the roles admin, curator"),
    404: ("bank_not_found", "no bank is named 'iwf'"),
    408: ("body_stalled", "the body stopped coming, or comes too slowly"),
    409: ("bank_exists", "a bank named 'iwf' is there already"),
    413: ("file_too_large", "the file has 99000000 bytes; at most 33554432 are taken"),
    415: ("unsupported_image", "not an image of a format that is read here"),
    422: ("unreadable_image", "the image cannot be decoded"),
    429: ("too_many_requests", "this key sends more queries than it may; try again in 2 s"),
    502: ("fetch_failed", "the server of the URL did not answer with a file"),
    503: ("index_not_loaded", "the index is being built from the store"),
    507: ("storage_full", "the disk is full: nothing was changed"),
}

_DIFF: Final = frozenset(
    ("added", "updated", "held", "removed", "unchanged", "rejected", "rejected_count")
)
"""What the problem of a refused list says of the diff."""

_CLIENT_GONE: Final = 499

_RETRY_AFTER: Final = {"Retry-After": "1"}

MEDIA_TYPE: Final = "application/problem+json"


def status_of(error: Exception) -> int:
    """The HTTP status of an error; 500 for one that nobody foresaw."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return 500


def code_of(error: Exception) -> str:
    """The stable code of an error."""
    return str(getattr(error, "code", "internal_error"))


def body_of(error: Exception) -> dict[str, object]:
    """The problem object of an error that somebody foresaw."""
    more: dict[str, object] = {}
    if isinstance(error, RefusedDiffError):
        more = {
            name: value for name, value in import_diff(error.diff, {}, ()).items() if name in _DIFF
        }
    said = str(error)
    if isinstance(error, errors.StoreUnusableError | errors.StoreMissingError):
        said = "the store cannot be used; the log says why"  # it may name hosts and folders
    return _body(status_of(error), code_of(error), said, more)


def plain(status: int, code: str, detail: str) -> dict[str, object]:
    """The problem object of what is no error of ours."""
    return _body(status, code, detail)


def undecoded(failure: Exception, answer: Mapping[str, object]) -> Response:
    """The problem of a file that cannot be decoded, with what its digests match."""
    status = status_of(failure)
    more = {key: answer[key] for key in ("verdict", "truncated", "matches", "coverage", "index")}
    return _response(status, {**body_of(failure), **more})


def not_ready(failure: Exception, checks: Sequence[Mapping[str, object]]) -> Response:
    """The problem of a server that is not ready, with each check."""
    return _response(status_of(failure), {**body_of(failure), "checks": checks}, _RETRY_AFTER)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""
    for kind in (errors.ServiceError, embedding.EmbeddingError):
        app.add_exception_handler(kind, _on_named)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    app.add_exception_handler(Exception, _on_surprise)


def described(status: int) -> dict[str, object]:
    """An example of a problem of this status."""
    code, detail = _EXAMPLES[status]
    return _body(status, code, detail)


async def _on_named(request: Request, error: Exception) -> Response:
    status = status_of(error)
    count_refusal(request.scope, error)
    if isinstance(error, errors.StoreError):
        log.warning("%s %s: %s", request.method, request.url.path, error)
    headers = {}
    if status == _CLIENT_GONE:
        return await _on_gone(request, error)
    if status == 503:
        headers = dict(_RETRY_AFTER)
    elif status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    elif status == 408:
        headers = {"Connection": "close"}
    elif isinstance(error, errors.TooManyRequestsError):
        headers = {"Retry-After": str(max(1, math.ceil(error.seconds)))}
    return _response(status, body_of(error), headers)


def count_refusal(scope: Scope, error: Exception) -> None:
    """Count, for metrics, that a request was refused and why."""
    scope["app"].state.services.metrics.refusals.labels(code_of(error)).inc()


async def _on_invalid(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError)
    return _response(422, _body(422, "invalid_request", _fields(error.errors())))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _FRAMEWORK.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    detail = _DETAILS.get(code, str(error.detail))
    body = _body(error.status_code, code, detail)
    return _response(error.status_code, body, headers)


def _methods(request: Request) -> set[str]:
    """Of all routes with the request's path: the framework names those of the first alone."""
    routes: Sequence[Route] = request.app.state.routes
    matching = (one for one in routes if one.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in route.methods or ()}


async def _on_gone(request: Request, error: Exception) -> Response:
    del request, error
    # Nobody reads it; metrics count it as the caller's doing, under the number proxies use.
    return Response(status_code=_CLIENT_GONE)


async def _on_surprise(request: Request, error: Exception) -> Response:
    log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__)
    return _response(500, _body(500, "internal_error", "something went wrong here; it was logged"))


def _fields(found: Sequence[Any]) -> str:
    """Which parameters are wrong, and why; never their values."""
    return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in found[:5])


def _body(
    status: int, code: str, detail: str, more: Mapping[str, object] | None = None
) -> dict[str, object]:
    return {
        "type": f"urn:lookalike:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        # A name in a request can hold what UTF-8 cannot.
        "detail": detail.encode(errors="replace").decode(),
        **(more or {}),
    }


def _response(
    status: int, body: dict[str, object], headers: Mapping[str, str] | None = None
) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, headers, MEDIA_TYPE)
