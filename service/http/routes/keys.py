"""``/v1/keys``: bearer keys.

It knows the wire's fields; that a key's text is shown once is the store's doing.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Administering, Parts
from service.http.shapes import examples, wire
from service.http.shapes.answers import KeyAnswer, KeysAnswer
from service.http.shapes.schemas import KeyRequest

router = APIRouter(prefix="/v1/keys", route_class=StrictRoute, tags=["keys"])


@router.get("", summary="Every key", responses=bodies.answers(KeysAnswer, {"keys": [examples.KEY]}))
async def list_keys(parts: Parts, caller: Administering) -> Response:
    """Keys, oldest first, revoked ones included; never their texts."""
    del caller
    keys = await parts.reads.run(parts.store.keys.all)
    answer: KeysAnswer = {"keys": [wire.key(key) for key in keys]}
    return wire.json_response(answer)


@router.post(
    "",
    status_code=201,
    summary="Make a key",
    responses=bodies.answers(
        KeyAnswer, {**examples.KEY, "key": "lk_0a1b2c3d_" + "5f" * 32}, 400, 422, status=201
    ),
    openapi_extra=bodies.documented(KeyRequest, {"name": "upload service", "roles": ["matcher"]}),
)
async def make_key(request: Request, parts: Parts, caller: Administering) -> Response:
    """Makes a key. Its text is in this answer and nowhere else."""
    body = await bodies.json_body(request, KeyRequest)
    new = await parts.changing(
        caller.key_id, lambda store: store.keys.create(body.name, frozenset(body.roles))
    )
    return wire.json_response(
        wire.new_key(new), 201, {"Location": f"/v1/keys/{new.key.id}", "Cache-Control": "no-store"}
    )


@router.delete(
    "/{key_id}",
    status_code=204,
    summary="Revoke a key",
    responses=bodies.answers(None, None, 404, status=204),
)
async def revoke_key(key_id: str, parts: Parts, caller: Administering) -> Response:
    """Refuses the key from now on, on every replica within two seconds."""
    await parts.changing(caller.key_id, lambda store: store.keys.revoke(key_id))
    return Response(status_code=204)
