"""The JSON of answers: one definition of each, which writes it and which OpenAPI shows.

Each is a ``TypedDict``. What ``wire`` makes is checked against it where it is written, by the type
checker and at no cost when an answer is made; OpenAPI is made of the same classes. So there is
no second shape that could drift from the first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from service.domain.exchanges import RunState
from service.domain.health import Severity
from service.domain.urls.rules import UrlKind
from service.policy.matching import Coverage, Label, Verdict
from service.store import Action, Imagery, Role

_closed: Final = with_config(ConfigDict(extra="forbid"))

Texts = list[str]
"""By another name, for shapes that have a field called ``list``."""


Reason = Literal[
    "low_quality",
    "unknown_space",
    "other_space",
    "not_given",
    "further_frames",
    "no_entries",
    "index_incomplete",
    "truncated",
    "ambiguous_picture",
    "shortener",
    "too_many_wrapped",
]
"""Why a signal was not compared; see ``policy.matching.NotMatched``."""


@_closed
class Provenance(TypedDict):
    """Where an entry comes from."""

    provider: str
    list: str
    list_version: str
    provider_id: str
    labels: Texts


@_closed
class MatchRow(TypedDict):
    """One (entry, signal); ``entry_id``, ``distance`` and ``radius`` only for roles that need
    them."""

    bank: str
    entry_id: NotRequired[str]
    signal: str
    space: NotRequired[str]
    view: NotRequired[str]
    """Of the query, by which alone it was found: ``part``, ``flip_y``, ``rotate90``...; or another
    picture that the file can pass for: ``on_black``, ``stored_colours``, ``thumbnail``..."""
    distance: NotRequired[int]
    radius: NotRequired[int]
    score: NotRequired[int]
    """Higher = more alike; of a code that was compared by the query's descriptor."""
    threshold: NotRequired[int]
    """The least score that matches."""
    ms: NotRequired[int]
    """Where in a listed video its frame is, milliseconds."""
    rule: NotRequired[UrlKind]
    """Of a URL: how much of the web the list names, a ``page``, all below a path (``prefix``), or a
    ``domain``."""
    through: NotRequired[str]
    """The URL within the one that was asked for, by which it was found."""
    verdict: Verdict
    provenance: Provenance


@_closed
class ImageryAnswer(TypedDict):
    """What the imagery score says."""

    photographic: float
    label: Label


@_closed
class NotMatchedAnswer(TypedDict):
    """A signal that was not compared."""

    signal: str
    space: NotRequired[str]
    reason: Reason


@_closed
class IndexAnswer(TypedDict):
    """How fresh the answer is."""

    sequence: int
    age_seconds: float


@_closed
class MatchAnswer(TypedDict):
    """The answer to a query."""

    verdict: Verdict
    truncated: bool
    matches: list[MatchRow]
    imagery: ImageryAnswer | None
    coverage: Coverage
    fingerprint: NotRequired[dict[str, object]]
    not_matched: list[NotMatchedAnswer]
    index: IndexAnswer


@_closed
class ProblemItem(TypedDict):
    """An item of a batch that could not be answered."""

    error: dict[str, object]


@_closed
class BatchAnswer(TypedDict):
    """Answers in the order of the items."""

    items: list[MatchAnswer | ProblemItem]


@_closed
class UrlAnswer(TypedDict):
    """The answer to one URL."""

    url: str
    """As it was sent, or as it stands in the text."""
    canonical: str
    """Its one form, which all its spellings share."""
    wrapped: NotRequired[Texts]
    """The URLs that it carries, as a redirector does; they were looked up too."""
    verdict: Verdict
    truncated: bool
    matches: list[MatchRow]
    coverage: Coverage
    """``none`` where ``verdict`` says nothing of the page that this leads to."""
    not_matched: list[NotMatchedAnswer]


@_closed
class UrlProblem(TypedDict):
    """A URL that cannot be read."""

    url: str
    error: dict[str, object]


