"""``/status`` and what there is of types: whether answers can be given, and of what."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from service.domain.health import Severity
from service.http.door.auth import READERS
from service.http.door.services import services_of
from service.http.hma.callers import admitted, curating
from service.http.hma.lookups import built_to, index_sizes
from service.http.hma.refusals import HmaError, plain
from service.http.hma.signal_types import CONTENT_TYPES, signal_types
from service.http.shapes.wire import json_response


async def status(request: Request) -> Response:
    """As ``/readyz``, in HMA's words: whatever keeps this server from being ready is a 503."""
    parts = services_of(request)
    if not parts.replica.loaded:
        return plain(503, "INDEX-NOT-LOADED")
    failing = {one.name for one in parts.health.checks() if one.severity is Severity.FAILING}
    # A fresh HMA without banks is alive; so that its clients get to fill ours, so are we.
    if failing - {"banks"}:
        return plain(503, "INDEX-STALE")
    return Response("I-AM-ALIVE", media_type="text/html")


async def live(request: Request) -> Response:
    """The event loop turns."""
    del request
    return Response("I-AM-ALIVE", media_type="text/html")


async def types(request: Request) -> Response:
    """Every signal type: all are enabled."""
    admitted(request, READERS)
    known = signal_types(services_of(request))
    return json_response([{"name": name, "enabled_ratio": 1.0} for name in known])


async def change_type(request: Request) -> Response:
    """No signal type is switched off here: banks are."""
    curating(request)
    name = request.path_params["name"]
    if name not in signal_types(services_of(request)):
        raise HmaError(404, f"No such signal type '{name[:64]}'")
    raise HmaError(400, "signal types are always enabled here; disable a bank instead")


async def indexes(request: Request) -> Response:
    """How each index stands to the store."""
    admitted(request, READERS)
    parts = services_of(request)
    held, now = index_sizes(parts), built_to(parts)
    behind = parts.replica.failing or not parts.replica.loaded
    return json_response(
        {
            name: {
                "db_size": held.get(one.key, 0),
                "index_size": held.get(one.key, 0),
                "index_built_to": now,
                "newest_db_item": now,
                "index_out_of_date": behind,
            }
            for name, one in signal_types(parts).items()
        }
    )


async def contents(request: Request) -> Response:
    """The kinds of content that are hashed."""
    admitted(request, READERS)
    return json_response([{"name": name, "enabled": True} for name in CONTENT_TYPES])


ROUTES: Final = (
    ("GET", "/status", status),
    ("GET", "/status/live", live),
    ("GET", "/c/signal_type", types),
    ("GET", "/c/signal_type/index", indexes),
    ("PUT", "/c/signal_type/{name}", change_type),
    ("GET", "/c/content_type", contents),
)
