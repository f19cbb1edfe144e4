"""Signals read from the fields of JSON and of lists; the way back is ``Signals.to_json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from embeddings.figures import CODE_BITS
from service.domain.errors import BadSignalError
from service.domain.signals.items import Signals
from service.domain.signals.kinds import Grade, SignalType, octets
from service.domain.signals.registry import Types, names_of, signal_types
from service.domain.signals.signal import Signal

MAX_SPACES: Final = 8
"""Code spaces in which one item may have signals."""

_SPACE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


def parse_signals(fields: Mapping[str, object]) -> Signals:
    """Read signals from text; ``None`` counts as absent.

    ``codes`` maps code space to text. Raises ``BadSignalError`` naming the key, never the value.
    """
    types = signal_types()
    known = _known(types)
    if not fields.keys() <= known:
        unknown = min(str(name)[:64] for name in fields if name not in known)
        raise BadSignalError(f"unknown signal {unknown!r}; known are {', '.join(sorted(known))}")
    items: list[Signal] = []
    for one in _in_order(types):
        if one.grade is not None or one.spaced or one.role_field:
            _read(one, fields, items)
        elif (value := fields.get(one.field)) is not None:
            items.append(Signal(one.name, one.read(one.field, value)))
    structure = unit_interval("quality", fields.get("quality"))
    if (said := fields.get("descriptors")) is None:
        return Signals(tuple(items), structure)
    return Signals(tuple(items), structure, _descriptors(said, Signals(tuple(items)).codes))


def unit_interval(name: str, value: object) -> float | None:
    """A number in 0..1, or ``None`` where none was given."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadSignalError(f"{name} must be a number from 0 to 1")
    return float(value)


@lru_cache(maxsize=8)
def _known(types: Types) -> frozenset[str]:
    names = {name for one in types for name in names_of(one)}
    aliases = {name for one in types for name in (*one.aliases, one.name)}
    return frozenset((names - aliases) | {one.field for one in types} | {"descriptors", "quality"})


@lru_cache(maxsize=8)
def _in_order(types: Types) -> Types:
    """As ``items.in_order`` has their signals."""
    return tuple(sorted(types, key=lambda one: one.name))


def _read(one: SignalType, fields: Mapping[str, object], items: list[Signal]) -> None:
    """The signals of a type that says more than its value."""
    role = _role(one, fields.get(one.role_field)) if one.role_field else None
    stated = one.grade is not None and one.grade.field
    grade = _grade(one.grade, fields.get(one.grade.field)) if one.grade and stated else None
    value = fields.get(one.field)
    if value is None:
        return
    by_space = _by_space(one.field, value) if one.spaced else {"": value}
    for space in sorted(by_space):
        name = f"{one.field}.{space}" if one.spaced else one.field
        if by_space[space] is not None:
            raw = one.read(name, by_space[space])
            items.append(Signal(one.name, raw, space, grade, None, role))


def _by_space(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise BadSignalError(f"{name} must map code spaces to hex")
    if len(value) > MAX_SPACES:
        raise BadSignalError(f"{name} of at most {MAX_SPACES} spaces, not {len(value)}")
    for space in value:
        if not isinstance(space, str) or not _SPACE.fullmatch(space):
            raise BadSignalError(
                f"{name}: a code space is 1 to 64 lower-case letters, digits, '.', '_' and '-'"
            )
    return value


def _grade(grade: Grade, value: object) -> float | int | None:
    if value is None:
        return None
    if grade.whole and isinstance(value, float) and value.is_integer():
        value = int(value)  # in JSON 97.0 is an integer
    right = isinstance(value, int if grade.whole else int | float) and not isinstance(value, bool)
    if not right or not 0 <= value <= grade.most:  # type: ignore[operator]
        what = "an integer" if grade.whole else "a number"
        raise BadSignalError(f"{grade.field} must be {what} from 0 to {grade.most}")
    return value  # type: ignore[return-value]


def _role(one: SignalType, value: object) -> str | None:
    if value is not None and value not in one.roles:
        raise BadSignalError(f"{one.role_field} must be one of {', '.join(one.roles)}")
    return value if isinstance(value, str) else None


def _descriptors(value: object, given: Mapping[str, bytes]) -> dict[str, bytes]:
    """Descriptors, each with the code whose signs it has: what comes near is found by the code."""
    from embeddings import codes  # NumPy, which nobody else here needs

    read = octets(CODE_BITS)["read"]
    found: dict[str, bytes] = {}
    for space, said in _by_space("descriptors", value).items():
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
