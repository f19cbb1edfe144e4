"""``…/versions`` of a bank, and ``…/history`` of an entry: what was, and the way back to it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import JsonValue
from starlette.responses import Response

from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Curating, Parts, Reading
from service.http.shapes import changes, examples, wire
from service.http.shapes.answers import HistoryAnswer, ImportAnswer, VersionsAnswer
from service.http.shapes.schemas import TEXT
from service.store import DEFAULT_LIST, LOCAL_PROVIDER, ImportTarget

router = APIRouter(prefix="/v1/banks/{bank}", tags=["versions"], route_class=StrictRoute)

_WORD: Final[dict[str, JsonValue]] = {"maxLength": 128, "pattern": TEXT}
_PROVIDER: Final = Query(description="Who provides the list.", json_schema_extra=_WORD)
_LIST: Final = Query(description="Which of the provider's lists.", json_schema_extra=_WORD)
_ALLOW_SHRINK: Final = Query(
    description="Go back even where that removes more than a fifth of what the list holds, of 10"
    " entries or more; otherwise the answer is a problem `list_shrinks`."
)
_DRY_RUN: Final = Query(description="Answer with what would change, and change nothing.")


@router.get(
    "/versions",
    summary="The versions of a bank's lists",
    responses=bodies.answers(VersionsAnswer, {"versions": [examples.VERSION]}, 404),
)
async def list_versions(bank: str, parts: Parts, caller: Reading) -> Response:
    """Which version of each list was in force when, newest first: the newest 1,000."""
    del caller
    versions = await parts.reads.run(lambda: parts.store.versions(bank))
    answer: VersionsAnswer = {"versions": [changes.version(one) for one in versions]}
    return wire.json_response(answer)


@router.post(
    "/versions/{version:path}/rollback",
    summary="Go back to a version of a list",
    responses=bodies.answers(ImportAnswer, examples.ROLLED_BACK, 404, 409, 422, 503, 507),
)
async def roll_back(
    bank: str,
    version: str,
    parts: Parts,
    caller: Curating,
    provider: Annotated[str, _PROVIDER] = LOCAL_PROVIDER,
    list: Annotated[str, _LIST] = DEFAULT_LIST,  # noqa: A002 (the contract's word)
    dry_run: Annotated[bool, _DRY_RUN] = False,
    allow_shrink: Annotated[bool, _ALLOW_SHRINK] = False,
) -> Response:
    """What the list held in that version is what it holds from now on, as a new version that names
    the old one. In one commit, and in force for the next query.

    Entries that a curator disabled stay disabled. A list that is pinned to a key stays pinned, and
    takes what is newer than the last signed version it took. Versions older than the retention
    time are gone: the answer is a problem `past_unknown`.
    """
    target = ImportTarget(bank, provider, list)
    diff = await parts.changing(
        caller.key_id,
        lambda store: store.roll_back(target, version, dry_run, allow_shrink),
        parts.imports,
    )
    return wire.json_response(changes.import_diff(diff, {}, ()))


@router.get(
    "/entries/{entry_id}/history",
    summary="Every state of an entry",
    responses=bodies.answers(HistoryAnswer, {"states": [examples.STATE]}, 404),
)
async def entry_history(bank: str, entry_id: str, parts: Parts, caller: Reading) -> Response:
    """What the entry was from which change to which, oldest first, also of one that was removed."""
    states = await parts.reads.run(lambda: parts.store.history.states(bank, entry_id))
    answer: HistoryAnswer = {"states": [changes.entry_state(one, caller) for one in states]}
    return wire.json_response(answer)
