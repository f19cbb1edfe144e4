"""What pages send: small forms, read within a limit, and only from pages of ours.

It knows fields; not what they mean.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from service.domain.errors import BadMediaTypeError, KeyRefusedError, MalformedRequestError
from service.http.console.sessions import Session, is_from_here
from service.http.door.services import services_of

_MOST: Final = 64
"""Fields of a form."""


async def fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form. Raises ``BadMediaTypeError`` and ``MalformedRequestError``, and what
    reading a body raises."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadMediaTypeError("send the form that the page shows")
    body = await services_of(request).uploads.json(request)
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST,
        )
    except (UnicodeError, ValueError):
        raise MalformedRequestError("the form cannot be read") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def check_token(request: Request, session: Session, given: Mapping[str, list[str]]) -> None:
    """Raise ``KeyRefusedError`` unless the form was sent from a page of this session."""
    token = given.get("token", [""])[0]
    if not is_from_here(request) or not hmac.compare_digest(
        token.encode(errors="replace"), session.token.encode()
    ):
        raise KeyRefusedError("the form is not from a page of this session; load it again")


def one(given: Mapping[str, list[str]], name: str, default: str = "") -> str:
    """The one value of a field. Raises ``MalformedRequestError`` where there are several."""
    values = given.get(name, [default])
    if len(values) != 1:
        raise MalformedRequestError(f"{name}: given more than once")
    return values[0].strip()
