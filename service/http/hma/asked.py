"""What a request under ``/hma`` carries: one uploaded file, a URL to fetch, or a JSON object.

The field of an uploaded file is the name of its content type. What clients add that nobody knows is
passed over, as HMA does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request

from embeddings.fingerprint import Role
from service.domain.errors import (
    BadMediaTypeError,
    FetchDisabledError,
    FetchRefusedError,
    MalformedRequestError,
)
from service.domain.signals import Signals, from_fingerprint
from service.http.door.services import Services, services_of
from service.http.door.uploads import media_type
from service.http.hma.refusals import HmaError
from service.http.hma.signal_types import (
    CONTENT_TYPES,
    PHOTO,
    VIDEO,
    HmaType,
    types_of_content,
)
from service.replica.matcher import digest_query

UNUSABLE: Final = "invalid PDQ hash"
"""What HMA says of a picture without structure: its hasher answers nothing for one."""


@dataclass(frozen=True)
class Content:
    """A file, and what kind of content its sender says it is."""

    content_type: str
    data: bytes

    def types(self, parts: Services) -> dict[str, HmaType]:
        """The signal types it is hashed to."""
        return types_of_content(parts, self.content_type)


@asynccontextmanager
async def content_of(request: Request, absent: str) -> AsyncIterator[Content]:
    """The content of a request: behind the parameter ``url``, or uploaded.

    Raises ``HmaError`` with ``absent`` where there is neither, and what fetching raises.
    """
    url = request.query_params.get("url")
    if url is not None:
        async with fetched(request, url) as content:
            yield content
        return
    try:
        if media_type(request) != "multipart/form-data":
            raise HmaError(400, absent)
        async with services_of(request).uploads.form(request, name=None) as form:
            yield Content(_content_type(form.name), form.file)
    except BadMediaTypeError:
        raise HmaError(400, absent) from None
    except MalformedRequestError as error:
        if "no file" in str(error):
            raise HmaError(400, absent) from None
        raise


@asynccontextmanager
async def fetched(request: Request, url: str) -> AsyncIterator[Content]:
    """The file behind ``url``. Raises ``HmaError`` and what fetching raises."""
    parts = services_of(request)
    kind = _content_type(request.query_params.get("content_type", PHOTO))
    try:
        async with parts.fetcher.file(request, url) as data:
            yield Content(kind, data)
    except FetchRefusedError:
        raise HmaError(400, "Invalid or unsafe URL provided") from None
    except FetchDisabledError as error:
        raise HmaError(400, str(error)) from None


async def signals_of(request: Request, content: Content, role: Role = "query") -> Signals:
    """Every signal of a file. Raises ``ImageError``, and what waiting for a worker raises."""
    parts = services_of(request)
    if content.content_type == VIDEO:
        query = await parts.matching(request, lambda: digest_query(content.data, None))
        return Signals.of(md5=query.signals.md5)

    def work() -> tuple[Signals, int]:
        made = parts.matcher.fingerprint(content.data, role)
        return from_fingerprint(made), len(made.others)

    return await parts.decoding(request, content.data, work, listed=role == "reference")


async def json_object(request: Request, otherwise: str) -> Mapping[str, Any]:
    """The JSON object of a request. Raises ``HmaError`` with ``otherwise`` where it is none."""
    body = await services_of(request).uploads.json(request)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HmaError(400, "The request's body is not JSON") from None
    if not isinstance(value, dict):
        raise HmaError(400, otherwise)
    return value


def truthy(value: str | None) -> bool:
    """How HMA reads a switch in a query string."""
    return value is not None and value.lower() in ("1", "true", "t", "yes", "y", "on")


def _content_type(name: str) -> str:
    if name not in CONTENT_TYPES:
        raise HmaError(400, f"no such content_type: '{name[:64]}'")
    return name
