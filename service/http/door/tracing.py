"""The id of a request, by which what the log says of it can be found again.

A caller may bring one in ``X-Request-ID``, if it is plain; else one is made. It comes back with the
answer, and stands in every line of the log that was written while the request was answered. With
``LOOKALIKE_LOG_REQUESTS`` there is a line for each request: route, status and time, never its path,
parameters or body, which hold hashes and keys.
"""

from __future__ import annotations

import contextvars
import logging
import re
import secrets
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

HEADER: Final = b"x-request-id"

request_id: Final[contextvars.ContextVar[str]] = contextvars.ContextVar("request_id", default="")
"""Of the request that is being answered; empty elsewhere."""

_PLAIN: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class TracingMiddleware:
    """Gives every request its id."""

    def __init__(self, app: ASGIApp, log_requests: bool) -> None:
        """Wrap ``app``; ``log_requests``: whether each has a line in the log."""
        self._app, self._log_requests = app, log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through the app inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        brought = next((value for name, value in scope["headers"] if name == HEADER), b"")
        own = brought if _PLAIN.fullmatch(brought) else secrets.token_hex(8).encode()
        token = request_id.set(own.decode())
        started, status = perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, own)]
            await send(message)

        try:
            await self._app(scope, receive, marked)
        finally:
            if self._log_requests:
                route = getattr(scope.get("route"), "path", "unknown")
                seconds = perf_counter() - started
                log.info("%s %s %d %.1f ms", scope["method"], route, status, 1000 * seconds)
            request_id.reset(token)