@_closed
class UrlsAnswer(TypedDict):
    """Answers in the order of the URLs, or of the links in the text, each of these once."""

    results: list[UrlAnswer | UrlProblem]
    index: IndexAnswer


@_closed
class FingerprintAnswer(TypedDict):
    """Every signal of an image."""

    md5: str
    sha1: str
    sha256: str
    pdq: str
    pdq_quality: int
    codes: dict[str, str]
    code_role: Literal["query", "reference"]
    descriptors: NotRequired[dict[str, str]]
    """Code space to 512 hex digits, 256 signed bytes."""
    quality: float
    photographic: float
    width: int
    height: int
    doubts: NotRequired[list[Literal["further_frames", "truncated", "ambiguous_picture"]]]
    """Why these are not the signals of all that the file shows; absent where they are."""


@_closed
class ByImagery(TypedDict, total=False):
    """A number for each imagery of a query; ``any`` stands in for those that are absent."""

    photographic: int
    non_photographic: int
    any: int


@_closed
class RadiusAnswer(TypedDict):
    """Radii of a bank, bits, inclusive; ``null`` or absent: the signal's or the model's default."""

    pdq: int | None
    code: ByImagery


@_closed
class ScoreAnswer(TypedDict):
    """Thresholds of a bank's scores, inclusive, higher = more alike."""

    code: ByImagery


@_closed
class BankAnswer(TypedDict):
    """A bank."""

    name: str
    action: Action
    imagery: Imagery
    radius: RadiusAnswer
    score: ScoreAnswer
    enabled: bool
    created_at: datetime
    updated_at: datetime


@_closed
class BanksAnswer(TypedDict):
    """Every bank, by name."""

    banks: list[BankAnswer]


@_closed
class Remark(TypedDict):
    """Something the caller may not expect of what was just added."""

    code: str
    message: str


Warnings = list[Remark]


@_closed
class EntryAnswer(TypedDict):
    """An entry; ``signals`` only for roles that may see listed hashes."""

    entry_id: str
    bank: str
    provider: str
    list: str
    provider_id: str
    labels: Texts
    list_version: str
    enabled: bool
    digest_only: bool
    signal_types: Texts
    signals: NotRequired[dict[str, object]]
    created_at: datetime
    updated_at: datetime
    warnings: NotRequired[Warnings]


@_closed
class EntriesAnswer(TypedDict):
    """A page of entries, in the order they were added."""

    entries: list[EntryAnswer]
    next_cursor: str | None


@_closed
class RejectedAnswer(TypedDict):
    """A line that is not in force."""

    line: int
    field: str
    reason: str


Rejected = list[RejectedAnswer]


@_closed
class ImportAnswer(TypedDict):
    """What an import did, or would do."""

    bank: str
    provider: str
    list: str
    list_version: str
    dry_run: bool
    mode: Literal["replace", "append"]
    refused: bool
    added: int
    updated: int
    held: int
    removed: int
    unchanged: int
    withdrawn: int
    duplicates: int
    digest_only: int
    rejected: Rejected
    rejected_count: int
    max_rejected: int
    shrinks: bool
    sequence: int
    passed_over: dict[str, int]
    ignored: Texts


@_closed
class VersionAnswer(TypedDict):
    """One version of a list."""

    provider: str
    list: str
    version: str
    activated_at: datetime
    superseded_at: datetime | None
    entries: int
    added: int
    updated: int
    removed: int
    unchanged: int
    rejected: int
    sequence: int
    restores: str | None
    actor: str


EntryStateName = Literal["in_force", "disabled", "removed"]


@_closed
class StateAnswer(TypedDict):
    """What an entry was from one change to another; ``signals`` only for roles that may see listed
    hashes."""

    state: EntryStateName
    labels: Texts
    list_version: str
    signal_types: Texts
    signals: NotRequired[dict[str, object]]
    since: int
    until: int | None
    began_at: datetime
    ended_at: datetime | None
    actor: str


