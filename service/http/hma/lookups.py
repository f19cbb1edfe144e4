"""``/m``: what a signal or a file matches, by bank, and whether two signals match each other.

Answers hold ids and distances and no verdict: what follows from a match is the client's to say.
They hold every bank that matches, and of one bank and signal type the nearest hundred entries.
Where a listed image could be missed now, an answer without matches is refused, never given.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from embeddings.codes import distances
from embeddings.errors import EmptyFileError, FileTooLargeError, ImageError
from embeddings.hashes.pdq import RADIUS
from service.domain import signals as ours
from service.domain.errors import UnavailableError
from service.domain.search import Found
from service.domain.signals import Signals, parse_signals
from service.http.door.auth import READERS
from service.http.door.services import Services, services_of
from service.http.hma.asked import (
    UNUSABLE,
    Content,
    content_of,
    fetched,
    json_object,
    truthy,
)
from service.http.hma.callers import admitted, querying
from service.http.hma.hashing import chosen
from service.http.hma.refusals import HmaError, missing
from service.http.hma.signal_types import VIDEO, HmaType, known_type, signal_types
from service.http.shapes.wire import Json, json_response
from service.policy.matching import MAX_MATCHES
from service.replica.matcher import Findings, Query, digest_query
from service.store import Action

_NEITHER: Final = "Either url or both signal and signal_type are required"
_NO_FILE: Final = "Neither `url` nor multipart file upload was received"


async def lookup(request: Request) -> Response:
    """What one signal, or the file behind a URL, matches, by bank."""
    querying(request)
    given = request.query_params
    if given.get("url"):
        async with fetched(request, given["url"]) as content:
            return await _content_answer(request, content)
    text, name = given.get("signal"), given.get("signal_type")
    if not text or not name:
        raise HmaError(400, _NEITHER)
    kind, found = await _signal_hits(request, name, text)
    return json_response(_by_bank(found[kind.name]))


async def lookup_upload(request: Request) -> Response:
    """What an uploaded file matches, by signal type and bank."""
    querying(request)
    async with content_of(request, _NO_FILE) as content:
        return await _content_answer(request, content)


async def raw_lookup(request: Request) -> Response:
    """The ids that one signal matches, of all banks together."""
    querying(request)
    given = request.query_params
    for field in ("signal", "signal_type"):
        if field not in given:
            return missing(field, dict(given))
    kind, found = await _signal_hits(request, given["signal_type"], given["signal"])
    rows = [row for rows in found[kind.name].values() for row in rows]
    ordered = sorted(rows, key=lambda hit: (hit.distance, hit.id))
    if truthy(given.get("include_distance")):
        return json_response({"matches": [_row(hit) for hit in ordered]})
    return json_response({"matches": [content_id(hit) for hit in ordered]})


async def compare(request: Request) -> Response:
    """Whether two signals of a type match, and how far they are apart."""
    querying(request)
    body = await json_object(request, "Request input was not a dict")
    parts = services_of(request)
    answer: Json = {}
    for name, pair in body.items():
        kind = known_type(parts, name, f"No such SignalType '{name[:64]}'")
        if not isinstance(pair, list) or len(pair) != 2:
            raise HmaError(400, "Comparison hash list length must be exactly 2")
        one, other = (_read(kind, text) for text in pair)
        answer[name] = _compared(parts, kind, one, other)
    return json_response(answer)


async def index_status(request: Request) -> Response:
    """How much each index holds, and up to when."""
    admitted(request, READERS)
    parts = services_of(request)
    known = signal_types(parts)
    name = request.query_params.get("signal_type")
    if name is not None and name not in known:
        raise HmaError(400, f"No such signal type '{name[:64]}'")
    held = index_sizes(parts)
    built = built_to(parts)
    answer = {
        one.name: {
            "present": parts.replica.loaded,
            "built_to": built,
            "size": held.get(one.key, 0),
        }
        for one in known.values()
        if name in (None, one.name)
    }
    return json_response(answer)


def index_sizes(parts: Services) -> dict[tuple[str, str], int]:
    """Entries in force by signal and code space: those that a lookup by it may find, so of every
    type that is the same function of a file."""
    held: Counter[tuple[str, str]] = Counter()
    for one in parts.replica.stats():
        held[ours.signal_type(one.name.signal).algorithm, one.name.space] += one.stats.enabled
    spaces = {space for _, space in held}
    types = ours.signal_types()
    return {(one.name, space): held[one.algorithm, space] for one in types for space in spaces}


def built_to(parts: Services) -> int:
    """Until when this replica holds every change, in seconds since 1970."""
    return int(time.time() - parts.replica.freshness().age_seconds)


def content_id(hit: Found) -> int:
    """The number of the entry that was found: from 1, as HMA counts contents."""
    return hit.id


async def _signal_hits(
    request: Request, name: str, text: str
) -> tuple[HmaType, dict[str, dict[str, list[Found]]]]:
    parts = services_of(request)
    kind = known_type(parts, name, f"No such SignalType '{name[:64]}'")
    signals = _read(kind, text)
    banks = _banks(request)
    if banks == ():
        return kind, {kind.name: {}}
    query = Query(signals, banks=banks)
    hits = await parts.matching(request, lambda: parts.matcher.hits(query))
    found = _sorted_out(hits, [kind])
    if not found[kind.name]:
        _certain(hits)
        if any(one.reason == "unknown_space" for one in hits.plan.not_matched):
            raise HmaError(400, f"no model here makes {kind.name}, nor does a bank say its radius")
    return kind, found


async def _content_answer(request: Request, content: Content) -> Response:
    parts = services_of(request)
    types = chosen(request, content)
    single = request.query_params.get("signal_type")
    if single is not None:
        if single not in types:
            raise HmaError(400, f"No such SignalType '{single[:64]}'")
        types = {single: types[single]}
    banks = _banks(request)

    def work() -> tuple[tuple[Findings | None, Signals, ImageError | None], int]:
        failure, further = None, 0
        query = digest_query(content.data, banks)
        if content.content_type != VIDEO:
            try:
                query, made = parts.matcher.image_query(content.data, banks)
                further = len(made.others)
            except (EmptyFileError, FileTooLargeError):
                raise
            except ImageError as error:
                failure = error
        hits = None if banks == () else parts.matcher.hits(query)
        return (hits, query.signals, failure), further

    hits, signals, failure = await parts.decoding(request, content.data, work)
    found = {name: {} for name in types} if hits is None else _sorted_out(hits, types.values())
    if not any(found.values()):
        if failure is not None:
            raise failure
        if any(kind.of(signals) is None for kind in types.values()):
            raise HmaError(400, f"invalid signal: {UNUSABLE}")
        if hits is not None:
            _certain(hits)
    answers = {
        name: _by_bank(found[name]) for name, kind in types.items() if kind.of(signals) is not None
    }
    return json_response(answers.get(single, {}) if single is not None else answers)


def _banks(request: Request) -> tuple[str, ...] | None:
    """Of the banks that the parameter ``banks`` names those there are; ``None`` where it names
    none."""
    text = request.query_params.get("banks")
    if not text:
        return None
    there = services_of(request).replica.known.banks
    return tuple(name for name in dict.fromkeys(text.split(",")) if name in there)


def _read(kind: HmaType, text: object) -> Signals:
    fields = kind.fields(text)
    if fields is None:
        said = UNUSABLE if kind.name == "pdq" else f"not {kind.digits} lower-case hex digits"
        raise HmaError(400, f"invalid signal: {said}")
    return parse_signals(fields, asked=True)


def _certain(hits: Findings) -> None:
    """Refuse to say "nothing" where something listed could have been missed."""
    if hits.incomplete:
        raise UnavailableError("INDEX-STALE")


def _sorted_out(hits: Findings, types: Iterable[HmaType]) -> dict[str, dict[str, list[Found]]]:
    """What was found by type and bank, each entry once and the nearest first. What an allow bank
    holds is no match to a client that knows of no such banks."""
    wanted = list(types)
    out: dict[str, dict[str, dict[int, Found]]] = {kind.name: {} for kind in wanted}
    for hit in hits.found:
        bank = hits.banks.get(hit.bank_id)
        if bank is None or bank.policy.action is Action.ALLOW:
            continue
        for kind in wanted:
            if kind.found(hit):
                rows = out[kind.name].setdefault(bank.name, {})
                if hit.id not in rows or hit.distance < rows[hit.id].distance:
                    rows[hit.id] = hit
    return {
        kind: {
            bank: sorted(rows.values(), key=lambda hit: (hit.distance, hit.id))[:MAX_MATCHES]
            for bank, rows in sorted(banks.items())
        }
        for kind, banks in out.items()
    }


def _by_bank(found: Mapping[str, list[Found]]) -> Json:
    return {bank: [_row(hit) for hit in rows] for bank, rows in found.items()}


def _row(hit: Found) -> dict[str, Any]:
    # Theirs is text.
    return {"bank_content_id": content_id(hit), "distance": str(hit.distance)}


def _compared(parts: Services, kind: HmaType, one: Signals, other: Signals) -> list[Any]:
    first, second = kind.of(one), kind.of(other)
    assert first is not None
    assert second is not None
    if (keys := kind.known.keys) is not None:
        match = keys.listed(first) in keys.asked(second) or keys.listed(second) in keys.asked(first)
        return [match, {"distance": int(not match)}]
    if kind.known.exact:
        return [first == second, {"distance": int(first != second)}]
    apart = distances(*(np.frombuffer(value, np.uint8)[None] for value in (first, second)))
    distance = int(apart[0, 0])
    model = parts.matcher.models.get(kind.space)
    radius = RADIUS if kind.name == "pdq" else model.radii["any"] if model else 0
    return [distance <= radius, {"distance": distance}]


ROUTES: Final = (
    ("GET", "/m/lookup", lookup),
    ("POST", "/m/lookup", lookup_upload),
    ("GET", "/m/raw_lookup", raw_lookup),
    ("GET", "/m/index/status", index_status),
    ("POST", "/m/compare", compare),
)
