"""``/v1/banks/{bank}/imports``: a whole list comes in as one new version.

It knows the query's parameters; formats are ``formats``', the diff is the store's.
"""

from __future__ import annotations

from typing import Annotated, Any, BinaryIO, Final

from fastapi import APIRouter, Query, Request
from pydantic import JsonValue
from starlette.responses import Response

from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Curating, Parts
from service.http.shapes import changes, examples, wire
from service.http.shapes.answers import ImportAnswer
from service.http.shapes.schemas import TEXT
from service.lists.formats import (
    FORMATS,
    ListReader,
    PackingLimits,
    ReadOptions,
    file_chunks,
    map_of,
    reading_format,
)
from service.lists.signed.keys import public_key_of
from service.lists.signed.package import signed_list
from service.store import (
    DEFAULT_LIST,
    LOCAL_PROVIDER,
    ImportDiff,
    ImportTarget,
    Mode,
    Signing,
    Store,
)

router = APIRouter(tags=["imports"], route_class=StrictRoute)

_WORD: Final[dict[str, JsonValue]] = {"maxLength": 128, "pattern": TEXT}
_FORMAT: Final = Query(
    json_schema_extra={"enum": [one.name for one in FORMATS]},
    description="How the list is written; found out from how it begins if absent.",
)
_PROVIDER: Final = Query(description="Who provides the list.", json_schema_extra=_WORD)
_LIST: Final = Query(
    description="Which of the provider's lists it is: this one is replaced.",
    json_schema_extra=_WORD,
)
_VERSION: Final = Query(
    description="The provider's name for this version; by default the time.",
    json_schema_extra=_WORD,
)
_MAX_REJECTED: Final = Query(
    ge=0, le=10**9, description="Bad lines to tolerate; with more of them nothing is imported."
)
_ALLOW_SHRINK: Final = Query(
    description="Import a list that removes more than a fifth of what it held before, of 10"
    " entries or more; otherwise the answer is a problem `list_shrinks`."
)
_MAP: Final = Query(
    max_length=2048,
    description="What the list's columns mean: the name of a shipped map, as `iwf`, or a map itself"
    " as TOML.",
)
_MODE: Final = Query(
    description="`replace`: the body is the whole list. `append`: it is what changed of it, so what"
    " it does not name stays, and only what it withdraws goes."
)
_SIGNED_BY: Final = Query(
    max_length=64,
    description="Import only what this public key signed, `ed25519:…`, now and from now on. A list"
    " that is pinned to a key takes what that key signed, each time something newer.",
)
_REPIN: Final = Query(
    description="Leave the key that the list is pinned to, for that of `signed_by` or for none."
)
_DRY_RUN: Final = Query(description="Answer with what would change, and change nothing.")

_BODIES: Final[dict[str, Any]] = {
    "application/octet-stream": {
        "schema": {"type": "string", "format": "binary"},
        "example": "provider_id,sha256,labels\nA-118," + "5f" * 32 + ",A\n",
    }
}


@router.post(
    "/v1/banks/{bank}/imports",
    summary="Import a list",
    responses=bodies.answers(ImportAnswer, examples.IMPORT, 404, 409, 413, 422, 503, 507),
    openapi_extra=bodies.documented(other=_BODIES),
)
async def import_list(
    bank: str,
    request: Request,
    parts: Parts,
    caller: Curating,
    format: Annotated[str | None, _FORMAT] = None,  # noqa: A002 (the contract's word)
    provider: Annotated[str, _PROVIDER] = LOCAL_PROVIDER,
    list: Annotated[str, _LIST] = DEFAULT_LIST,  # noqa: A002 (the contract's word)
    version: Annotated[str | None, _VERSION] = None,
    max_rejected: Annotated[int, _MAX_REJECTED] = 0,
    allow_shrink: Annotated[bool, _ALLOW_SHRINK] = False,
    dry_run: Annotated[bool, _DRY_RUN] = False,
    mode: Annotated[Mode, _MODE] = Mode.REPLACE,
    map: Annotated[str | None, _MAP] = None,  # noqa: A002 (the contract's word)
    signed_by: Annotated[str | None, _SIGNED_BY] = None,
    repin: Annotated[bool, _REPIN] = False,
) -> Response:
    """The body is the *whole* list, of whatever media type: what it no longer holds is taken out of
    force. With ``mode=append`` it is what changed of it.

    Valid lines commit together. Bad lines are rejected, each with its line and reason; with more
    than ``max_rejected`` of them nothing commits and the answer is a problem; so it is
    where much of the list would go, or it states its length and is shorter. ``dry_run`` answers
    the diff and changes nothing. The format is found out from the first line unless it is given.
    """
    vouched = None if signed_by is None else public_key_of(signed_by)
    chosen = None if format is None else reading_format(format).name

    columns = None if map is None else map_of(map)
    # Packed, a list has the same limit as it has unpacked.
    packing = PackingLimits(parts.settings.max_list_bytes, parts.settings.data_dir)
    options = ReadOptions(columns, packing)

    def read(store: Store, file: BinaryIO) -> tuple[ImportDiff, ListReader]:
        if (signed := signed_list(file, options)) is None:
            reader = ListReader(file_chunks(file), chosen, options)
            rows, named = iter(reader), version
        else:
            reader, rows = signed.reader, signed.rows()
            named = version or signed.manifest.version
        signing = Signing(None if signed is None else signed.version, vouched, repin)
        target = ImportTarget(bank, provider, list, named, mode=mode)
        diff = store.apply_import(target, rows, max_rejected, dry_run, allow_shrink, signing)
        return diff, reader

    parts.imports.check_room()  # rather than once the whole list was sent
    async with parts.uploads.list_file(request) as file:
        diff, reader = await parts.changing(
            caller.key_id, lambda store: read(store, file), parts.imports
        )
    return wire.json_response(changes.import_diff(diff, reader.passed_over, reader.ignored))
