"""``POST /v1/match/urls``: URLs, or the links in a text, against what lists say of the web.

It knows what may be sent; the answering is ``url_matching``'s.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.domain.errors import InvalidRequestError
from service.domain.urls.canonical import MAX_CHARACTERS
from service.domain.urls.finding import links_in
from service.http.door import bodies, problems
from service.http.door.auth import Caller
from service.http.door.parameters import StrictRoute
from service.http.door.services import Services, querying, services_of
from service.http.shapes import examples, wire
from service.http.shapes.answers import UrlsAnswer
from service.http.shapes.schemas import MAX_TEXT, MAX_URLS, UrlsRequest
from service.replica.url_matching import UrlAnswers, UrlAsked, UrlResult, match_urls

router = APIRouter(tags=["match"], route_class=StrictRoute)

_URLS: Final = 16
"""That cost what one query by signals does."""
_CHARACTERS: Final = 2048
"""Of a text, in which links are looked for in that time."""


@router.post(
    "/v1/match/urls",
    name="match_urls",
    summary="Are these URLs, or the links in this text, listed?",
    responses=bodies.answers(UrlsAnswer, examples.URLS, 404, 429),
    openapi_extra=bodies.documented(
        UrlsRequest, {"urls": [one["url"] for one in examples.URLS["results"]]}
    ),
)
async def urls(request: Request) -> Response:
    """Answers in order: of ``urls`` one for each, of a ``text`` one for each link in it.

    Every spelling of a listed page is found, and so is what a redirector, an archive or a proxy
    carries. What a shortener leads to is not looked up, since nothing is fetched: ``coverage`` is
    then ``none``, with the reason ``shortener``. A URL that cannot be read holds an ``error`` in
    its place and fails none of the rest. Sixteen URLs count as one query for the rate of the key.
    """
    caller = querying(request)
    body = await bodies.json_body(request, UrlsRequest)
    if bool(body.urls) == bool(body.text):
        raise InvalidRequestError("send urls or a text, and not both")
    banks = None if body.banks is None else tuple(body.banks)
    found = await matched(request, caller, body.urls, body.text, banks)
    return wire.json_response(wire.urls_answer(found, caller, problems.body_of))


async def matched(
    request: Request, caller: Caller, urls: list[str], text: str, banks: tuple[str, ...] | None
) -> UrlAnswers:
    """The answers to URLs, or to the links in a text, counted; one query was counted before.

    Raises ``InvalidRequestError`` for a text that is too long or has too many links,
    ``TooManyRequestsError``, and what waiting for a worker and matching raise.
    """
    parts = services_of(request)
    if len(text) > MAX_TEXT:
        raise InvalidRequestError(f"text: at most {MAX_TEXT} characters, not {len(text)}")
    size = len(urls) / _URLS + len(text) / _CHARACTERS
    size += sum(map(len, urls)) / _CHARACTERS / 4  # long ones may carry others
    parts.rates.take(caller.key_id, int(size))

    def work() -> UrlAnswers:
        return match_urls(parts.matcher, asked_of(urls, text), banks)

    found = await parts.matching(request, work, 1 + int(size))
    _note(parts, found)
    return found


def asked_of(urls: list[str], text: str) -> list[UrlAsked]:
    """What to match. Raises ``InvalidRequestError`` for more links than one request may have."""
    if urls:
        return [UrlAsked(url[:MAX_CHARACTERS], (url,)) for url in urls]
    links = links_in(text)
    if len(links) > MAX_URLS:
        raise InvalidRequestError(
            f"text: it has {len(links)} links, more than {MAX_URLS}; send it in parts"
        )
    return [UrlAsked(link.text, link.readings) for link in links]


def _note(parts: Services, found: UrlAnswers) -> None:
    """Count the answers, as those to signals are."""
    verdicts, banks = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in found.answers:
        if not isinstance(one, UrlResult):
            continue
        verdicts[one.decision.verdict.value, one.coverage.value] += 1
        worst: dict[str, str] = {}
        for row in one.decision.rows:
            parts.metrics.matches.labels(row.found.signal).inc()
            worst.setdefault(row.bank, row.verdict.value)  # rows come by severity
        banks.update(worst.items())
    for labels, count in verdicts.items():
        parts.metrics.verdicts.labels(*labels).inc(count)
    for labels, count in banks.items():
        parts.metrics.bank_matches.labels(*labels).inc(count)
