"""Signals read from the fields of JSON and of lists; the way back is ``Signals.to_json``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from embeddings.figures import CODE_BITS
from service.domain.errors import BadSignalError
from service.domain.signals.frames import parse_frames
from service.domain.signals.gauges import read_grade, read_spaces
from service.domain.signals.items import Signals, in_order
from service.domain.signals.kinds import SignalType, octets
from service.domain.signals.registry import Types, signal_types
from service.domain.signals.signal import Signal

_BESIDE: Final = frozenset({"quality", "frames", "descriptors"})
"""What is said of an item beside its signals' fields."""


def parse_signals(fields: Mapping[str, object], asked: bool = False) -> Signals:
    """Read signals from text; ``None`` counts as absent. ``asked``: they are a query's.

    ``codes`` maps code space to text, and ``frames`` is as ``frames`` has it. Raises
    ``BadSignalError`` naming the key, never the value.
    """
    types = signal_types()
    # A list of a million lines has the same few fields in all of them.
    plan = _plan(types, frozenset(fields))
    items: list[Signal] = []
    for one, more in plan:
        value = fields.get(one.field)
        if more:
            _read(one, value, fields, items)
        elif value is not None:
            items.append(Signal(one.name, one.reads(asked)(one.field, value)))
    found = tuple(items)
    if _BESIDE.isdisjoint(fields):  # as in most lists, of a million lines
        return Signals(found)
    structure = unit_interval("quality", fields.get("quality"))
    if (said := fields.get("frames")) is not None:
        roles = {one.name: _role(one, fields.get(one.role_field)) for one in types if one.roles}
        found = in_order((*found, *parse_frames(said, types, roles)))
    if (said := fields.get("descriptors")) is not None:
        return Signals(found, structure, _descriptors(said, Signals(found).codes))
    return Signals(found, structure)


def unit_interval(name: str, value: object) -> float | None:
    """A number in 0..1, or ``None`` where none was given."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadSignalError(f"{name} must be a number from 0 to 1")
    return float(value)


@lru_cache(maxsize=256)
def _plan(types: Types, given: frozenset[str]) -> tuple[tuple[SignalType, bool], ...]:
    """The types of which something is ``given``, as ``items.in_order`` has their signals, each with
    whether it may say more than a value. Raises ``BadSignalError`` for what is no field."""
    known = {name for one in types for name in one.fields} | _BESIDE
    if not given <= known:
        unknown = min(str(name)[:64] for name in given - known)
        raise BadSignalError(f"unknown signal {unknown!r}; known are {', '.join(sorted(known))}")
    return tuple(
        (one, one.spaced or not given.isdisjoint(one.fields[1:]))
        for one in sorted(types, key=lambda one: one.name)
        if not given.isdisjoint(one.fields)
    )


def _read(
    one: SignalType, value: object, fields: Mapping[str, object], items: list[Signal]
) -> None:
    """The signals of a type that says more than its value."""
    role = _role(one, fields.get(one.role_field)) if one.role_field else None
    grade = None
    if one.grade is not None and (name := one.grade.field):
        grade = read_grade(name, fields.get(name), one.grade)
    if value is None:
        return
    by_space = read_spaces(one.field, value) if one.spaced else {"": value}
    for space in sorted(by_space):
        name = f"{one.field}.{space}" if one.spaced else one.field
        if by_space[space] is not None:
            raw = one.read(name, by_space[space])
            items.append(Signal(one.name, raw, space, grade, None, role))


def _role(one: SignalType, value: object) -> str | None:
    if value is not None and value not in one.roles:
        raise BadSignalError(f"{one.role_field} must be one of {', '.join(one.roles)}")
    return value if isinstance(value, str) else None


def _descriptors(value: object, given: Mapping[str, bytes]) -> dict[str, bytes]:
    """Descriptors, each with the code whose signs it has: what comes near is found by the code."""
    from embeddings import codes  # NumPy, which nobody else here needs

    read = octets(CODE_BITS)["read"]
    found: dict[str, bytes] = {}
    for space, said in read_spaces("descriptors", value).items():
        if said is None:
            continue
        one = read(f"descriptors.{space}", said)
        if space not in given:
            raise BadSignalError(f"descriptors.{space}: give codes.{space} as well")
        if not codes.belongs(one, given[space]):
            raise BadSignalError(
                f"descriptors.{space} is none, or not that of codes.{space}: 256 signed bytes, "
                "-127 to 127, whose signs are the code's bits"
            )
        found[space] = one
    return found
