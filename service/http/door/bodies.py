"""JSON bodies: read within a limit, after the caller was admitted, checked by a shape,
documented once.

FastAPI's own body parameters read the body before anyone asks who is calling, without a limit that
answers as a problem; hence these. It knows shapes and OpenAPI; not what a body asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from service.domain.errors import BadMediaTypeError, InvalidRequestError, MalformedRequestError
from service.http.door.problems import MEDIA_TYPE, described
from service.http.door.services import services_of
from service.http.door.uploads import media_type
from service.http.shapes.schemas import Problem

M = TypeVar("M", bound=BaseModel)

JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"


async def json_body(request: Request, shape: type[M]) -> M:
    """The request's JSON body as a ``shape``.

    Raises ``BadMediaTypeError``, ``BodyTooLargeError``, ``MalformedRequestError``,
    ``InvalidRequestError``."""
    if media_type(request) != JSON:
        raise BadMediaTypeError("send application/json")
    return parsed(await services_of(request).uploads.json(request), shape)


def parsed(body: bytes, shape: type[M]) -> M:
    """``body`` as a ``shape``. Raises ``MalformedRequestError``, ``InvalidRequestError``."""
    try:
        made = shape.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None
    # It was read once and is JSON, and not nested too deeply; but of two fields of one name the
    # last would have counted, and others that read the request may count the first.
    _DISTINCT.decode(body.decode())
    return made


def shaped(value: object, shape: type[M]) -> M:
    """A value that was read already as a ``shape``. Raises ``InvalidRequestError``."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise _refusal(error) from None


def documented(
    shape: type[BaseModel] | None = None,
    example: object = None,
    form: Mapping[str, Any] | None = None,
    other: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What OpenAPI shows of a body: JSON of a ``shape``, a multipart ``form``, or ``other``
    types."""
    content: dict[str, Any] = {}
    if form is not None:
        content[MULTIPART] = {"schema": dict(form)}
    if shape is not None:
        content[JSON] = {"schema": reference(shape), "example": example}
    return {"requestBody": {"required": True, "content": {**content, **(other or {})}}}


def answers(
    shape: type[Any] | None,
    example: object,
    *failures: int,
    status: int = 200,
    keyed: bool = True,
) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI shows of a route's answers: one that is good, and those of ``failures``.

    ``keyed``: the route asks for a key, so it may also answer 401 and 403; 422, since it refuses
    parameters it does not know; and 503. What every route with a body may answer besides stands in
    ``openapi``.
    """
    good: dict[str, Any] = {"description": "Done."}
    if shape is not None:
        good |= {"model": shape, "content": {JSON: {"example": example}}}
    also = (401, 403, 422, 503) if keyed else ()
    return {status: good, **{failed: problem(failed) for failed in sorted({*failures, *also})}}


def reference(shape: type[BaseModel]) -> dict[str, str]:
    """How OpenAPI refers to a shape; ``openapi`` sees that it is there."""
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def problem(status: int) -> dict[str, Any]:
    """What OpenAPI shows of a failure."""
    content = {"schema": reference(Problem), "example": described(status)}
    return {"description": described(status)["title"], "content": {MEDIA_TYPE: content}}


def _distinct(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen = set[str]()
    for name, _ in pairs:
        if name in seen:
            raise InvalidRequestError(f"{name[:64]}: given more than once")
        seen.add(name)


_DISTINCT: Final = json.JSONDecoder(object_pairs_hook=_distinct)


def _refusal(error: ValidationError) -> MalformedRequestError | InvalidRequestError:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in found):
        return MalformedRequestError("the body is not JSON")
    said = []
    for one in found[:5]:
        where = ".".join(str(part)[:64] for part in one["loc"])
        said.append(f"{where or 'body'}: {one['msg']}")
    return InvalidRequestError("; ".join(said))
