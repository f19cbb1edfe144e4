"""``/v1/banks``: banks and their policies.

It knows the wire's fields; what a policy means is ``matching``'s.
"""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.http.door import bodies
from service.http.door.parameters import StrictRoute
from service.http.door.services import Curating, Parts, Reading
from service.http.shapes import examples, wire
from service.http.shapes.answers import BankAnswer, BanksAnswer
from service.http.shapes.schemas import BankChange, BankRequest, RadiusFields
from service.store import Policy, Radii, Thresholds

router = APIRouter(prefix="/v1/banks", route_class=StrictRoute, tags=["banks"])


@router.get(
    "",
    summary="Every bank",
    responses=bodies.answers(BanksAnswer, {"banks": [examples.BANK_ANSWER]}),
)
async def list_banks(parts: Parts, caller: Reading) -> Response:
    """Banks by name, with their policies."""
    del caller
    banks = await parts.reads.run(parts.store.banks.all)
    answer: BanksAnswer = {"banks": [wire.bank(bank) for bank in banks]}
    return wire.json_response(answer)


@router.post(
    "",
    status_code=201,
    summary="Make a bank",
    responses=bodies.answers(BankAnswer, examples.BANK_ANSWER, 400, 409, 422, status=201),
    openapi_extra=bodies.documented(BankRequest, examples.BANK),
)
async def make_bank(request: Request, parts: Parts, caller: Curating) -> Response:
    """Makes an empty bank.

    ``action`` is what a PDQ match asks for: ``block`` or ``review``. A digest match blocks and
    a code match asks for review in both. An ``allow`` bank acts only on an exact SHA-256.
    """
    body = await bodies.json_body(request, BankRequest)
    policy = Policy(
        body.action,
        body.imagery,
        _radii(body.radius),
        body.enabled,
        Thresholds(body.score.code),
    )
    bank = await parts.changing(caller.key_id, lambda store: store.banks.create(body.name, policy))
    return wire.json_response(wire.bank(bank), 201, {"Location": f"/v1/banks/{bank.name}"})


@router.get(
    "/{bank}",
    summary="One bank",
    responses=bodies.answers(BankAnswer, examples.BANK_ANSWER, 404),
)
async def get_bank(bank: str, parts: Parts, caller: Reading) -> Response:
    """A bank and its policy."""
    del caller
    found = await parts.reads.run(lambda: parts.store.banks.get(bank))
    return wire.json_response(wire.bank(found))


@router.patch(
    "/{bank}",
    summary="Change a bank's policy",
    responses=bodies.answers(BankAnswer, examples.BANK_ANSWER, 400, 404, 422),
    openapi_extra=bodies.documented(BankChange, {"action": "block", "radius": {"pdq": 24}}),
)
async def change_bank(bank: str, request: Request, parts: Parts, caller: Curating) -> Response:
    """Changes what is given; ``radius`` and ``score`` are replaced as a whole. In force for
    the next query.
    """
    body = await bodies.json_body(request, BankChange)

    def changed(policy: Policy) -> Policy:
        return replace(
            policy,
            action=policy.action if body.action is None else body.action,
            imagery=policy.imagery if body.imagery is None else body.imagery,
            radius=policy.radius if body.radius is None else _radii(body.radius),
            enabled=policy.enabled if body.enabled is None else body.enabled,
            score=policy.score if body.score is None else Thresholds(body.score.code),
        )

    found = await parts.changing(caller.key_id, lambda store: store.banks.update(bank, changed))
    return wire.json_response(wire.bank(found))


@router.delete(
    "/{bank}",
    status_code=204,
    summary="Delete a bank",
    responses=bodies.answers(None, None, 404, status=204),
)
async def delete_bank(bank: str, parts: Parts, caller: Curating) -> Response:
    """Takes the bank and all its entries out of force."""
    await parts.changing(caller.key_id, lambda store: store.banks.delete(bank))
    return Response(status_code=204)


def _radii(fields: RadiusFields) -> Radii:
    return Radii(fields.pdq, fields.code)
