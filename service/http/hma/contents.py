"""``/c/bank/{bank}/content`` and ``…/signal``: what a bank lists, one by one.

Each addition is an entry of its own, even of what the bank holds already, as with HMA. An entry is
in force or not; a day on which it would come back, a note and metadata are not kept.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import BankNotFoundError, EntryNotFoundError
from service.domain.signals import Signals
from service.domain.values import entry_id
from service.http.door.auth import READERS, Caller
from service.http.door.services import services_of
from service.http.hma.asked import UNUSABLE, content_of, json_object, signals_of, truthy
from service.http.hma.banks import find, shape
from service.http.hma.callers import admitted, curating
from service.http.hma.refusals import HmaError
from service.http.hma.signal_types import (
    PHOTO,
    known_type,
    listed_types,
    merged,
    shown,
    signal_types,
)
from service.http.shapes.wire import Json, json_response
from service.store import Bank, Entry, NewEntry

PROVIDER: Final = "hma"
"""The provider of what clients of HMA add."""

_NO_FILE: Final = "Neither `url` nor multipart file upload was received"
_HIGHEST: Final = 2**50 - 1
"""The highest number that an entry's id has digits for."""


async def add_content(request: Request) -> Response:
    """List a file: by all its signals; the file is dropped."""
    caller = curating(request)
    bank = await find(request, request.path_params["bank"])
    async with content_of(request, _NO_FILE) as content:
        types = content.types(services_of(request))
        signals = await signals_of(request, content, "reference")
        if content.content_type == PHOTO and types["pdq"].of(signals) is None:
            # Listed by its digest alone it would match no copy, and nobody would know.
            raise HmaError(400, f"Invalid pdq signal: {UNUSABLE}")
        return await _added(request, caller, bank, signals, shown(signals, types.values()))


async def add_signal(request: Request) -> Response:
    """List signals."""
    caller = curating(request)
    bank = await find(request, request.path_params["bank"])
    body = await json_object(request, "Request input was not a dict")
    if not body:
        raise HmaError(400, "No signals given")
    read = []
    for name, text in body.items():
        kind = known_type(services_of(request), name, f"No such signal type {name[:64]}")
        one = kind.fields(text)
        if one is None:
            said = UNUSABLE if name == "pdq" else f"not {kind.digits} lower-case hex digits"
            raise HmaError(400, f"Invalid {name} signal: {said}")
        read.append(one)
    return await _added(request, caller, bank, merged(read), dict(body))


async def get_content(request: Request) -> Response:
    """One entry."""
    admitted(request, READERS)
    bank = await find(request, request.path_params["bank"])
    entry = await _entry(request, bank)
    answer = _shape(entry, bank)
    if truthy(request.query_params.get("include_signals")):
        types = signal_types(services_of(request))
        answer["signals"] = shown(entry.signals, listed_types(entry.signals, types))
    return json_response(answer)


async def change_content(request: Request) -> Response:
    """Put an entry in or out of force."""
    caller = curating(request)
    bank = await find(request, request.path_params["bank"])
    body = await json_object(request, "Request input was not a dict")
    until = body.get("disable_until_ts")
    if until is None:
        entry = await _entry(request, bank)
    else:
        enabled = _enabled(until)
        parts, public = services_of(request), _public_id(request)
        try:
            entry = await parts.changing(
                caller.key_id, lambda store: store.entries.set_enabled(bank.name, public, enabled)
            )
        except EntryNotFoundError:
            raise _not_found(request) from None
    more: Json = {"collab_metadata": {}, "note": None, "user_metadata": None}
    return json_response({**_shape(entry, bank), **more})


async def delete_content(request: Request) -> Response:
    """Take an entry out of force for good."""
    caller = curating(request)
    bank = await find(request, request.path_params["bank"])
    parts = services_of(request)
    try:
        public = _public_id(request)
        await parts.changing(caller.key_id, lambda store: store.entries.delete(bank.name, public))
    except (HmaError, EntryNotFoundError):
        return json_response({"deleted": 0})
    except BankNotFoundError:
        raise HmaError(404, f"bank '{bank.name}' not found") from None
    return json_response({"deleted": 1})


async def _added(
    request: Request, caller: Caller, bank: Bank, signals: Signals, told: Json
) -> Response:
    parts = services_of(request)
    name = f"{PROVIDER}-{secrets.token_hex(16)}"
    new = NewEntry(signals, provider=PROVIDER, list=PROVIDER, provider_id=name)
    entry = await parts.changing(caller.key_id, lambda store: store.entries.add(bank.name, new))
    return json_response({"id": entry.id, "signals": told})


async def _entry(request: Request, bank: Bank) -> Entry:
    parts, public = services_of(request), _public_id(request)
    try:
        return await parts.reads.run(lambda: parts.store.entries.get(bank.name, public))
    except EntryNotFoundError:
        raise _not_found(request) from None


def _public_id(request: Request) -> str:
    text = request.path_params["id"]
    if not text.isascii() or not text.isdigit() or len(text) > 16 or int(text) > _HIGHEST:
        raise _not_found(request)
    return entry_id(int(text))


def _not_found(request: Request) -> HmaError:
    return HmaError(404, f"content '{request.path_params['id'][:20]}' not found")


def _enabled(until: object) -> bool:
    if isinstance(until, bool) or not isinstance(until, int) or until < 0:
        raise HmaError(400, "disable_until_ts must be a non-negative integer")
    if until > time.time():
        raise HmaError(400, "disable_until_ts: 0 disables and 1 enables; no day is kept")
    return until > 0


def _shape(entry: Entry, bank: Bank) -> Json:
    return {
        "id": entry.id,
        "bank": shape(bank),
        "disable_until_ts": int(entry.enabled),
        "original_media_uri": None,
    }


ROUTES: Final = (
    ("POST", "/c/bank/{bank}/content", add_content),
    ("POST", "/c/bank/{bank}/signal", add_signal),
    ("GET", "/c/bank/{bank}/content/{id}", get_content),
    ("PUT", "/c/bank/{bank}/content/{id}", change_content),
    ("DELETE", "/c/bank/{bank}/content/{id}", delete_content),
)
