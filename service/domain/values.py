"""The values that cross the store's border: banks, entries, versions and keys.

They know what may be said of them (names, ranges); not how they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from embeddings.figures import CODE_BITS, MAX_SCORE
from service.domain.errors import BadNameError, BadPolicyError, EntryNotFoundError
from service.domain.signals import Signals

LOCAL_PROVIDER: Final = "local"
"""The provider of what nobody else provided."""

MANUAL_LIST: Final = "manual"
"""The list of entries added one by one; no import of another list touches them."""

DEFAULT_LIST: Final = "default"
"""The list of an import that names none."""

MAX_LABELS: Final = 32

MAX_PROVIDER_ID: Final = 256
"""Characters."""

_BANK_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_ENTRY_ID: Final = re.compile(r"e_[0-9a-v]{10}", re.ASCII)
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"


class Action(StrEnum):
    """What a bank asks for when PDQ matches; ``allow`` makes it a bank of known-good items."""

    BLOCK = "block"
    REVIEW = "review"
    ALLOW = "allow"


class Imagery(StrEnum):
    """What the provider says a bank holds."""

    PHOTOGRAPHIC = "photographic"
    NON_PHOTOGRAPHIC = "non_photographic"
    ANY = "any"


class Role(StrEnum):
    """What a key may do."""

    MATCHER = "matcher"
    CURATOR = "curator"
    REPORTER = "reporter"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Radii:
    """A bank's own radii, bits, inclusive; ``None`` means the default of the signal or the
    model."""

    pdq: int | None = None
    code: Mapping[Imagery, int] = field(default_factory=dict)
    """By the imagery of the query; ``any`` stands in for those that are absent."""

    def __post_init__(self) -> None:
        """Refuse radii that no distance could have."""
        for name, radius in (("pdq", self.pdq), *((f"code.{k}", v) for k, v in self.code.items())):
            if radius is not None and not 0 <= radius <= CODE_BITS:
                raise BadPolicyError(f"radius.{name} must be 0 to {CODE_BITS} bits, not {radius}")


@dataclass(frozen=True)
class Thresholds:
    """A bank's own thresholds of the score, inclusive, higher = more alike; where there are none
    its code radii decide, and where it has none of either, the model's."""

    code: Mapping[Imagery, int] = field(default_factory=dict)
    """By the imagery of the query; ``any`` stands in for those that are absent."""

    def __post_init__(self) -> None:
        """Refuse thresholds that no score could have."""
        for kind, least in self.code.items():
            if not 0 <= least <= MAX_SCORE:
                raise BadPolicyError(f"score.code.{kind} must be 0 to {MAX_SCORE}, not {least}")


@dataclass(frozen=True)
class Policy:
    """What a bank's matches lead to."""

    action: Action = Action.REVIEW
    """What a PDQ match asks for. A digest match blocks and a code match asks for review
    whatever this says, except in an ``allow`` bank, which only ever acts on an exact SHA-256."""
    imagery: Imagery = Imagery.ANY
    radius: Radii = Radii()
    enabled: bool = True
    score: Thresholds = Thresholds()


@dataclass(frozen=True)
class Bank:
    """A named collection of entries with a policy."""

    id: int
    """Internal, and what an index knows it by."""
    name: str
    policy: Policy
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Entry:
    """One known item, identified by (bank, provider, list, provider_id)."""

    id: int
    """Internal: the id of its signals in every index."""
    bank: str
    provider: str
    list: str
    provider_id: str
    signals: Signals
    labels: tuple[str, ...]
    list_version: str
    """The version of its list in force; where the list was never imported, when the entry was
    added."""
    enabled: bool
    created_at: datetime
    updated_at: datetime

    @property
    def entry_id(self) -> str:
        """The public id: ``e_`` and ten digits of base 32, so that text order is numeric order."""
        return entry_id(self.id)


@dataclass(frozen=True)
class NewEntry:
    """An entry to add."""

    signals: Signals
    provider: str = LOCAL_PROVIDER
    list: str = MANUAL_LIST
    provider_id: str | None = None
    """``None``: derived from the signals, so that the same item is not added twice."""
    labels: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True)