@_closed
class HistoryAnswer(TypedDict):
    """Every state of an entry, oldest first."""

    states: list[StateAnswer]


@_closed
class VersionsAnswer(TypedDict):
    """Versions of a bank's lists, newest first."""

    versions: list[VersionAnswer]


@_closed
class SignalStatus(TypedDict):
    """One index."""

    signal: str
    space: NotRequired[str]
    kind: str
    entries: int
    enabled: int
    bytes: int
    parts: dict[str, int]
    sequence: int
    age_seconds: float
    trouble: str
    rebuilt: str


@_closed
class SpaceStatus(TypedDict):
    """One code space: whether this replica makes its codes, and with what."""

    space: str
    device: str | None
    radii: dict[str, int]


@_closed
class CheckAnswer(TypedDict):
    """One check of the server's health."""

    name: str
    severity: Severity
    said: str
    """What is wrong; empty while sound."""
    detail: NotRequired[str]
    """More of it, for callers with a key."""
    incomplete: bool
    """Whether listed images could be missed because of it."""
    since: datetime


@_closed
class ReadyAnswer(TypedDict):
    """Whether queries are answered rightly, and each check."""

    status: Literal["ready"]
    checks: list[CheckAnswer]


@_closed
class RunAnswer(TypedDict):
    """One sync of an exchange."""

    id: int
    state: RunState
    actor: str
    """Who had it done: ``job:sync`` where it was due."""
    asked_at: datetime
    ended_at: datetime | None
    allow_shrink: bool
    code: str
    """Of what went wrong; empty where nothing did."""
    said: str
    pages: int
    bytes: int
    added: int
    updated: int
    removed: int
    unchanged: int
    rejected: int
    version: str | None
    """Of the list, that it brought in force."""


@_closed
class RunsAnswer(TypedDict):
    """Syncs, newest first."""

    runs: list[RunAnswer]


@_closed
class ExchangeAnswer(TypedDict):
    """Where a list is fetched from, and how that goes."""

    name: str
    kind: str
    bank: str
    provider: str
    list: str
    settings: dict[str, str]
    """Without credentials: these say where one is found."""
    every: int
    """Seconds."""
    max_rejected: int
    enabled: bool
    trouble: str
    """The code of what is wrong: of the last sync, or ``late``; empty where nothing is."""
    entries: int
    version: str | None
    """Of the list, that a sync brought in force last."""
    checkpoint: str | None
    """Up to where the list is in force, in the exchange's own terms."""
    synced_at: datetime | None
    """When a sync last came to its end."""
    next_at: datetime | None
    """When the next is due; ``null``: now."""
    failures: int
    """In a row."""
    created_at: datetime
    updated_at: datetime
    last_run: RunAnswer | None
    current_run: RunAnswer | None
    """The one that waits or is under way."""


@_closed
class ExchangesAnswer(TypedDict):
    """Every exchange."""

    exchanges: list[ExchangeAnswer]


@_closed
class ExchangeStatus(TypedDict):
    """Where one exchange stands."""

    name: str
    trouble: str
    synced_at: datetime | None
    failures: int
    entries: int


@_closed
class StatusAnswer(TypedDict):
    """What this replica holds and runs."""

    version: str
    loaded: bool
    sequence: int
    age_seconds: float
    banks: int
    signals: list[SignalStatus]
    code_spaces: list[SpaceStatus]
    exchanges: list[ExchangeStatus]
    pending: int
    ready: bool
    checks: list[CheckAnswer]


@_closed
class KeyAnswer(TypedDict):
    """A key; ``key``, its text, only in the answer that made it."""

    key_id: str
    name: str
    roles: list[Role]
    created_at: datetime
    revoked_at: datetime | None
    key: NotRequired[str]


@_closed
class KeysAnswer(TypedDict):
    """Every key, oldest first."""

    keys: list[KeyAnswer]


@_closed
class Alive(TypedDict):
    """That the process lives."""

    status: str
