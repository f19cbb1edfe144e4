"""``/c/exchanges`` and ``/c/exchange/{name}``: this release fetches from no exchange, and says so.

It answers as an HMA does that has no exchange API installed and no exchange configured.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from service.http.door.auth import READERS
from service.http.hma.asked import json_object
from service.http.hma.callers import admitted, curating
from service.http.hma.refusals import HmaError, missing
from service.http.shapes.wire import json_response


async def none(request: Request) -> Response:
    """There are none."""
    admitted(request, READERS)
    return json_response([])


async def api(request: Request) -> Response:
    """There is no such API."""
    admitted(request, READERS)
    raise HmaError(400, f"no such Exchange API '{request.path_params['api'][:64]}'")


async def schema(request: Request) -> Response:
    """There is no such API."""
    admitted(request, READERS)
    raise HmaError(404, f"Exchange API '{request.path_params['api'][:64]}' not found")


async def make(request: Request) -> Response:
    """None can be made."""
    curating(request)
    body = await json_object(request, "Request input was not a dict")
    for field in ("bank", "api"):
        if field not in body:
            return missing(field, dict(body))
    raise HmaError(400, f"No such exchange type '{str(body['api'])[:64]}'")


async def one(request: Request) -> Response:
    """There is no such exchange."""
    admitted(request, READERS)
    raise HmaError(404, f"Exchange '{request.path_params['name'][:64]}' not found")


async def delete(request: Request) -> Response:
    """One that is not there is gone."""
    curating(request)
    return json_response({"message": "Exchange deleted"})


ROUTES: Final = (
    ("GET", "/c/exchanges/apis", none),
    ("GET", "/c/exchanges/api/{api}", api),
    ("POST", "/c/exchanges/api/{api}", api),
    ("GET", "/c/exchanges/api/{api}/schema", schema),
    ("POST", "/c/exchanges", make),
    ("GET", "/c/exchanges", none),
    ("GET", "/c/exchange/{name}", one),
    ("PUT", "/c/exchange/{name}", one),
    ("DELETE", "/c/exchange/{name}", delete),
    ("GET", "/c/exchange/{name}/status", one),
)
