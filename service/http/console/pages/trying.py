"""Trying a match: an image is dropped or URLs are typed, and the service's answer is shown.

The image is matched as any upload is, never stored, and never shown back.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from embeddings.errors import EmbeddingError
from service.domain.errors import BadMediaTypeError, ServiceError
from service.http.console import forms
from service.http.console.rendering import page
from service.http.console.routing import refused, shown
from service.http.console.sessions import PATH, Session
from service.http.door import bodies, problems
from service.http.door.auth import MATCHERS
from service.http.door.services import services_of
from service.http.door.uploads import media_type
from service.http.routes.match import judged
from service.http.routes.urls import matched
from service.http.shapes import wire
from service.http.shapes.schemas import MAX_TEXT
from service.replica.matcher import UndecodedError

router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/match")
@shown(MATCHERS)
async def match_page(request: Request, session: Session) -> Response:
    """Where an image is dropped."""
    return page(request, session, "match.html", answer=None, failure=None, views=False)


@router.post("/match/urls")
@shown(MATCHERS)
async def try_urls(request: Request, session: Session) -> Response:
    """What ``/v1/match/urls`` would answer for the links in a text."""
    caller, given = session.caller, await forms.fields(request)
    forms.check_token(request, session, given)
    text = forms.one(given, "text")
    try:
        found = await matched(request, caller, [], text[: MAX_TEXT + 1], None)
    except ServiceError as error:
        return refused(request, session, error)
    links = wire.urls_answer(found, caller, problems.body_of)["results"]
    return page(request, session, "match.html", links=links, answer=None, failure=None, views=False)


@router.post("/match")
@shown(MATCHERS)
async def try_match(request: Request, session: Session) -> Response:
    """What ``/v1/match`` would answer, with what the caller's roles may see."""
    if media_type(request) != bodies.MULTIPART:
        raise BadMediaTypeError("send the form that the page shows")
    parts, caller = services_of(request), session.caller
    parts.rates.take(caller.key_id)
    async with parts.uploads.form(request) as form:
        forms.check_token(request, session, form.fields)
        views = forms.one(form.fields, "views") == "on"
        try:
            both = await judged(request, caller, form.file, None, views)
        except UndecodedError as listed:
            answer = wire.match_answer(listed.answer, caller, None)
            failure = problems.body_of(listed.failure)
            return page(request, session, "match.html", answer=answer, failure=failure, views=views)
        except (ServiceError, EmbeddingError) as error:
            return refused(request, session, error)
    answer = wire.match_answer(both.answer, caller, None)
    return page(request, session, "match.html", answer=answer, failure=None, views=views)
