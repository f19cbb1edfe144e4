"""The registry of signal types: which there are. No other place lists them.

What others derive from it they derive each time, or once for each set of types, so that a type
registered late, as a test does, is known everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from service.domain.signals.code import CODE
from service.domain.signals.digests import MD5, SHA1, SHA256
from service.domain.signals.kinds import SignalType
from service.domain.signals.pdq import PDQ
from service.domain.signals.photodna import PHOTODNA
from service.domain.signals.url import URL
from service.domain.signals.video_digests import VIDEO_MD5, VIDEO_SHA256

Types = tuple[SignalType, ...]

SHIPPED: Final[Types] = (
    MD5,
    SHA1,
    SHA256,
    PDQ,
    CODE,
    URL,
    VIDEO_MD5,
    VIDEO_SHA256,
    PHOTODNA,
)
"""In the order in which they are shown and written."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class _Registry:
    def __init__(self, types: Types) -> None:
        self.set(types)

    def set(self, types: Types) -> None:
        self.types = types
        self.by_name: Mapping[str, SignalType] = MappingProxyType({t.name: t for t in types})


_registry: Final = _Registry(SHIPPED)


def signal_types() -> Types:
    """Every type; the same object until one is registered, so a cache can be keyed by it."""
    return _registry.types


def signal_type(name: str) -> SignalType:
    """The type of that name, which must be registered."""
    return _registry.by_name[name]


def types_by_name() -> Mapping[str, SignalType]:
    """Name to type."""
    return _registry.by_name


@contextmanager
def registered(new: SignalType) -> Iterator[SignalType]:
    """One more type, as long as the context lasts."""
    before = signal_types()
    taken = {name for known in before for name in names_of(known)}
    assert _NAME.fullmatch(new.name), f"no name for a signal type: {new.name!r}"
    assert taken.isdisjoint(names_of(new)), f"a name of {new.name} is taken"
    _registry.set((*before, new))
    try:
        yield new
    finally:
        _registry.set(before)


def names_of(known: SignalType) -> frozenset[str]:
    """Whatever a type is called in JSON and in lists, and what states its quality and role."""
    return frozenset({known.name, *known.fields, *known.aliases})
