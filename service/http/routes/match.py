"""``/v1/match``, ``/v1/match/batch`` and ``/v1/fingerprint``: queries.

It knows what a query may look like on the wire; the answering is ``matcher``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import JsonValue
from starlette.responses import Response

from embeddings.fingerprint import Fingerprint
from service.domain.errors import (
    BadMediaTypeError,
    FetchDisabledError,
    InvalidRequestError,
    MalformedRequestError,
    ServiceError,
)
from service.domain.signals import fingerprint_json, query_signals
from service.http.door import bodies, problems
from service.http.door.auth import READERS, Caller
from service.http.door.parameters import StrictRoute
from service.http.door.services import Services, querying, services_of
from service.http.door.uploads import Form, media_type
from service.http.shapes import examples, wire
from service.http.shapes.answers import BatchAnswer, FingerprintAnswer, MatchAnswer, ProblemItem
from service.http.shapes.schemas import NAME, BatchRequest, MatchRequest
from service.replica.matcher import Answer, ImageAnswer, Query, UndecodedError

BANK: Final = {"type": "string", "pattern": NAME}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": said}
    for name, schema, said in (
        ("content_id", {"type": "string", "maxLength": 256}, "Yours; neither read nor kept."),
        ("account_id", {"type": "string", "maxLength": 256}, "Yours; neither read nor kept."),
        ("banks", {"type": "array", "items": BANK, "minItems": 1}, "By default all."),
        ("include", {"type": "string", "enum": ["fingerprint"]}, "What to answer besides."),
        ("views", {"type": "boolean"}, "Of an image: match its views too."),
    )
]

router = APIRouter(tags=["match"], route_class=StrictRoute)

_OPTIONS: Final = ("content_id", "account_id", "banks", "include", "views")

_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "An image."},
        "content_id": {"type": "string", "maxLength": 256},
        "account_id": {"type": "string", "maxLength": 256},
        "banks": {"type": "string", "description": "Names, divided by commas; may be repeated."},
        "include": {"type": "string", "enum": ["fingerprint"]},
        "views": {
            "type": "boolean",
            "default": False,
            "description": "Also match the image turned, mirrored, and the pictures within it.",
        },
    },
}


@dataclass(frozen=True)
class _Options:
    banks: tuple[str, ...] | None
    fingerprint: bool
    views: bool


@router.post(
    "/v1/match",
    summary="Is this image, or are these signals, listed?",
    responses=bodies.answers(MatchAnswer, examples.MATCH, 404, 429),
    openapi_extra={
        "parameters": _PARAMETERS,
        **bodies.documented(
            MatchRequest, {"signals": examples.SIGNALS, "banks": ["iwf-npi"]}, form=_FORM
        ),
    },
)
async def match(request: Request) -> Response:
    """Answers with a verdict and why.

    Send an image as multipart form data, or signals as JSON, or JSON with the ``url`` of an image
    where the service may fetch it (``LOOKALIKE_FETCH_ALLOWLIST``; by default nowhere).
    ``banks`` and ``include`` may stand in the query string too. ``views`` finds more (pages and
    collages of several pictures, mirrored ones by PDQ) for some three times the work; what only a
    view matches asks for review. A file that cannot be decoded is an error, and if its digests are
    listed the problem holds ``verdict`` and ``matches`` besides. Distances, radii and entry ids are
    shown to the roles curator, reviewer and admin.
    """
    parts, caller = services_of(request), querying(request)
    given = _query_options(request)
    if media_type(request) == bodies.MULTIPART:
        async with parts.uploads.form(request) as form:
            options = _options(_once(given, _form_options(form)))
            return await _image_answer(request, caller, form.file, options)
    body = bodies.parsed(await parts.uploads.json(request), MatchRequest)
    options = _options(_once(given, _body_options(body)))
    if body.url is not None:
        if body.signals is not None:
            raise InvalidRequestError("send signals, or the url of an image to fetch, not both")
        async with parts.fetcher.file(request, body.url) as file:
            return await _image_answer(request, caller, file, options)
    if options.views:
        raise InvalidRequestError("views: only of an image, which is sent as multipart form data")
    query = _query(body, options)
    answer = await parts.matching(request, lambda: parts.matcher.match(query))
    note(parts, caller, answer)
    return wire.json_response(_signals_answer(answer, caller, options))


@router.post(
    "/v1/match/batch",
    summary="Many queries by signals at once",
    responses=bodies.answers(
        BatchAnswer, {"items": [examples.MATCH, {"error": problems.described(404)}]}, 429
    ),
    openapi_extra=bodies.documented(
        BatchRequest,
        {"items": [{"signals": examples.SIGNALS}, {"signals": {"md5": "0" * 32}, "banks": ["x"]}]},
    ),
)
async def match_batch(request: Request) -> Response:
    """Answers in the order of the items; an item that fails holds an ``error`` in its place.
    Each item counts as a query for the rate of the key."""
    parts, caller = services_of(request), querying(request)
    batch = await bodies.json_body(request, BatchRequest)
    parts.rates.take(caller.key_id, len(batch.items) - 1)  # one was counted at the door

    def work() -> list[MatchAnswer | ProblemItem]:
        return [_item(parts, caller, item) for item in batch.items]

    answer: BatchAnswer = {"items": await parts.matching(request, work, len(batch.items))}
    return wire.json_response(answer)


@router.post(
    "/v1/fingerprint",
    summary="Every signal of an image",
    responses=bodies.answers(FingerprintAnswer, examples.FINGERPRINT, 429),
    openapi_extra=bodies.documented(
        form={
            "type": "object",
            "required": ["file"],
            "properties": {"file": _FORM["properties"]["file"]},
        }
    ),
)
async def fingerprint(request: Request) -> Response:
    """Fingerprints an image without matching it; nothing of it is kept."""
    parts = services_of(request)
    querying(request)
    _only_form(request)
    async with parts.uploads.form(request) as form:
        if form.fields:
            raise MalformedRequestError(f"unknown field {min(form.fields)[:64]!r}")
        value = await parts.decoding(request, form.file, lambda: _fingerprinted(parts, form.file))
    return wire.json_response(fingerprint_json(value))


async def judged(
    request: Request,
    caller: Caller,
    file: bytes,
    banks: tuple[str, ...] | None,
    views: bool = False,
) -> ImageAnswer:
    """The answer to an image, counted. Raises ``ImageError``, or ``UndecodedError`` in its place
    if the file is listed, and what waiting for a worker raises."""
    parts = services_of(request)
    try:
        both = await parts.decoding(
            request, file, lambda: _matched(parts, file, banks, views), views=views
        )
    except UndecodedError as listed:
        note(parts, caller, listed.answer)
        raise
    note(parts, caller, both.answer)
    return both


def banks_of(request: Request) -> tuple[str, ...] | None:
    """The banks that the query string names; ``None`` for all. Raises ``InvalidRequestError``."""
    return _options(
        {"banks": found} if (found := request.query_params.getlist("banks")) else {}
    ).banks


async def _image_answer(
    request: Request, caller: Caller, file: bytes, options: _Options
) -> Response:
    try:
        both = await judged(request, caller, file, options.banks, options.views)
    except UndecodedError as listed:
        return problems.undecoded(listed.failure, wire.match_answer(listed.answer, caller, None))
    shown = fingerprint_json(both.fingerprint) if options.fingerprint else None
    return wire.json_response(wire.match_answer(both.answer, caller, shown))


def _matched(
    parts: Services, file: bytes, banks: tuple[str, ...] | None, views: bool
) -> tuple[ImageAnswer, int]:
    both = parts.matcher.match_image(file, banks, views)
    return both, len(both.fingerprint.others)


def _fingerprinted(parts: Services, data: bytes) -> tuple[Fingerprint, int]:
    value = parts.matcher.fingerprint(data)
    return value, len(value.others)


def _only_form(request: Request) -> None:
    if media_type(request) != bodies.MULTIPART:
        raise BadMediaTypeError("send the image as multipart/form-data, in the field 'file'")


def _item(
    parts: Services, caller: Caller, item: Mapping[str, JsonValue]
) -> MatchAnswer | ProblemItem:
    try:
        body = bodies.shaped(item, MatchRequest)
        options = _options(_body_options(body))
        answer = parts.matcher.match(_query(body, options))
    except ServiceError as error:
        return {"error": problems.body_of(error)}
    note(parts, caller, answer)
    return _signals_answer(answer, caller, options)


def _signals_answer(answer: Answer, caller: Caller, options: _Options) -> MatchAnswer:
    shown = answer.query.signals.to_json() if options.fingerprint else None
    return wire.match_answer(answer, caller, shown)


def _query(body: MatchRequest, options: _Options) -> Query:
    if body.url is not None:
        raise FetchDisabledError("a batch fetches no URL; to look up a listed URL send signals.url")
    if body.signals is None:
        raise InvalidRequestError("signals: field required")
    given = query_signals(body.signals)
    return Query(given.signals, given.photographic, options.banks, doubts=given.doubts)


def _query_options(request: Request) -> dict[str, list[str]]:
    return _only_known(
        {name: request.query_params.getlist(name) for name in request.query_params}, "parameter"
    )


def _form_options(form: Form) -> dict[str, list[str]]:
    return _only_known(form.fields, "field")


def _body_options(body: MatchRequest) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    if body.banks is not None:
        out["banks"] = body.banks
    if body.include:
        out["include"] = list(body.include)
    return out


def _once(given: Mapping[str, list[str]], sent: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The options of the query string and of the body; one of both could widen a query unseen."""
    for name in sent:
        if name in given:
            raise InvalidRequestError(f"{name}: in the query string or in the body, not in both")
    return {**given, **sent}