class ImportRow:
    """A valid line of a list."""

    line: int
    """Where it stands, from 1, for messages."""
    signals: Signals
    provider_id: str | None = None
    """``None``: derived from the signals, so that the same line is the same entry in the next
    version."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class RejectedLine:
    """A line that is not in force, and why; the reason never repeats a hash."""

    line: int
    reason: str
    field: str = ""
    """The column, key or element that is wrong; empty where it is the line as a whole."""
    provider_id: str = ""
    """Which item it is of, where that could be read: an entry of it stays as it was."""


@dataclass(frozen=True)
class SignedVersion:
    """What a signed list says of its place among others, once its signature was verified."""

    public_key: bytes
    """Ed25519, 32 bytes."""
    number: int
    """Higher than that of every one before."""
    manifest: bytes
    """SHA-256 of what was signed, 32 bytes."""
    before: tuple[tuple[int, bytes], ...]
    """Numbers and manifests of those before, as its publisher knew them, the newest first."""


@dataclass(frozen=True)
class Withdrawn:
    """A line that says that an item is no longer listed."""

    line: int
    provider_id: str


class Mode(StrEnum):
    """What the lines of an import are."""

    REPLACE = "replace"
    """The whole list: what they do not name is no longer on it."""
    APPEND = "append"
    """What changed of it: they add, change and withdraw, and leave the rest."""


@dataclass(frozen=True)
class ListVersion:
    """One import of a list: when it was in force, and what it changed."""

    provider: str
    list: str
    version: str
    activated_at: datetime
    superseded_at: datetime | None
    """``None`` while in force."""
    entries: int
    """On the list in this version."""
    added: int
    updated: int
    removed: int
    unchanged: int
    rejected: int
    sequence: int
    restores: str | None = None
    """The version that this one went back to."""
    actor: str = field(default="", compare=False)
    """Who; empty where nobody wrote that down, or it was purged."""


@dataclass(frozen=True)
class Key:
    """A bearer key as the store knows it: never the secret."""

    id: str
    name: str
    roles: frozenset[Role]
    secret_hash: bytes = field(repr=False)
    """SHA-256 of the secret part, 32 bytes."""
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class NewKey:
    """A key just made; ``text`` is shown once and kept nowhere."""

    key: Key
    text: str = field(repr=False)


@dataclass(frozen=True)
class Commit:
    """One change of the store: its number, and the mark that no other commit has."""

    sequence: int
    mark: str


def entry_id(number: int) -> str:
    """The public id of an internal one."""
    digits = ""
    for _ in range(10):
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
    return f"e_{digits}"


def entry_number(public: str) -> int:
    """The internal id of a public one. Raises ``EntryNotFoundError``: what is not an id names
    no entry."""
    if not _ENTRY_ID.fullmatch(public):
        raise EntryNotFoundError("no entry has this id: ids look like e_000000001v")
    return int(public[2:], 32)


def is_bank_name(name: str) -> bool:
    """Whether a bank could have this name."""
    return _BANK_NAME.fullmatch(name) is not None


def check_bank_name(name: str) -> str:
    """``name`` itself, once it is known to be one."""
    if not is_bank_name(name):
        raise BadNameError(
            "a bank's name is 1 to 64 of letters, digits, '_', '.' and '-', not starting with"
            f" '.' or '-': not {name[:80]!r}"
        )
    return name


def check_text(what: str, value: str, limit: int) -> str:
    """``value`` itself, once it is known to be 1 to ``limit`` printable characters."""
    if not 1 <= len(value) <= limit:
        raise BadNameError(f"{what} must have 1 to {limit} characters, not {len(value)}")
    if not value.isprintable() or value != value.strip():
        raise BadNameError(f"{what} must be printable, without spaces around it")
    return value


@lru_cache(1024)
def check_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """``labels`` sorted and without repeats, once each is known to be 1 to 64 printable
    characters."""
    if len(labels) > MAX_LABELS:
        raise BadNameError(f"at most {MAX_LABELS} labels, not {len(labels)}")
    return tuple(sorted({check_text("a label", label, 64) for label in labels}))
