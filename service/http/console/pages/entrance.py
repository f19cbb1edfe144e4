"""Logging in with a key, and out again; the console's own files.

It knows sessions; not what a key may see.
"""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import KeyRefusedError, ServiceError
from service.http.console import forms
from service.http.console.rendering import file, go, page
from service.http.console.routing import refused, sent, sessions_of
from service.http.console.sessions import PATH, Session, forget, is_from_here, keep
from service.http.door import problems
from service.http.door.auth import EVERYONE

router = APIRouter(prefix=PATH, include_in_schema=False)

_AFTER = re.compile(rf"{PATH}(/[A-Za-z0-9_./-]*)?", re.ASCII)


@router.get("/login")
async def login_page(request: Request) -> Response:
    """Where a key is asked for."""
    if sessions_of(request).session(request) is not None:
        return go("")
    return page(request, None, "login.html", after=_after(request.query_params.get("next", "")))


@router.post("/login")
async def login(request: Request) -> Response:
    """Begin a session, and go on to where one wanted to."""
    try:
        given = await forms.fields(request)
        if not is_from_here(request):
            raise KeyRefusedError("log in on the page of this console")
        after = _after(forms.one(given, "next"))
        cookie = sessions_of(request).begin(forms.one(given, "key"))
    except KeyRefusedError as error:
        status, shown = problems.status_of(error), str(error)
        return page(request, None, "login.html", status, after="", wrong=shown)
    except ServiceError as error:
        return refused(request, None, error)
    response = go(after.removeprefix(PATH))
    keep(response, cookie, request)
    return response


@router.post("/logout")
@sent(EVERYONE)
async def logout(request: Request, session: Session, given: dict[str, list[str]]) -> Response:
    """End the session."""
    del request, session, given
    response = go("/login")
    forget(response)
    return response


@router.get("/files/{name}")
async def own_file(name: str, request: Request) -> Response:
    """A style sheet or a script of the console; they hold no secret."""
    found = file(name)
    return found or page(request, None, "refused.html", 404, problem=problems.described(404))


def _after(text: str) -> str:
    """Where to go after the login: a page of the console, whatever a link says."""
    return text if _AFTER.fullmatch(text) and "login" not in text else PATH
