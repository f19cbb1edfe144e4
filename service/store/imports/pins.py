"""Pins: which key signs a list, and which of its signed versions was imported last.

Looked at and written in the transaction of the import, so that of two imports at the same time the
older one never comes last. It knows keys as bytes; signatures were verified by whoever read the
list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from service.domain.errors import StoreDamagedError
from service.domain.values import SignedVersion
from service.lists.signed.errors import (
    ForkedListError,
    OlderListError,
    OtherSignerError,
    SameListError,
    UnknownSignerError,
    UnsignedListError,
)
from service.lists.signed.keys import public_text
from service.store.core.models import PinRow
from service.store.core.seals import columns_of, insert_sealed, is_whole, update_sealed


@dataclass(frozen=True)
class Signing:
    """Who signed what is imported, and what the caller vouches for."""

    version: SignedVersion | None = None
    """``None``: nobody signed it."""
    vouched: bytes | None = None
    """The public key that the caller says is right; pinned once it signed an import."""
    repin: bool = False
    """Whether the caller means to leave the key that the list is pinned to, for another or for
    none."""


def check_pin(connection: Connection, list_id: int, signing: Signing) -> None:
    """Refuse what may not become the next version of a list.

    Raises ``UnsignedListError``, ``UnknownSignerError``, ``OtherSignerError``, ``OlderListError``,
    ``ForkedListError``, ``StoreDamagedError``.
    """
    pin, said = _pin(connection, list_id), signing.version
    if said is None:
        if signing.vouched is not None:
            raise UnsignedListError("nobody signed this list, and a signature is asked for")
        if pin is not None and not signing.repin:
            raise UnsignedListError(
                f"nobody signed this list, and {public_text(pin.public_key)} signs it as a rule"
            )
        return
    signer = public_text(said.public_key)
    if signing.vouched not in (None, said.public_key):
        raise OtherSignerError(f"the list is signed by another key: {signer}")
    if pin is None:
        if signing.vouched is None:
            raise UnknownSignerError(
                f"the list is signed by {signer}, for which nobody here vouched: ask its provider,"
                " another way than the list came, whether that is their key, and name it once"
                " (--signed-by)"
            )
        return
    if pin.public_key != said.public_key:
        if signing.repin and signing.vouched is not None:
            return
        raise OtherSignerError(
            f"the list is signed by {signer}, and pinned to {public_text(pin.public_key)}"
        )
    if (said.number, said.manifest) == (pin.number, pin.manifest):
        raise SameListError(f"this list, number {said.number}, is the one that was imported last")
    if said.number <= pin.number:
        raise OlderListError(
            f"the list has the number {said.number}, and {pin.number} was imported before"
        )
    earlier = dict(said.before)
    # Of a course that goes back further than it says, nobody can tell.
    expected = bool(earlier) and pin.number >= min(earlier)
    if expected and earlier.get(pin.number) != pin.manifest:
        raise ForkedListError(
            f"the list follows another course than the one imported last, which had the number"
            f" {pin.number}: does its publisher have two?"
        )


def keep_pin(connection: Connection, list_id: int, signing: Signing) -> None:
    """Look at the pin and write it, of a list that stays as it is; a negative id is of none.

    Raises what ``check_pin`` does.
    """
    if list_id >= 0:
        check_pin(connection, list_id, signing)
        write_pin(connection, list_id, signing)


def write_pin(connection: Connection, list_id: int, signing: Signing) -> None:
    """Remember what was imported, once ``check_pin`` let it pass, within its transaction."""
    said, which = signing.version, PinRow.list_id == list_id
    there = _pin(connection, list_id) is not None
    if said is None:
        if there:
            connection.execute(delete(PinRow).where(which))
        return
    values = {"public_key": said.public_key, "number": said.number, "manifest": said.manifest}
    if there:
        update_sealed(connection, PinRow, which, values)
    else:
        insert_sealed(connection, PinRow, {"list_id": list_id, **values})


def _pin(connection: Connection, list_id: int) -> Row[*tuple[Any, ...]] | None:
    query = select(*columns_of(PinRow)).where(PinRow.list_id == list_id)
    row = connection.execute(query).first()
    if row is not None and not is_whole(PinRow, row):
        raise StoreDamagedError(
            "which key signs this list is not what was written: `lookalike verify` says more, and"
            " a backup mends it"
        )
    return row
