"""``/v1/exchanges``: where lists are fetched from by themselves, and how that went.

It knows the wire's fields; what an exchange may reach and how it is synced are ``service.work``'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from service.domain.exchanges import MOST_RUNS, NewExchange
from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Administering, Curating, Parts
from service.http.shapes import examples, wire
from service.http.shapes.answers import ExchangeAnswer, ExchangesAnswer, RunAnswer, RunsAnswer
from service.http.shapes.schemas import ExchangeChange, ExchangeRequest
from service.work.syncing import check_exchange, permits_of

router = APIRouter(prefix="/v1/exchanges", route_class=StrictRoute, tags=["exchanges"])

_ALLOW_SHRINK: Final = Query(
    description="Take a list that removes more than a fifth of what it held before, of 10 entries"
    " or more; otherwise the run ends as `needs_review`."
)
_LIMIT: Final = Query(ge=1, le=MOST_RUNS, description="How many, at most.")


@router.get(
    "",
    summary="Every exchange",
    responses=bodies.answers(ExchangesAnswer, {"exchanges": [examples.EXCHANGE_ANSWER]}),
)
async def list_exchanges(parts: Parts, caller: Curating) -> Response:
    """Exchanges by name: where each list is fetched from, how its last sync went, and what is wrong
    with it, if something is (`trouble`)."""
    del caller
    records = await parts.reads.run(parts.store.exchanges.all)
    answer: ExchangesAnswer = {"exchanges": [wire.exchange(one) for one in records]}
    return wire.json_response(answer)


@router.post(
    "",
    status_code=201,
    summary="Make an exchange",
    responses=bodies.answers(
        ExchangeAnswer, examples.EXCHANGE_ANSWER, 400, 404, 409, 422, status=201
    ),
    openapi_extra=bodies.documented(ExchangeRequest, examples.EXCHANGE),
)
async def make_exchange(request: Request, parts: Parts, caller: Administering) -> Response:
    """Fetches a list from now on, at once and then every so many seconds.

    ``settings`` depend on the kind; a credential is never among them, only where it is found:
    ``env:LOOKALIKE_EXCHANGE_…`` or ``file:/run/secrets/…``, on every machine that serves.
    Addresses other than the documented ones of hotlines, and folders, must be allowed by
    ``LOOKALIKE_EXCHANGE_HOSTS`` and ``LOOKALIKE_EXCHANGE_FOLDERS``.
    """
    body = await bodies.json_body(request, ExchangeRequest)
    new = NewExchange(
        name=body.name,
        kind=body.kind,
        bank=body.bank,
        provider=body.provider or body.kind,
        list=body.list or body.name,
        settings=body.settings,
        every=body.every,
        enabled=body.enabled,
        max_rejected=body.max_rejected,
    )
    check_exchange(new, permits_of(parts.settings))
    await parts.reads.run(lambda: parts.store.banks.get(new.bank))
    made = await parts.changing(caller.key_id, lambda store: store.exchanges.create(new))
    parts.sync.wake()
    return wire.json_response(wire.exchange(made), 201, {"Location": f"/v1/exchanges/{made.name}"})


@router.get(
    "/{name}",
    summary="One exchange",
    responses=bodies.answers(ExchangeAnswer, examples.EXCHANGE_ANSWER, 404),
)
async def get_exchange(name: str, parts: Parts, caller: Curating) -> Response:
    """An exchange, and where its syncs stand."""
    del caller
    found = await parts.reads.run(lambda: parts.store.exchanges.get(name))
    return wire.json_response(wire.exchange(found))


@router.patch(
    "/{name}",
    summary="Change an exchange",
    responses=bodies.answers(ExchangeAnswer, examples.EXCHANGE_ANSWER, 400, 404, 422),
    openapi_extra=bodies.documented(ExchangeChange, {"every": 900, "enabled": True}),
)
async def change_exchange(
    name: str, request: Request, parts: Parts, caller: Administering
) -> Response:
    """Changes what is given; ``settings`` are replaced as a whole. Its next sync is due at once,
    and begins anew where it fetches from elsewhere or into another list."""
    body = await bodies.json_body(request, ExchangeChange)
    given: dict[str, Any] = body.model_dump(exclude_none=True)
    permits = permits_of(parts.settings)

    def changed(now: NewExchange) -> NewExchange:
        return check_exchange(replace(now, **given), permits)

    if body.bank is not None:
        bank = body.bank
        await parts.reads.run(lambda: parts.store.banks.get(bank))
    found = await parts.changing(caller.key_id, lambda store: store.exchanges.update(name, changed))
    parts.sync.wake()
    return wire.json_response(wire.exchange(found))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete an exchange",
    responses=bodies.answers(None, None, 404, status=204),
)
async def delete_exchange(name: str, parts: Parts, caller: Administering) -> Response:
    """Fetches from it no more; what it brought stays in force."""
    await parts.changing(caller.key_id, lambda store: store.exchanges.delete(name))
    return Response(status_code=204)


@router.post(
    "/{name}/sync",
    status_code=202,
    summary="Sync an exchange now",
    responses=bodies.answers(RunAnswer, examples.RUN_QUEUED, 404, status=202),
)
async def sync_exchange(
    name: str,
    parts: Parts,
    caller: Curating,
    allow_shrink: Annotated[bool, _ALLOW_SHRINK] = False,
) -> Response:
    """Has it synced within seconds, by whichever replica comes first, and does not wait for the
    end: ``GET …/runs`` tells of it. One that waits already is answered again."""
    run = await parts.changing(caller.key_id, lambda store: store.exchanges.ask(name, allow_shrink))
    parts.sync.wake()
    return wire.json_response(wire.run(run), 202, {"Location": f"/v1/exchanges/{name}/runs"})


@router.get(
    "/{name}/runs",
    summary="The last syncs of an exchange",
    responses=bodies.answers(RunsAnswer, {"runs": [examples.RUN]}, 404),
)
async def list_runs(
    name: str, parts: Parts, caller: Curating, limit: Annotated[int, _LIMIT] = MOST_RUNS
) -> Response:
    """Newest first; the last hundred are kept."""
    del caller
    runs = await parts.reads.run(lambda: parts.store.exchanges.runs(name, limit))
    answer: RunsAnswer = {"runs": [wire.run(one) for one in runs]}
    return wire.json_response(answer)
