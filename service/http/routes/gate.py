"""``POST /v1/gate``: may this file pass? 200 or 451, for servers that only ask yes or no.

It says no more than that. A fault is no answer: where a listed image could be missed the gate says
503, and whether its caller then lets uploads pass or holds them is the caller's to decide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.domain.errors import BadMediaTypeError, NotReadyError
from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Services, querying, services_of
from service.http.routes.match import BANK, banks_of, judged
from service.replica.matcher import Answer, UndecodedError

router = APIRouter(tags=["match"], route_class=StrictRoute)

REFUSED: Final = 451

_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "banks",
        "in": "query",
        "required": False,
        "schema": {"type": "array", "items": BANK, "minItems": 1},
        "description": "By default all.",
    }
]
_FILE: Final[dict[str, Any]] = {"type": "string", "format": "binary", "description": "An image."}
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": _FILE},
}
_RAW: Final = {"application/octet-stream": {"schema": _FILE, "example": "the bytes of an image"}}


@router.post(
    "/v1/gate",
    summary="May this image pass?",
    response_class=Response,
    responses={
        **bodies.answers(None, None, 404, 429),
        REFUSED: {"description": "It is listed: refuse it."},
    },
    openapi_extra={"parameters": _PARAMETERS, **bodies.documented(form=_FORM, other=_RAW)},
)
async def gate(request: Request) -> Response:
    """200: let it pass. 451: refuse it. Neither has a body.

    Send the image as the body, of whatever type, or as the field ``file`` of a form.
    ``LOOKALIKE_GATE_REFUSES`` says which verdicts refuse, by default ``block`` alone. Anything else
    is no answer: a file that is no image or cannot be decoded (4xx, unless its digests are listed),
    a service that might miss a listed image (503).
    """
    parts, caller = services_of(request), querying(request)
    banks = banks_of(request)
    async with file_of(request) as file:
        try:
            answer = (await judged(request, caller, file, banks)).answer
        except UndecodedError as listed:
            if refuses(parts, listed.answer):
                return Response(status_code=REFUSED)
            raise listed.failure from None
    if refuses(parts, answer):
        return Response(status_code=REFUSED)
    see_to_it(parts)
    return Response(status_code=200)


@asynccontextmanager
async def file_of(request: Request) -> AsyncIterator[bytes]:
    """The file that a request carries, as its body or in a form."""
    uploads = services_of(request).uploads
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == bodies.MULTIPART:
        async with uploads.form(request) as form:
            yield form.file
    elif kind == bodies.JSON:
        raise BadMediaTypeError("send the image as the body, or as the field 'file' of a form")
    else:
        async with uploads.raw(request) as data:
            yield data


def refuses(parts: Services, answer: Answer) -> bool:
    """Whether an answer keeps a file out."""
    return answer.decision.verdict in parts.settings.gate_refuses


def see_to_it(parts: Services) -> None:
    """Raise ``NotReadyError`` where "not listed" could be wrong."""
    if not parts.health.ready:
        raise NotReadyError("not ready: /readyz says why; whether this is listed is not known")
