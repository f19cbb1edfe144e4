"""``/h/hash``: the signals of a file, by the names of their types.

A signal that may not be matched is left out: some clients look up every key of the answer, and drop
what the others found where one look-up is refused.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from service.http.door.services import services_of
from service.http.hma.asked import Content, content_of, fetched, signals_of
from service.http.hma.callers import hashing
from service.http.hma.refusals import HmaError, missing
from service.http.hma.signal_types import HmaType, shown
from service.http.shapes.wire import json_response


async def hash_url(request: Request) -> Response:
    """The signals of the file behind a URL."""
    hashing(request)
    url = request.query_params.get("url")
    if url is None:
        return missing("url", dict(request.query_params))
    async with fetched(request, url) as content:
        return await _answer(request, content)


async def hash_upload(request: Request) -> Response:
    """The signals of an uploaded file."""
    hashing(request)
    async with content_of(request, "Missing multipart/form-data file upload") as content:
        return await _answer(request, content)


def chosen(request: Request, content: Content) -> dict[str, HmaType]:
    """Of the types of ``content`` those that the parameter ``types`` names; by default all.

    Raises ``HmaError``.
    """
    every = content.types(services_of(request))
    names = request.query_params.get("types")
    if not names:
        return every
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in every:
            raise HmaError(400, f"signal type '{name[:64]}' doesn't exist or is disabled")
    return {name: every[name] for name in wanted}


async def _answer(request: Request, content: Content) -> Response:
    types = chosen(request, content)
    signals = await signals_of(request, content)
    return json_response(shown(signals, types.values()))


ROUTES: Final = (("GET", "/h/hash", hash_url), ("POST", "/h/hash", hash_upload))
