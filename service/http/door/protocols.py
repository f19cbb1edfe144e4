"""Doors for the protocols of others: what stands under a prefix is answered in their form.

Below the prefix everything is theirs: paths with a slash too many are put straight, and whatever
goes wrong is said as their clients read it. The routes are not in our OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.door.problems import count_refusal

Endpoint = Callable[[Request], Awaitable[Response]]

_SLASHES: Final = re.compile(r"/{2,}")


@dataclass(frozen=True)
class Protocol:
    """One protocol of others."""

    prefix: str
    """Such as ``/hma``."""
    routes: Sequence[tuple[str, str, Endpoint]]
    """Method, path below the prefix, and what answers."""
    refusal: Callable[[Exception], Response]
    """Whatever went wrong, as an answer."""
    straighten: Callable[[Scope], None] | None = None
    """Changes a request's scope, whose path is flat already, before it is routed."""


class ProtocolDoor:
    """Answers what is under a protocol's prefix; hands on everything else."""

    def __init__(self, app: ASGIApp, protocol: Protocol) -> None:
        """Stand in front of ``app``."""
        self._app, self._protocol = app, protocol
        routes = [
            _Named(f"{protocol.prefix}{path}", endpoint, methods=[method])
            for method, path, endpoint in protocol.routes
        ]
        self._router = Router(routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http" or not self._ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        flatten(scope, scope["path"])
        if self._protocol.straighten is not None:
            self._protocol.straighten(scope)
        try:
            await self._router(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered in their form
            count_refusal(scope, error)
            await self._protocol.refusal(error)(scope, receive, send)

    def _ours(self, path: str) -> bool:
        flat, prefix = "/" + path.lstrip("/"), self._protocol.prefix
        return flat == prefix or flat.startswith(prefix + "/")


def flatten(scope: Scope, path: str) -> None:
    """Give a request a path, without empty parts."""
    scope["path"] = _SLASHES.sub("/", path)
    scope["raw_path"] = scope["path"].encode("utf-8", "replace")


class _Named(Route):
    """A route that says which it is, for metrics."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is not Match.NONE:
            child["route"] = self
        return match, child