def _only_known(fields: dict[str, list[str]], what: str) -> dict[str, list[str]]:
    # A misspelt "banks" must not widen a query in silence.
    for name in fields:
        if name not in _OPTIONS:
            raise InvalidRequestError(f"unknown {what} {name[:64]!r}; known: {', '.join(_OPTIONS)}")
    for name in ("content_id", "account_id"):
        if any(len(value) > 256 for value in fields.get(name, [])):
            raise InvalidRequestError(f"{name}: at most 256 characters")
    return fields


def _options(fields: Mapping[str, list[str]]) -> _Options:
    banks = _names(fields, "banks")
    if banks is not None and not banks:
        raise InvalidRequestError("banks: name at least one, or leave it out")
    include = _names(fields, "include") or ()
    unknown = [name for name in include if name != "fingerprint"]
    if unknown:
        raise InvalidRequestError(f"include: only 'fingerprint', not {unknown[0][:64]!r}")
    views = _names(fields, "views") or ("false",)
    # Generated clients write a form's switches as their language does: Python's are capital.
    if len(views) != 1 or views[0].lower() not in ("true", "false"):
        raise InvalidRequestError("views: 'true' or 'false'")
    return _Options(banks, bool(include), views[0].lower() == "true")


def _names(fields: Mapping[str, list[str]], name: str) -> tuple[str, ...] | None:
    if name not in fields:
        return None
    parts = (part.strip() for value in fields[name] for part in value.split(","))
    return tuple(part for part in parts if part)


def note(parts: Services, caller: Caller, answer: Answer) -> None:
    """Count an answer, and see what its caller may be after."""
    if answer.decision.rows and not caller.may(READERS):
        parts.probing.saw(caller.key_id, answer)
    decision = answer.decision
    parts.metrics.verdicts.labels(decision.verdict.value, answer.coverage.value).inc()
    worst: dict[str, str] = {}
    for row in decision.rows:
        parts.metrics.matches.labels(row.found.signal).inc()
        worst.setdefault(row.bank, row.verdict.value)  # rows come by severity
    for bank, verdict in worst.items():
        parts.metrics.bank_matches.labels(bank, verdict).inc()
