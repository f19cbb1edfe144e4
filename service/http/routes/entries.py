"""``/v1/banks/{bank}/entries``: entries, one by one.

It knows the wire's fields; whole lists come through ``imports``.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.domain.errors import InvalidRequestError
from service.domain.signals import doubts_of, from_fingerprint, query_signals, signal_types
from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Curating, Parts, Reading, Services
from service.http.door.uploads import Form, media_type
from service.http.routes import finding
from service.http.shapes import examples, wire
from service.http.shapes.answers import EntryAnswer, Remark
from service.http.shapes.schemas import TEXT, EntryChange, EntryRequest
from service.store import LOCAL_PROVIDER, MANUAL_LIST, Action, Entry, EntryPage, NewEntry

router = APIRouter(prefix="/v1/banks/{bank}/entries", tags=["entries"], route_class=StrictRoute)

_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "An image; not kept."},
        "provider": {"type": "string", "maxLength": 128, "pattern": TEXT},
        "list": {"type": "string", "maxLength": 128, "pattern": TEXT},
        "provider_id": {"type": "string", "maxLength": 256, "pattern": TEXT},
        "labels": {
            "type": "string",
            "maxLength": 64,
            "pattern": TEXT,
            "description": "May be repeated.",
        },
    },
}


@router.get(
    "",
    summary="A page of entries",
    responses=finding.PAGE,
    openapi_extra=finding.FOUND_BY,
)
async def list_entries(
    bank: str,
    request: Request,
    parts: Parts,
    caller: Reading,
    cursor: finding.Cursor = None,
    limit: finding.Limit = 100,
) -> Response:
    """Entries in the order they were added; give ``next_cursor`` as ``cursor`` for the next
    page. With what they are to say, those that say all of it, as ``GET /v1/entries`` finds them."""
    sought, after = finding.sought_in(request, bank), finding.after_cursor(cursor)
    store = parts.store

    def read() -> EntryPage:
        if sought:
            return store.find.page(sought, after, limit)
        return store.entries.page(bank, after, limit)

    return wire.json_response(wire.entry_page(await parts.reads.run(read), caller))


@router.post(
    "",
    status_code=201,
    summary="Add an entry",
    responses=bodies.answers(
        EntryAnswer, {**examples.ENTRY, "warnings": []}, 400, 404, 409, 413, 415, 422, status=201
    ),
    openapi_extra=bodies.documented(EntryRequest, examples.NEW_ENTRY, form=_FORM),
)
async def add_entry(bank: str, request: Request, parts: Parts, caller: Curating) -> Response:
    """Adds an entry by its signals, or by an image, which is fingerprinted and dropped.

    In force for the next query on this replica, and on every other within two seconds. ``warnings``
    say what may not be expected, such as an image with too little structure for PDQ and codes.
    """
    if media_type(request) == bodies.MULTIPART:
        async with parts.uploads.form(request) as form:
            new, doubts = await parts.decoding(
                request, form.file, lambda: _from_image(parts, form), listed=True
            )
    else:
        new = _from_signals(bodies.parsed(await parts.uploads.json(request), EntryRequest))
        doubts = []
    entry = await parts.changing(caller.key_id, lambda store: store.entries.add(bank, new))
    doubted: list[Remark] = [{"code": doubt, "message": _DOUBTED[doubt]} for doubt in doubts]
    body = wire.entry(entry, caller)
    body["warnings"] = [*_warnings(entry, parts), *doubted]
    place = f"/v1/banks/{entry.bank}/entries/{entry.entry_id}"
    return wire.json_response(body, 201, {"Location": place})


@router.get(
    "/{entry_id}",
    summary="One entry",
    responses=bodies.answers(EntryAnswer, examples.ENTRY, 404),
)
async def get_entry(bank: str, entry_id: str, parts: Parts, caller: Reading) -> Response:
    """An entry: where it comes from, whether it is in force."""
    entry = await parts.reads.run(lambda: parts.store.entries.get(bank, entry_id))
    return wire.json_response(wire.entry(entry, caller))


@router.patch(
    "/{entry_id}",
    summary="Put an entry in or out of force",
    responses=bodies.answers(EntryAnswer, examples.ENTRY, 400, 404, 422),
    openapi_extra=bodies.documented(EntryChange, {"enabled": False}),
)
async def change_entry(
    bank: str, entry_id: str, request: Request, parts: Parts, caller: Curating
) -> Response:
    """A disabled entry stays disabled whatever later versions of its list say."""
    body = await bodies.json_body(request, EntryChange)
    entry = await parts.changing(
        caller.key_id, lambda store: store.entries.set_enabled(bank, entry_id, body.enabled)
    )
    return wire.json_response(wire.entry(entry, caller))


@router.delete(
    "/{entry_id}",
    status_code=204,
    summary="Delete an entry",
    responses=bodies.answers(None, None, 404, status=204),
)
async def delete_entry(bank: str, entry_id: str, parts: Parts, caller: Curating) -> Response:
    """Takes the entry out of force. A later version of its list that holds it lists it again."""
    await parts.changing(caller.key_id, lambda store: store.entries.delete(bank, entry_id))
    return Response(status_code=204)


def _from_signals(body: EntryRequest) -> NewEntry:
    return NewEntry(
        signals=query_signals(body.signals).signals,
        provider=body.provider,
        list=body.list,
        provider_id=body.provider_id,
        labels=tuple(body.labels),
        enabled=body.enabled,
    )


_DOUBTED: Final = {
    "further_frames": "the file holds several frames: only the first is listed",
    "truncated": "the file was cut off: what is missing is listed as white",
    "ambiguous_picture": "programs show other pictures of this file: only the one that browsers "
    "show on white is listed",
}
"""What ``DOUBTS`` mean for an entry."""


def _from_image(parts: Services, form: Form) -> tuple[tuple[NewEntry, list[str]], int]:
    """The entry and why its signals are not those of all that the file shows; and how many further
    pictures that has."""
    for name, values in form.fields.items():
        if name not in _FORM["properties"]:
            raise InvalidRequestError(f"unknown field {name[:64]!r}")
        if name != "labels" and len(values) > 1:
            raise InvalidRequestError(f"{name}: given more than once")
        if "" in values:
            raise InvalidRequestError(f"{name}: empty; leave it out instead")

    def one(name: str, default: str) -> str:
        return form.fields.get(name, [default])[0]

    fingerprint = parts.matcher.fingerprint(form.file, "reference")
    new = NewEntry(
        signals=from_fingerprint(fingerprint),
        provider=one("provider", LOCAL_PROVIDER),
        list=one("list", MANUAL_LIST),
        provider_id=one("provider_id", "") or None,
        labels=tuple(form.fields.get("labels", [])),
    )
    return (new, doubts_of(fingerprint)), len(fingerprint.others)


def _warnings(entry: Entry, parts: Services) -> list[Remark]:
    said: list[Remark] = []
    signals = entry.signals
    if signals.digest_only:
        said.append(
            {
                "code": "digest_only",
                "message": "the image has too little structure: only its digests are matched",
            }
        )
    else:
        said += [
            {
                "code": f"{known.name}_low_quality",
                "message": f"the {known.name} hash is of too low quality to match",
            }
            for known in signal_types()
            if known.structural and signals.has(known.name) and not signals.any_usable(known.name)
        ]
    said += [
        {
            "code": "unknown_space",
            "message": f"no model here makes codes of {space}; images will not match it",
        }
        for space in sorted({one.space for one in signals.items if one.space})
        if space not in parts.matcher.models
    ]
    if parts.replica.failing:
        message = "added; this replica cannot follow the store now and matches it once it can"
        said.append({"code": "not_in_force", "message": message})
    bank = parts.replica.known.banks.get(entry.bank)
    if (
        bank is not None
        and bank.policy.action is Action.ALLOW
        and not any(known.allows and signals.has(known.name) for known in signal_types())
    ):
        said.append(
            {"code": "never_acts", "message": "an allow bank acts only on SHA-256; this has none"}
        )
    return said
