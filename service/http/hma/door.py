"""The way in under ``/hma``: paths put straight, keys taken out of them, errors in HMA's form.

A client that ends its base URL with a slash and begins its paths with one sends two; a client that
can send no header has its key in the base URL, ``/hma/k/KEY/``. Everything else in this folder sees
one form of both.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.hma import banks, contents, exchanges, hashing, lookups, status
from service.http.hma.refusals import refusal

PREFIX: Final = "/hma"

_SLASHES: Final = re.compile(r"/{2,}")
_KEYED: Final = re.compile(r"/hma/k/([^/]+)(/.*)?", re.DOTALL)


def routes() -> list[Route]:
    """Every route, under the prefix."""
    own = (*status.ROUTES, *hashing.ROUTES, *lookups.ROUTES)
    every = (*own, *banks.ROUTES, *contents.ROUTES, *exchanges.ROUTES)
    return [
        _Named(f"{PREFIX}{path}", endpoint, methods=[method]) for method, path, endpoint in every
    ]


class HmaDoor:
    """Answers what is under ``/hma``; hands on everything else."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of ``app``."""
        self._app = app
        self._router = Router(routes(), redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http" or not _ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        _straighten(scope)
        try:
            await self._router(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered in their form
            await refusal(error)(scope, receive, send)


class _Named(Route):
    """A route that says which it is, for metrics."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is not Match.NONE:
            child["route"] = self
        return match, child


def _ours(path: str) -> bool:
    flat = "/" + path.lstrip("/")
    return flat == PREFIX or flat.startswith(PREFIX + "/")


def _straighten(scope: Scope) -> None:
    path = _SLASHES.sub("/", scope["path"])
    if keyed := _KEYED.fullmatch(path):
        path = PREFIX + (keyed[2] or "")
        header = b"Bearer " + keyed[1].encode("utf-8", "replace")
        names = {name for name, _ in scope["headers"]}
        if b"authorization" not in names:
            scope["headers"] = [*scope["headers"], (b"authorization", header)]
    scope["path"] = path
    scope["raw_path"] = path.encode("utf-8", "replace")
