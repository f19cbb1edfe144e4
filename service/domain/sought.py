"""What entries are looked for by: the exact value of a signal, an id, a label, a bank.

It knows how that is said in text; not how the store looks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from service.domain.errors import BadSignalError, EntryNotFoundError, InvalidValueError
from service.domain.signals import SignalType, signal_types, types_by_name
from service.domain.values import MAX_PROVIDER_ID, check_labels, check_text, entry_number

PROVIDER_ID: Final = "provider_id"
LABEL: Final = "label"


@dataclass(frozen=True)
class SoughtSignal:
    """The exact value of a signal that an entry is to have, whichever of its signals that is, and
    of whichever code space."""

    types: tuple[str, ...]
    """Any of these."""
    value: bytes
    """Canonical."""


@dataclass(frozen=True)
class Sought:
    """What an entry is to say, all of it."""

    signals: tuple[SoughtSignal, ...] = ()
    provider_id: str | None = None
    label: str | None = None
    entry_id: str | None = None
    bank: str | None = None
    """``None``: in any."""
    removed: bool = False
    """Whether what its list dropped is looked for too, of which only ids are left."""

    def __bool__(self) -> bool:
        """Whether anything is asked of an entry but that it is in that bank."""
        return bool(self.signals) or (self.provider_id, self.label, self.entry_id) != (None,) * 3


def read_sought(fields: Mapping[str, str], bank: str | None = None) -> Sought:
    """What is looked for, of fields named as types of signals are, ``provider_id`` and ``label``.

    A digest is looked for whether a list calls the file a video or not, as queries do. Raises
    ``BadSignalError`` and ``BadNameError``, naming the field, never the value.
    """
    known = types_by_name()
    provider_id, label = fields.get(PROVIDER_ID), fields.get(LABEL)
    if provider_id is not None:
        check_text(PROVIDER_ID, provider_id, MAX_PROVIDER_ID)
    if label is not None:
        check_labels((label,))
    signals = tuple(
        SoughtSignal(_alike(known[name]), known[name].read(name, text))
        for name, text in fields.items()
        if name not in (PROVIDER_ID, LABEL)
    )
    return Sought(signals, provider_id, label, bank=bank)


def readings(text: str, bank: str | None = None) -> Iterator[Sought]:
    """Whatever ``text`` could be: the value of a signal of any type that can be read from it, a
    provider's id, an entry's id. Of ids, removed entries are looked for as well."""
    values: dict[bytes, list[str]] = {}
    for known in signal_types():
        try:
            values.setdefault(known.read(known.name, text), []).append(known.name)
        except (BadSignalError, InvalidValueError):
            continue  # it is none of that type
    for value, types in values.items():
        yield Sought((SoughtSignal(tuple(types), value),), bank=bank)
    try:
        check_text(PROVIDER_ID, text, MAX_PROVIDER_ID)
        yield Sought(provider_id=text, bank=bank, removed=True)
        entry_number(text)
        yield Sought(entry_id=text, bank=bank, removed=True)
    except (InvalidValueError, EntryNotFoundError):
        return


def _alike(known: SignalType) -> tuple[str, ...]:
    return tuple(one.name for one in signal_types() if one.algorithm == known.algorithm)
