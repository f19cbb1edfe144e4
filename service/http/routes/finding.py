"""``/v1/entries``: entries of all banks, found by what they say; what a bank's route asks by, too.

It knows the query's parameters; how entries are looked for is the store's.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from service.domain.errors import BadCursorError, EntryNotFoundError, InvalidRequestError
from service.domain.signals import signal_types
from service.domain.sought import LABEL, PROVIDER_ID, Sought, read_sought
from service.domain.values import MAX_PROVIDER_ID, entry_number
from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Parts, Reading
from service.http.shapes import examples, wire
from service.http.shapes.answers import EntriesAnswer
from service.http.shapes.schemas import TEXT

router = APIRouter(prefix="/v1/entries", tags=["entries"], route_class=StrictRoute)

PAGE: Final = bodies.answers(
    EntriesAnswer, {"entries": [examples.ENTRY], "next_cursor": "e_00000000qf"}, 404, 422
)
Cursor = Annotated[
    str | None,
    Query(
        description="The `next_cursor` of the page before.",
        json_schema_extra={"pattern": "^e_[0-9a-v]{10}$"},
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000)]

MOST_ASKED: Final = 2048
"""Characters of one value: with more the request line of several of them would be too long."""


def _in_a_query(schema: dict[str, Any]) -> dict[str, Any]:
    """A type's schema, no longer than a parameter may be."""
    return {**schema, "maxLength": min(schema.get("maxLength", MOST_ASKED), MOST_ASKED)}


FOUND_BY: Final[dict[str, Any]] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": said}
        for name, schema, said in (
            *(
                (one.name, _in_a_query(one.schema), f"Has exactly this. {one.sentence}")
                for one in signal_types()
            ),
            (
                PROVIDER_ID,
                {"type": "string", "maxLength": MAX_PROVIDER_ID, "pattern": TEXT},
                "What its provider calls it.",
            ),
            (LABEL, {"type": "string", "maxLength": 64, "pattern": TEXT}, "Carries this label."),
        )
    ]
}
"""The parameters that ``sought_in`` reads."""


@router.get("", summary="Find entries in all banks", responses=PAGE, openapi_extra=FOUND_BY)
async def find_entries(
    request: Request, parts: Parts, caller: Reading, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """Entries that say all that is asked, disabled ones too, in the order they were added; at least
    one thing is to be asked. Give ``next_cursor`` as ``cursor`` for the next page.

    Values are compared exactly: what lies within a radius, and a URL however it is written, is
    found by ``POST /v1/match`` and ``POST /v1/match/urls``. A digest is found whether its list
    calls the file a video or not; a code in every code space.
    """
    sought, after = sought_in(request), after_cursor(cursor)
    if not sought:
        raise InvalidRequestError(f"name what to look for: {', '.join(_NAMES)}")
    page = await parts.reads.run(lambda: parts.store.find.page(sought, after, limit))
    return wire.json_response(wire.entry_page(page, caller))


def sought_in(request: Request, bank: str | None = None) -> Sought:
    """What the query string looks for. Raises ``InvalidRequestError`` for what stands there twice,
    and what ``read_sought`` raises."""
    given = request.query_params
    for name in _NAMES:
        if len(given.getlist(name)) > 1:
            raise InvalidRequestError(f"{name}: given more than once")
        if len(given.get(name, "")) > MOST_ASKED:
            raise InvalidRequestError(f"{name}: at most {MOST_ASKED} characters")
    return read_sought({name: given[name] for name in _NAMES if name in given}, bank)


def after_cursor(cursor: str | None) -> int:
    """The number of the entry after which a page begins. Raises ``BadCursorError``."""
    try:
        return 0 if cursor is None else entry_number(cursor)
    except EntryNotFoundError:
        raise BadCursorError("cursor: give the next_cursor of the page before") from None


_NAMES: Final = tuple(one["name"] for one in FOUND_BY["parameters"])
