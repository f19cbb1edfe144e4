"""An entry while a format gathers what a list says of it.

Every format that is no form of our own gathers its entries here: signals by their type's name,
labels, the provider's id. What a list says that no signal type is known for is counted and named,
never dropped in silence.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from service.domain.errors import InvalidValueError
from service.domain.signals import Signal, Signals, SignalType, parse_signals, signal_types
from service.domain.values import (
    MAX_PROVIDER_ID,
    ImportRow,
    RejectedLine,
    Withdrawn,
    check_labels,
    check_text,
)
from service.lists.formats.errors import BadLineError
from service.lists.formats.names import names

Row = ImportRow | Withdrawn | RejectedLine
"""What a line or a record of a list becomes."""

_NAMED: Final = 32
"""Names that are kept for the report, of each kind."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.: -]")


@dataclass
class Notes:
    """What was met in a list and is not in its rows; filled while the list is read."""

    ignored: set[str] = field(default_factory=set)
    """Columns or keys from which nothing is read."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """What was not listed, and how often: fingerprints of unknown types, entries that their own
    list says are none."""
    pages: list[bool] = field(default_factory=list)
    """Of each file that is a page of an answer, whether it says that there are more."""

    def ignore(self, name: str) -> None:
        """Nothing is read from this column or key."""
        if len(self.ignored) < _NAMED:
            # A key may hold what no terminal should be sent.
            self.ignored.add(name[:64] if name.isprintable() else ascii(name[:64]))

    def pass_over(self, what: str) -> None:
        """One more of these is not listed."""
        if what not in self.passed_over:
            what = _UNSAFE.sub("?", what[:64])
            if len(self.passed_over) >= _NAMED:
                what = "others"
        self.passed_over[what] += 1


def _plain(kind: str) -> str:
    return kind.strip().lower().replace("-", "_").replace(" ", "_")


@lru_cache(maxsize=256)
def _type_of(kind: str, types: tuple[SignalType, ...]) -> SignalType | None:
    """The type that a list's word means, of those there are."""
    plain = _plain(kind)
    found = (one for one in types if plain in (one.name, *one.aliases) and not one.spaced)
    return next(found, None)


class Draft:
    """One entry: filled by a format, made a row by ``row``."""

    def __init__(self, notes: Notes) -> None:
        """An entry of which nothing is said yet; what it cannot say goes into ``notes``."""
        self._notes = notes
        self._signals: list[Signal] = []
        self._unknown = False
        self.provider_id: str | None = None
        self.labels: list[str] = []
        self.pdq_quality: int | None = None
        self.structure: float | None = None

    def signal(self, kind: str, value: object, name: str) -> None:
        """A signal of the type ``kind``, as the list's ``name`` gives it: hex or base64.

        Raises ``BadLineError``.
        """
        known = _type_of(kind, signal_types())
        if known is None:
            if ":" in kind and (meant := names().in_text(kind)) is not None:
                self._spaced(*meant, value, name)
            else:
                self.unknown(_plain(kind))
            return
        try:
            raw = known.read(name, value.strip() if isinstance(value, str) else value)
        except InvalidValueError as error:
            raise BadLineError(str(error), name) from None
        self._signals.append(Signal(known.name, raw))

    def unknown(self, kind: str) -> None:
        """It has a fingerprint of a kind that is not known here, or is not in the list itself."""
        self._notes.pass_over(f"{kind} fingerprint")
        self._unknown = True

    def _spaced(self, field: str, space: str, value: object, name: str) -> None:
        try:
            self._signals += parse_signals({field: {space: value}}).items
        except InvalidValueError as error:
            raise BadLineError(str(error), name) from None

    def row(self, number: int) -> ImportRow | None:
        """The entry that line ``number`` says; ``None`` where it has only fingerprints of types
        that are not known here, which were counted.

        Raises ``BadLineError``.
        """
        if not self._signals:
            if self._unknown:
                self._notes.pass_over("entry with none but unknown fingerprints")
                return None
            raise BadLineError("no signal to match")
        try:
            identity = self.provider_id
            if identity is not None:
                check_text("provider_id", identity, MAX_PROVIDER_ID)
            labels = check_labels(tuple(self.labels))
        except InvalidValueError as error:
            raise BadLineError(str(error), str(error).split(" ", 1)[0]) from None
        return ImportRow(number, self._made(), identity, labels)

    def _made(self) -> Signals:
        if self.pdq_quality is not None:
            self._signals = [
                one._replace(quality=self.pdq_quality) if one.type == "pdq" else one
                for one in self._signals
            ]
        return Signals.many(self._signals, self.structure)
