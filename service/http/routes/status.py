"""Health, status and metrics: what operators and their machines read.

Health and ``/metrics`` need no key and name nothing that is listed. It knows what the parts say of
themselves; nothing of queries.
"""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from starlette.responses import Response

from service.domain.errors import IndexNotLoadedError, NotReadyError
from service.domain.health import Severity
from service.http.door import bodies, problems
from service.http.door.metrics import CONTENT_TYPE
from service.http.door.parameters import StrictRoute
from service.http.door.services import Anyone, Parts
from service.http.shapes import examples, wire
from service.http.shapes.answers import Alive, ReadyAnswer, StatusAnswer

router = APIRouter(tags=["status"])
# Health checks are left in peace: one that adds a parameter must not take a server for dead.
keyed = APIRouter(tags=["status"], route_class=StrictRoute)

VERSION = version("lookalike")


@router.get(
    "/livez",
    summary="The process lives",
    responses=bodies.answers(Alive, {"status": "alive"}, keyed=False),
)
async def livez() -> Response:
    """Answers while the event loop turns."""
    answer: Alive = {"status": "alive"}
    return wire.json_response(answer)


@router.get(
    "/readyz",
    summary="Queries can be answered",
    responses=bodies.answers(ReadyAnswer, examples.READY, 503, keyed=False),
)
async def readyz(parts: Parts) -> Response:
    """503 while an answer might be wrong, naming each check: the index is being loaded, no bank
    holds anything, the store could not be read for long, or something is damaged. Matches that are
    found are answered all the same."""
    checks = parts.health.checks()
    shown = [wire.check(one, detailed=False) for one in checks]
    failing = [one.name for one in checks if one.severity is Severity.FAILING]
    if not parts.replica.loaded:
        return problems.not_ready(IndexNotLoadedError(f"not ready: {', '.join(failing)}"), shown)
    if failing:
        return problems.not_ready(NotReadyError(f"not ready: {', '.join(failing)}"), shown)
    answer: ReadyAnswer = {"status": "ready", "checks": shown}
    return wire.json_response(answer)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text form.",
            "content": {"text/plain": {"example": "lookalike_index_sequence 81234.0\n"}},
        }
    },
)
async def metrics(parts: Parts) -> Response:
    """Counts, latencies, and the state of the replica."""
    return Response(parts.metrics.text(), media_type=None, headers={"Content-Type": CONTENT_TYPE})


@keyed.get(
    "/v1/status",
    summary="What this replica holds and runs",
    responses=bodies.answers(StatusAnswer, examples.STATUS),
)
async def status(parts: Parts, caller: Anyone) -> Response:
    """Per index its size and freshness; per code space the device that makes its codes, if any.

    ``trouble`` is what an operator should know of an index, such as a snapshot that cannot be
    written; ``rebuilt`` says why it was built anew from the store. Both are empty as a rule.
    ``checks`` are those of ``/readyz``, with their details.
    """
    del caller
    fresh = parts.replica.freshness()
    age = round(fresh.age_seconds, 3)
    devices = {encoder.info.space: encoder.device for encoder in parts.matcher.encoders}
    models = parts.matcher.models
    answer: StatusAnswer = {
        "version": VERSION,
        "loaded": parts.replica.loaded,
        "sequence": fresh.sequence,
        "age_seconds": age,
        "banks": len(parts.replica.known.banks),
        "signals": [wire.index_status(one, age) for one in parts.replica.stats()],
        "code_spaces": [
            {
                "space": space,
                "device": devices.get(space),
                "radii": dict(models[space].radii) if space in models else {},
            }
            for space in sorted({*devices, *parts.replica.spaces()})
        ],
        "exchanges": [wire.exchange_status(one) for one in parts.sync.known],
        "pending": parts.compute.pending,
        "ready": parts.health.ready,
        "checks": [wire.check(one, detailed=True) for one in parts.health.checks()],
    }
    return wire.json_response(answer)
