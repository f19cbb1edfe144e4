"""Bearer keys: made, shown once, revoked.

It knows fields of forms; that a key's text is kept nowhere is the store's doing.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import InvalidValueError
from service.http.console.forms import one
from service.http.console.rendering import go, page
from service.http.console.routing import sent, shown
from service.http.console.sessions import PATH, Session
from service.http.door.auth import ADMINS
from service.http.door.services import services_of
from service.store import Role

router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/keys")
@shown(ADMINS)
async def keys_page(request: Request, session: Session) -> Response:
    """Every key, those in force first."""
    parts = services_of(request)
    keys = await parts.reads.run(parts.store.keys.all)
    keys.sort(key=lambda key: (key.revoked_at is not None, key.created_at))
    return page(request, session, "keys.html", keys=keys, roles=list(Role), made=None)


@router.post("/keys")
@sent(ADMINS)
async def make_key(request: Request, session: Session, given: dict[str, list[str]]) -> Response:
    """Make a key and show its text, this once."""
    parts, name = services_of(request), one(given, "name")
    try:
        roles = frozenset(Role(role) for role in given.get("role", []))
    except ValueError:
        raise InvalidValueError(f"role: one of {', '.join(Role)}") from None
    made = await parts.changing(session.caller.key_id, lambda store: store.keys.create(name, roles))
    keys = await parts.reads.run(parts.store.keys.all)
    return page(request, session, "keys.html", keys=keys, roles=list(Role), made=made)


@router.post("/keys/{key_id}/revoke")
@sent(ADMINS)
async def revoke_key(request: Request, session: Session, given: dict[str, list[str]]) -> Response:
    """Refuse a key from now on."""
    del given
    parts, key_id = services_of(request), request.path_params["key_id"]
    await parts.changing(session.caller.key_id, lambda store: store.keys.revoke(key_id))
    return go("/keys", "key-revoked")
