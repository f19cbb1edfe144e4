"""What stands between a request for a page and the page: a session, its roles, and errors as pages.

It knows sessions and errors; not what a page shows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from embeddings.errors import EmbeddingError
from service.domain.errors import RoleMissingError, ServiceError
from service.http.console import forms
from service.http.console.rendering import go, page
from service.http.console.sessions import Session, Sessions
from service.http.door import problems
from service.http.door.services import services_of
from service.http.door.uploads import CALLER
from service.store import Role

log = logging.getLogger(__name__)

Shown = Callable[[Request, Session], Coroutine[Any, Any, Response]]
Sent = Callable[[Request, Session, dict[str, list[str]]], Coroutine[Any, Any, Response]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def shown(roles: frozenset[Role]) -> Callable[[Shown], Handler]:
    """A page for whoever has one of ``roles``; others are sent to log in, or told why not."""

    def decorate(show: Shown) -> Handler:
        @wraps(show)
        async def handler(request: Request) -> Response:
            return await _guarded(request, roles, show)

        del handler.__wrapped__  # its signature is not a route's
        return handler

    return decorate


def sent(roles: frozenset[Role]) -> Callable[[Sent], Handler]:
    """What a form does, for whoever has one of ``roles``, from a page of their own session."""

    def decorate(act: Sent) -> Handler:
        async def checked(request: Request, session: Session) -> Response:
            given = await forms.fields(request)
            forms.check_token(request, session, given)
            return await act(request, session, given)

        @wraps(act)
        async def handler(request: Request) -> Response:
            return await _guarded(request, roles, checked)

        del handler.__wrapped__
        return handler

    return decorate


def sessions_of(request: Request) -> Sessions:
    """The sessions of the app that answers ``request``."""
    return Sessions(services_of(request).doorman)


async def _guarded(request: Request, roles: frozenset[Role], show: Shown) -> Response:
    session = sessions_of(request).session(request)
    if session is None:
        after = request.url.path if request.method == "GET" else ""
        return go(f"/login?next={quote(after, safe='/')}" if after else "/login")
    request.scope[CALLER] = session.caller.key_id
    try:
        if not session.caller.may(roles):
            raise RoleMissingError(
                f"this needs a key with one of the roles {', '.join(sorted(roles))}"
            )
        return await show(request, session)
    except (ServiceError, EmbeddingError) as error:
        return refused(request, session, error)


def refused(request: Request, session: Session | None, error: Exception) -> Response:
    """An error as a page."""
    body = problems.body_of(error)
    return page(request, session, "refused.html", problems.status_of(error), problem=body)
