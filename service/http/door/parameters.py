"""Query parameters, held to what a route says of them: an unknown one must not pass for none.

FastAPI passes over what it does not know, takes the last of what stands there twice, and reads
``off`` and ``0`` as false. A misspelt ``dry_run`` would then commit a list. It knows parameters by
name and type; what they mean is the routes'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final, cast

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response

from service.domain.errors import InvalidRequestError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know, and those that stand there twice."""

    def get_route_handler(self) -> Handler:
        """What answers requests: the parameters are looked at first."""
        answer = super().get_route_handler()
        if _takes_its_request_alone(self.dependant):
            answer = cast(Handler, self.endpoint)
        own = {one.alias: one.field_info.annotation for one in self.dependant.query_params}
        extra = (self.openapi_extra or {}).get("parameters", [])
        listed = frozenset(one["name"] for one in extra)  # read by the route itself

        async def strictly(request: Request) -> Response:
            if request.scope["query_string"]:
                _check(request, own, listed)
            return await answer(request)

        return strictly


def _takes_its_request_alone(taken: Dependant) -> bool:
    """Whether there is nothing for FastAPI to work out, which it would take its time to find."""
    from_request = (taken.path_params, taken.query_params, taken.header_params, taken.cookie_params)
    return (
        taken.request_param_name == "request"
        and iscoroutinefunction(taken.call)
        and not any((*from_request, taken.body_params, taken.dependencies))
    )


def _check(request: Request, own: Mapping[str, Any], listed: frozenset[str]) -> None:
    given = request.query_params
    unknown = sorted(given.keys() - own.keys() - listed)
    if unknown:
        known = ", ".join(sorted({*own, *listed})) or "none"
        raise InvalidRequestError(f"unknown parameter {unknown[0][:64]!r}; known: {known}")
    for name in own.keys() & given.keys():
        if len(given.getlist(name)) > 1:
            raise InvalidRequestError(f"{name}: given more than once")
        if own[name] is bool and given[name] not in ("true", "false"):
            raise InvalidRequestError(f"{name}: 'true' or 'false'")
        if own[name] is int and not _INTEGER.fullmatch(given[name]):
            raise InvalidRequestError(f"{name}: an integer")
