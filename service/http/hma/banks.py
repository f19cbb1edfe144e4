"""``/c/banks`` and ``/c/bank/{name}``: banks, as clients of HMA make and switch them.

Of the share of queries that a bank answers only all or none is kept: a client that asks for a
quarter of them gets the whole, which misses nothing, and is told so.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import BankExistsError, BankNotFoundError
from service.http.door.auth import READERS
from service.http.door.services import services_of
from service.http.hma.asked import json_object
from service.http.hma.callers import admitted, curating
from service.http.hma.refusals import HmaError, missing
from service.http.shapes.wire import Json, json_response
from service.store import Bank, Policy

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,63}", re.ASCII)
_NO_OBJECT: Final = "Request input was not a dict"


def shape(bank: Bank) -> Json:
    """A bank as HMA shows it."""
    return {"name": bank.name, "matching_enabled_ratio": 1.0 if bank.policy.enabled else 0.0}


async def find(request: Request, name: str) -> Bank:
    """The bank of this name. Raises ``HmaError``."""
    parts = services_of(request)
    try:
        return await parts.reads.run(lambda: parts.store.banks.get(name))
    except BankNotFoundError:
        raise HmaError(404, f"bank '{name[:80]}' not found") from None


async def list_banks(request: Request) -> Response:
    """Every bank, in the order they were made."""
    admitted(request, READERS)
    parts = services_of(request)
    banks = await parts.reads.run(parts.store.banks.all)
    return json_response([shape(one) for one in sorted(banks, key=lambda one: one.id)])


async def make_bank(request: Request) -> Response:
    """Make an empty bank."""
    caller = curating(request)
    body = await json_object(request, _NO_OBJECT)
    if "name" not in body:
        return missing("name", dict(body))
    name = body["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise HmaError(400, "Bank names must be UPPER_WITH_UNDERSCORE")
    enabled = _enabled(body)
    policy = Policy() if enabled is None else Policy(enabled=enabled)
    parts = services_of(request)
    try:
        made = await parts.changing(caller.key_id, lambda store: store.banks.create(name, policy))
    except BankExistsError:
        raise HmaError(403, "Bank already exists") from None
    return json_response(shape(made), 201)


async def get_bank(request: Request) -> Response:
    """One bank."""
    admitted(request, READERS)
    return json_response(shape(await find(request, request.path_params["bank"])))


async def change_bank(request: Request) -> Response:
    """Switch a bank on or off."""
    caller = curating(request)
    name = request.path_params["bank"]
    body = await json_object(request, _NO_OBJECT)
    if body.get("name", name) != name:
        raise HmaError(400, "a bank keeps its name")
    enabled = _enabled(body)
    parts = services_of(request)
    try:
        changed = await parts.changing(
            caller.key_id,
            lambda store: store.banks.update(
                name, lambda was: was if enabled is None else replace(was, enabled=enabled)
            ),
        )
    except BankNotFoundError:
        raise HmaError(404, "Bank not found") from None
    return json_response(shape(changed))


async def delete_bank(request: Request) -> Response:
    """Take a bank and its contents out of force; one that is gone is gone."""
    caller = curating(request)
    parts, name = services_of(request), request.path_params["bank"]
    with contextlib.suppress(BankNotFoundError):
        await parts.changing(caller.key_id, lambda store: store.banks.delete(name))
    return json_response({"message": "Done"})


def _enabled(body: Mapping[str, Any]) -> bool | None:
    """Whether a bank is to match; ``None`` where nothing is said."""
    for name in ("enabled_ratio", "matching_enabled_ratio"):
        if body.get(name) is not None:
            try:
                ratio = float(body[name])
            except (TypeError, ValueError):
                raise HmaError(400, f"{name} must be a number") from None
            if not 0 <= ratio < math.inf:
                raise HmaError(400, f"{name} must not be negative")
            return ratio > 0
    # As HMA reads it: any text is true, "false" too.
    return bool(body["enabled"]) if body.get("enabled") is not None else None


ROUTES: Final = (
    ("GET", "/c/banks", list_banks),
    ("POST", "/c/banks", make_bank),
    ("GET", "/c/bank/{bank}", get_bank),
    ("PUT", "/c/bank/{bank}", change_bank),
    ("DELETE", "/c/bank/{bank}", delete_bank),
)
