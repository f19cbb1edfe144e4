"""Banks: their policies, their lists' versions, and their entries, seen and changed.

It knows fields of forms; what a policy means is ``service.policy``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import BadPolicyError, EntryNotFoundError, MalformedRequestError
from service.domain.values import entry_number
from service.http.console.forms import one
from service.http.console.rendering import go, page
from service.http.console.routing import sent, shown
from service.http.console.sessions import PATH, Session
from service.http.door.auth import CURATORS, READERS
from service.http.door.services import services_of
from service.store import Action, Imagery, Policy, Radii

router = APIRouter(prefix=PATH, include_in_schema=False)

Choice = TypeVar("Choice", Action, Imagery)

_SHOWN = 50
"""Entries on a page."""


@router.get("/banks")
@shown(READERS)
async def banks_page(request: Request, session: Session) -> Response:
    """Every bank."""
    parts = services_of(request)
    banks = await parts.reads.run(parts.store.banks.all)
    return page(request, session, "banks.html", banks=banks, actions=list(Action))


@router.post("/banks")
@sent(CURATORS)
async def make_bank(request: Request, session: Session, given: dict[str, list[str]]) -> Response:
    """Make an empty bank."""
    parts, name = services_of(request), one(given, "name")
    policy = Policy(_choice(Action, one(given, "action", Action.REVIEW)))
    await parts.changing(session.caller.key_id, lambda store: store.banks.create(name, policy))
    return go(f"/banks/{name}", "bank-made")


@router.get("/banks/{bank}")
@shown(READERS)
async def bank_page(request: Request, session: Session) -> Response:
    """One bank: policy, versions, and some entries."""
    parts, name = services_of(request), request.path_params["bank"]
    after = _place(request.query_params.get("after", ""))
    bank = await parts.reads.run(lambda: parts.store.banks.get(name))
    versions = await parts.reads.run(lambda: parts.store.versions(name))
    entries = await parts.reads.run(lambda: parts.store.entries.page(name, after, _SHOWN))
    count = await parts.reads.run(lambda: parts.store.entries.count(name))
    return page(
        request,
        session,
        "bank.html",
        bank=bank,
        versions=versions[:100],
        entries=entries,
        count=count,
        first=after == 0,
        actions=list(Action),
        kinds=list(Imagery),
    )


@router.post("/banks/{bank}/policy")
@sent(CURATORS)
async def change_policy(
    request: Request, session: Session, given: dict[str, list[str]]
) -> Response:
    """Put another policy in force."""
    parts, name = services_of(request), request.path_params["bank"]

    def changed(policy: Policy) -> Policy:
        code = {kind: _bits(given, f"code_{kind.value}") for kind in Imagery}
        return replace(
            policy,
            action=_choice(Action, one(given, "action")),
            imagery=_choice(Imagery, one(given, "imagery")),
            radius=Radii(
                _bits(given, "pdq"),
                {kind: bits for kind, bits in code.items() if bits is not None},
            ),
            enabled=one(given, "enabled") == "on",
        )

    await parts.changing(session.caller.key_id, lambda store: store.banks.update(name, changed))
    return go(f"/banks/{name}", "policy-changed")


@router.post("/banks/{bank}/delete")
@sent(CURATORS)
async def delete_bank(request: Request, session: Session, given: dict[str, list[str]]) -> Response:
    """Take a bank out of force, once its name was typed."""
    parts, name = services_of(request), request.path_params["bank"]
    if one(given, "confirm") != name:
        raise MalformedRequestError("type the bank's name to delete it")
    await parts.changing(session.caller.key_id, lambda store: store.banks.delete(name))
    return go("/banks", "bank-deleted")


@router.post("/banks/{bank}/entries/{entry_id}")
@sent(CURATORS)
async def change_entry(request: Request, session: Session, given: dict[str, list[str]]) -> Response:
    """Disable, enable or delete one entry."""
    parts = services_of(request)
    name, entry_id = (request.path_params[key] for key in ("bank", "entry_id"))
    what = one(given, "do")
    if what == "delete":
        await parts.changing(
            session.caller.key_id, lambda store: store.entries.delete(name, entry_id)
        )
    elif what in ("enable", "disable"):
        on = what == "enable"
        await parts.changing(
            session.caller.key_id, lambda store: store.entries.set_enabled(name, entry_id, on)
        )
    else:
        raise MalformedRequestError("do: enable, disable or delete")
    return go(f"/banks/{name}", f"entry-{what}d")


def _place(text: str) -> int:
    try:
        return entry_number(text) if text else 0
    except EntryNotFoundError:
        return 0


def _choice(kind: type[Choice], text: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        raise BadPolicyError(f"one of {', '.join(kind)}, not {text[:32]!r}") from None


def _bits(given: Mapping[str, list[str]], name: str) -> int | None:
    text = one(given, name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        raise BadPolicyError(f"{name.replace('_', ' ')}: a whole number of bits, or nothing")
    return int(text)
