"""All signals of one item, in one order whoever gave them, and the structure of its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from service.domain.signals.frames import frames_json
from service.domain.signals.kinds import SignalType
from service.domain.signals.registry import signal_type, signal_types, types_by_name
from service.domain.signals.signal import Signal


@dataclass(frozen=True)
class Signals:
    """The signals of one item: an entry, a line of a list, a query.

    There may be many of one type, as a video has frames. The *first* of a type, and of a code
    space, is the one that stands for the whole item: it is no frame.
    """

    items: tuple[Signal, ...] = ()
    """As ``in_order`` has them; ``of`` and ``many`` see to that."""
    structure: float | None = None
    """Of the picture, 0..1; ``None`` where nobody said. JSON and lists call it ``quality``."""
    descriptors: Mapping[str, bytes] = field(default_factory=dict)
    """Of a query alone, never kept: code space to 256 signed bytes, by which what its code finds is
    scored."""

    @classmethod
    def many(cls, items: Iterable[Signal], structure: float | None = None) -> Signals:
        """Of signals in any order."""
        return cls(in_order(items), structure)

    @classmethod
    def of(
        cls,
        *,
        quality: float | None = None,
        descriptors: Mapping[str, bytes] | None = None,
        **given: object,
    ) -> Signals:
        """By the fields of JSON, but values as canonical bytes, or a text for its UTF-8: at most
        one of each type and space. ``None`` counts as absent."""
        found: list[Signal] = []
        for known in signal_types():
            said = given.pop(known.field, None)
            grade = given.pop(known.grade.field, None) if known.grade else None
            role = given.pop(known.role_field, None)
            by_space = said if isinstance(said, Mapping) else {} if said is None else {"": said}
            for space, value in by_space.items():
                raw = value.encode() if isinstance(value, str) else value
                found.append(Signal(known.name, raw, space, grade, None, role))  # type: ignore[arg-type]
        assert not given, f"no signal type has these fields: {sorted(given)}"
        return cls(in_order(found), quality, {} if descriptors is None else descriptors)

    def with_codes(self, codes: Mapping[str, bytes], role: str, structure: float) -> Signals:
        """With codes made anew, of the spaces that were there and of others; all get the role."""
        kept = [one for one in self.items if one.type != "code" or one.space not in codes]
        made = [Signal("code", code, space) for space, code in codes.items()]
        items = [one._replace(role=role) if one.type == "code" else one for one in (*kept, *made)]
        return Signals.many(items, structure)

    def __bool__(self) -> bool:
        """Whether there is anything to match."""
        return bool(self.items)

    def first(self, name: str, space: str = "") -> Signal | None:
        """The signal of a type that stands for the whole item."""
        return self._firsts.get((name, space))

    @property
    def frames(self) -> tuple[Signal, ...]:
        """Those that are not the first of their type and space."""
        if len(self._firsts) == len(self.items):
            return ()
        firsts = {id(one) for one in self._firsts.values()}
        return tuple(one for one in self.items if id(one) not in firsts)

    def at(self, name: str, space: str, ordinal: int) -> Signal | None:
        """The signal at a place, from 0, among those of its type and space; ``None`` where there
        are fewer."""
        alike = (one for one in self.items if one.type == name and one.space == space)
        return next(islice(alike, ordinal, None), None)

    def usable(self) -> Iterator[Signal]:
        """Those that may be matched."""
        types = types_by_name()
        return (one for one in self.items if types[one.type].usable(one, self.structure))

    def has(self, name: str) -> bool:
        """Whether one is of that type."""
        return any(one.type == name for one in self.items)

    def any_usable(self, name: str) -> bool:
        """Whether one of that type may be matched."""
        known = signal_type(name)
        return any(one.type == name and known.usable(one, self.structure) for one in self.items)

    @property
    def digest_only(self) -> bool:
        """Whether there are perceptual signals and none of them may be matched."""
        types = types_by_name()
        perceptual = [one for one in self.items if types[one.type].structural]
        return bool(perceptual) and not any(
            types[one.type].usable(one, self.structure) for one in perceptual
        )

    def to_json(self) -> dict[str, object]:
        """The same as text, absent ones left out: what ``parse_signals`` reads."""
        out: dict[str, object] = {}
        for known in signal_types():
            self._say(known, out)
        if self.descriptors:
            out["descriptors"] = {s: one.hex() for s, one in sorted(self.descriptors.items())}
        if self.structure is not None:
            out["quality"] = self.structure
        if self.frames:
            out["frames"] = frames_json(self.frames)
        return out

    def _say(self, known: SignalType, out: dict[str, object]) -> None:
        mine = [one for one in self.items if one.type == known.name]
        firsts = {one.space: one for one in mine if self._firsts.get((one.type, one.space)) is one}
        if known.role_field and mine and mine[0].role is not None:
            out[known.role_field] = mine[0].role
        if not firsts:
            return
        if known.spaced:
            out[known.field] = {space: known.write(one.value) for space, one in firsts.items()}
        else:
            out[known.field] = known.write(firsts[""].value)
        one = next(iter(firsts.values()))
        if known.grade is not None and known.grade.field and one.quality is not None:
            out[known.grade.field] = one.quality

    @cached_property
    def _firsts(self) -> Mapping[tuple[str, str], Signal]:
        found: dict[tuple[str, str], Signal] = {}
        types = types_by_name()
        for one in self.items:
            grade = types[one.type].grade
            said = one.quality is None or (grade is not None and grade.field)
            if one.ms is None and said:
                found.setdefault((one.type, one.space), one)
        return found

    # Shorthands for what is asked of many items.

    def _value(self, name: str) -> bytes | None:
        one = self._firsts.get((name, ""))
        return None if one is None else one.value

    @property
    def md5(self) -> bytes | None:
        """16 bytes."""
        return self._value("md5")

    @property
    def sha1(self) -> bytes | None:
        """20 bytes."""
        return self._value("sha1")

    @property
    def sha256(self) -> bytes | None:
        """32 bytes."""
        return self._value("sha256")

    @property
    def pdq(self) -> bytes | None:
        """32 bytes."""
        return self._value("pdq")

    @property
    def pdq_quality(self) -> int | None:
        """0..100; ``None`` where the list does not say."""
        one = self._firsts.get(("pdq", ""))
        return None if one is None or one.quality is None else int(one.quality)

    @property
    def url(self) -> str | None:
        """A web page, as listed."""
        value = self._value("url")
        return None if value is None else value.decode()

    @property
    def codes(self) -> dict[str, bytes]:
        """Code space to code, 32 bytes each."""
        return {space: one.value for (name, space), one in self._firsts.items() if name == "code"}

    @property
    def code_role(self) -> str | None:
        """What the codes were made for; ``None`` where nobody said."""
        return next((one.role for one in self.items if one.type == "code"), None)

    @property
    def quality(self) -> float | None:
        """``structure``, by its name in JSON and in lists."""
        return self.structure

    @property
    def pdq_usable(self) -> bool:
        """Whether there is a PDQ hash that may be matched."""
        return self.any_usable("pdq")

    @property
    def codes_usable(self) -> bool:
        """Whether there are codes that may be matched."""
        return self.any_usable("code")


def in_order(items: Iterable[Signal]) -> tuple[Signal, ...]:
    """By type, space, time and value, each once: the order does not depend on which types are
    registered, since the place of a signal is its number in the store and in every index."""
    found = tuple(items)
    if len(found) < 2:
        return found
    return tuple(sorted({*found}, key=_place))


def _place(one: Signal) -> tuple[str, str, int, bytes, float, str]:
    ms = -1 if one.ms is None else one.ms
    grade = -1 if one.quality is None else one.quality
    return one.type, one.space, ms, one.value, grade, one.role or ""
