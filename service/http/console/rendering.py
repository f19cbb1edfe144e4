"""Pages from templates, and what every page carries: who is logged in, where one can go, headers.

Templates escape whatever they are given. No page runs a script or loads a picture from elsewhere,
or can be put into another site's frame; nothing is kept by a cache. It knows templates; not what
stands in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.http.console.sessions import PATH, Session
from service.http.door.auth import ADMINS, CURATORS, MATCHERS, READERS

HERE: Final = Path(__file__).parent

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Place:
    """Where one can go from every page."""

    path: str
    title: str


_PLACES: Final = (
    (Place("", "Overview"), READERS),
    (Place("/banks", "Banks"), READERS),
    (Place("/exchanges", "Exchanges"), CURATORS),
    (Place("/match", "Try a match"), MATCHERS),
    (Place("/keys", "Keys"), ADMINS),
)


def page(
    request: Request,
    session: Session | None,
    template: str,
    status: int = 200,
    **values: object,
) -> Response:
    """The page ``template`` with ``values``."""
    caller = session.caller if session else None
    places = [place for place, roles in _PLACES if caller and caller.may(roles)]
    text = (
        _environment()
        .get_template(template)
        .render(
            base=PATH,
            places=places,
            here=request.url.path,
            caller=caller,
            token=session.token if session else "",
            curates=caller is not None and caller.may(CURATORS),
            administers=caller is not None and caller.may(ADMINS),
            notice=said(request),
            now=datetime.now(UTC),
            **values,
        )
    )
    return Response(text, status, dict(HEADERS), "text/html; charset=utf-8")


def go(path: str, notice: str = "") -> Response:
    """On to another page, which tells what was done: one of ``NOTICES``."""
    assert notice in ("", *NOTICES)
    query = f"?said={notice}" if notice else ""
    return RedirectResponse(f"{PATH}{path}{query}", 303, dict(HEADERS))


NOTICES: Final[Mapping[str, str]] = {
    "bank-made": "The bank was made.",
    "bank-deleted": "The bank and all its entries are out of force.",
    "policy-changed": "The policy is in force for the next query.",
    "entry-enabled": "The entry is in force.",
    "entry-disabled": "The entry is out of force.",
    "entry-deleted": "The entry was deleted.",
    "sync-asked": "It is synced within seconds; load the page again to see how that goes.",
    "exchange-enabled": "It is fetched from again.",
    "exchange-disabled": "It is fetched from no more for now; what it brought stays in force.",
    "key-revoked": "The key is refused from now on.",
}
"""What a page can be told to say: text that a link could carry would be anybody's."""


def said(request: Request) -> str:
    """The notice that the address asks for."""
    return NOTICES.get(request.query_params.get("said", ""), "")


def file(name: str) -> Response | None:
    """One of the console's own files; ``None`` where there is no such."""
    kind = _KINDS.get(Path(name).suffix)
    if kind is None or not re.fullmatch(r"[a-z]+\.[a-z]+", name):
        return None
    path = HERE / "files" / name
    if not path.is_file():
        return None
    headers = {**HEADERS, "Cache-Control": "no-cache"}
    return Response(path.read_bytes(), 200, headers, kind)


_KINDS: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = _number
    made.filters["moment"] = _moment
    made.filters["age"] = _age
    made.filters["size"] = _size
    return made


def _number(value: int) -> str:
    """Thousands apart, by a space that does not break."""
    return f"{value:,}".replace(",", "\u202f")


def _moment(value: datetime | None) -> str:
    return "-" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _size(value: int) -> str:
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000  # type: ignore[assignment]
    return f"{value:.1f} GB"
