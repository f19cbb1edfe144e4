"""``/c/exchanges`` and ``/c/exchange/{name}``: the exchanges of ``/v1/exchanges``, as in HMA.

There an exchange has the name of its bank, which is made with it, and its settings are
``api_json``. Credentials are not sent here either: a setting says where one is found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import (
    BankExistsError,
    ExchangeExistsError,
    ExchangeNotFoundError,
    InvalidValueError,
)
from service.domain.exchanges import ExchangeRecord, NewExchange, RunState
from service.http.door.auth import ADMINS, READERS
from service.http.door.services import services_of
from service.http.hma.asked import json_object
from service.http.hma.callers import admitted
from service.http.hma.refusals import HmaError, missing
from service.http.shapes.wire import Json, json_response
from service.lists.exchanges.kinds import KINDS
from service.store import Store
from service.work.syncing import check_exchange, permits_of

_APIS: Final = {
    "ncmec": "ncmec",
    "stop_ncii": "stopncii",
    "tech_against_terrorism": "tech-against-terrorism",
    "folder": "folder",
    "https_file": "https",
    "lookalike": "lookalike",
}
"""HMA's names of exchange APIs, or names like them, to ours of kinds."""

_NAMES: Final = {kind: api for api, kind in _APIS.items()}

_NO_OBJECT: Final = "Request input was not a dict"


async def apis(request: Request) -> Response:
    """Which APIs exchanges can be made of."""
    admitted(request, READERS)
    return json_response(list(_APIS))


async def api(request: Request) -> Response:
    """Credentials are no property of an API here."""
    admitted(request, READERS)
    if request.path_params["api"] not in _APIS:
        raise HmaError(400, f"no such Exchange API '{request.path_params['api'][:64]}'")
    return json_response({"supports_authentification": False, "has_set_authentification": False})


async def set_credentials(request: Request) -> Response:
    """Credentials are never sent: settings say where they are."""
    admitted(request, ADMINS)
    await api(request)
    raise HmaError(
        400, "credentials are not sent: name in api_json where each is, env:LOOKALIKE_EXCHANGE_…"
    )


async def schema(request: Request) -> Response:
    """The settings of an API."""
    admitted(request, READERS)
    kind = KINDS.get(_APIS.get(request.path_params["api"], ""))
    if kind is None:
        raise HmaError(404, f"Exchange API '{request.path_params['api'][:64]}' not found")
    fields = [
        {"name": name, "type": "text", "required": required, "help": said}
        for names, required in ((kind.required, True), (kind.optional, False))
        for name, said in names.items()
    ]
    return json_response({"config_schema": {"fields": fields}, "credentials_schema": None})


async def make(request: Request) -> Response:
    """Make an exchange, and the bank of its name where there is none."""
    caller = admitted(request, ADMINS)
    body = await json_object(request, _NO_OBJECT)
    for field in ("bank", "api"):
        if field not in body:
            return missing(field, dict(body))
    bank, named = body["bank"], str(body["api"])
    if named not in _APIS:
        raise HmaError(400, f"No such exchange type '{named[:64]}'")
    settings = body.get("api_json") or {}
    if not isinstance(bank, str) or not _are_texts(settings):
        raise HmaError(400, "bank must be a text, and api_json texts by name")
    kind, parts = _APIS[named], services_of(request)
    new = check_exchange(
        NewExchange(bank, kind, bank, kind, bank, settings), permits_of(parts.settings)
    )

    def made(store: Store) -> None:
        with contextlib.suppress(BankExistsError):
            store.banks.create(bank)
        store.exchanges.create(new)

    try:
        await parts.changing(caller.key_id, made)
    except ExchangeExistsError:
        raise HmaError(400, f"Exchange '{bank[:64]}' already exists") from None
    parts.sync.wake()
    return json_response({"message": "Created successfully"}, 201)


async def names(request: Request) -> Response:
    """The names of all."""
    admitted(request, READERS)
    parts = services_of(request)
    records = await parts.reads.run(parts.store.exchanges.all)
    return json_response([one.name for one in records])


async def one(request: Request) -> Response:
    """One exchange."""
    admitted(request, READERS)
    return json_response(_shape(await _found(request)))


async def status(request: Request) -> Response:
    """Where its syncs stand."""
    admitted(request, READERS)
    found = await _found(request)
    current = found.current
    running = current is not None and current.state is RunState.RUNNING
    return json_response(
        {
            "checkpoint_ts": None,  # a checkpoint is a moment at some exchanges alone
            "fetched_items": found.entries,
            "last_fetch_complete_ts": _seconds(found.synced_at),
            "last_fetch_succeeded": None if found.last is None else not found.failures,
            "running_fetch_start_ts": _seconds(current.asked_at) if current and running else None,
            "up_to_date": found.synced_at is not None and not found.trouble(datetime.now(UTC)),
        }
    )


async def change(request: Request) -> Response:
    """Switch an exchange on or off."""
    caller = admitted(request, ADMINS)
    body = await json_object(request, _NO_OBJECT)
    found, enabled = await _found(request), body.get("enabled")
    if not isinstance(enabled, bool):
        raise HmaError(400, "enabled must be true or false")
    parts = services_of(request)
    changed = await parts.changing(
        caller.key_id,
        lambda store: store.exchanges.update(found.name, lambda was: replace(was, enabled=enabled)),
    )
    return json_response(_shape(changed))


async def delete(request: Request) -> Response:
    """Fetch from it no more; one that is not there is gone. Its bank stays."""
    caller = admitted(request, ADMINS)
    parts, name = services_of(request), request.path_params["name"]
    with contextlib.suppress(ExchangeNotFoundError):
        await parts.changing(caller.key_id, lambda store: store.exchanges.delete(name))
    return json_response({"message": "Exchange deleted"})


async def _found(request: Request) -> ExchangeRecord:
    parts, name = services_of(request), request.path_params["name"]
    try:
        return await parts.reads.run(lambda: parts.store.exchanges.get(name))
    except (ExchangeNotFoundError, InvalidValueError):
        raise HmaError(404, f"Exchange '{name[:64]}' not found") from None


def _shape(record: ExchangeRecord) -> Json:
    return {
        "name": record.name,
        "api": _NAMES.get(record.new.kind, record.new.kind),
        "enabled": record.new.enabled,
    }


def _are_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


ROUTES: Final[tuple[tuple[str, str, Any], ...]] = (
    ("GET", "/c/exchanges/apis", apis),
    ("GET", "/c/exchanges/api/{api}", api),
    ("POST", "/c/exchanges/api/{api}", set_credentials),
    ("GET", "/c/exchanges/api/{api}/schema", schema),
    ("POST", "/c/exchanges", make),
    ("GET", "/c/exchanges", names),
    ("GET", "/c/exchange/{name}", one),
    ("PUT", "/c/exchange/{name}", change),
    ("DELETE", "/c/exchange/{name}", delete),
    ("GET", "/c/exchange/{name}/status", status),
)
