"""Exchanges: where lists are fetched from, how the last syncs went, synced and switched by hand.

It knows pages and forms; how an exchange is made stands in docs/exchanges.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import MalformedRequestError
from service.domain.exchanges import RunState
from service.http.console.forms import one
from service.http.console.rendering import go, page
from service.http.console.routing import sent, shown
from service.http.console.sessions import PATH, Session
from service.http.door.auth import ADMINS, CURATORS
from service.http.door.services import services_of

router = APIRouter(prefix=PATH, include_in_schema=False)

_SHOWN = 50
"""Runs on a page."""


@router.get("/exchanges")
@shown(CURATORS)
async def exchanges_page(request: Request, session: Session) -> Response:
    """Every exchange, those with trouble first."""
    parts, now = services_of(request), datetime.now(UTC)
    records, damaged = await parts.reads.run(parts.store.exchanges.read)
    rows = [(record, record.trouble(now)) for record in records]
    rows.sort(key=lambda row: (not row[1], row[0].name))
    return page(request, session, "exchanges.html", rows=rows, damaged=damaged)


@router.get("/exchanges/{name}")
@shown(CURATORS)
async def exchange_page(request: Request, session: Session) -> Response:
    """One exchange: what it is, and its last syncs."""
    parts, name = services_of(request), request.path_params["name"]
    record = await parts.reads.run(lambda: parts.store.exchanges.get(name))
    runs = await parts.reads.run(lambda: parts.store.exchanges.runs(name, _SHOWN))
    shrinks = record.last is not None and record.last.state is RunState.NEEDS_REVIEW
    trouble = record.trouble(datetime.now(UTC))
    return page(
        request,
        session,
        "exchange.html",
        record=record,
        runs=runs,
        trouble=trouble,
        shrinks=shrinks,
    )


@router.post("/exchanges/{name}/sync")
@sent(CURATORS)
async def sync_exchange(
    request: Request, session: Session, given: dict[str, list[str]]
) -> Response:
    """Have it synced now."""
    parts, name = services_of(request), request.path_params["name"]
    shrink = one(given, "allow_shrink") == "on"
    key = session.caller.key_id
    await parts.changing(key, lambda store: store.exchanges.ask(name, shrink))
    parts.sync.wake()
    return go(f"/exchanges/{name}", "sync-asked")


@router.post("/exchanges/{name}/switch")
@sent(ADMINS)
async def switch_exchange(
    request: Request, session: Session, given: dict[str, list[str]]
) -> Response:
    """Fetch from it again, or no more for now."""
    parts, name, what = services_of(request), request.path_params["name"], one(given, "do")
    if what not in ("enable", "disable"):
        raise MalformedRequestError("do: enable or disable")
    await parts.changing(
        session.caller.key_id,
        lambda store: store.exchanges.update(
            name, lambda was: replace(was, enabled=what == "enable")
        ),
    )
    parts.sync.wake()
    return go(f"/exchanges/{name}", f"exchange-{what}d")
