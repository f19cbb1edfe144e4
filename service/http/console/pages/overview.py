"""What one wants to know first: is it ready, what does it hold, how fresh is each list.

It knows what the parts say of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.http.console.rendering import page
from service.http.console.routing import shown
from service.http.console.sessions import PATH, Session
from service.http.door.auth import READERS
from service.http.door.services import Services, services_of
from service.store import ListVersion

router = APIRouter(prefix=PATH, include_in_schema=False)


@dataclass(frozen=True)
class ListState:
    """One list and the version of it in force."""

    bank: str
    version: ListVersion
    age: float
    """Seconds since that came in."""


@router.get("")
@shown(READERS)
async def overview(request: Request, session: Session) -> Response:
    """Readiness, indexes and lists on one page."""
    parts = services_of(request)
    lists = await parts.reads.run(lambda: _lists(parts))
    return page(
        request,
        session,
        "overview.html",
        ready=parts.health.ready and parts.replica.loaded,
        checks=parts.health.checks(),
        freshness=parts.replica.freshness(),
        indexes=parts.replica.stats(),
        banks=sorted(parts.replica.known.banks.values(), key=lambda bank: bank.name),
        lists=sorted(lists, key=lambda one: -one.age),
        pending=parts.compute.pending,
    )


def _lists(parts: Services) -> list[ListState]:
    now = datetime.now(UTC)
    return [
        ListState(bank.name, one, max(0.0, (now - one.activated_at).total_seconds()))
        for bank in parts.store.banks.all()
        for one in parts.store.versions(bank.name)
        if one.superseded_at is None
    ]
