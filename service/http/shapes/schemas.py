"""The JSON that requests hold and answers have: what OpenAPI shows, and what requests are
checked by.

Answers are built in ``wire``, not by these models, which would cost more than the search; a test
holds the two together. It knows shapes; values are checked where they are understood.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    WithJsonSchema,
)

from embeddings.codes import MAX_SCORE
from service.domain.health import Severity
from service.domain.signals import DIGEST_BYTES, DOUBTS
from service.policy.matching import Coverage, Label, Verdict
from service.store import Action, Imagery, Role

SIGNALS_EXAMPLE: dict[str, Any] = {
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "pdq": "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
    "codes": {"lite0-256-7": "5f3759df" * 8},
}

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
"""Of a bank."""

TEXT = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"
"""Printable, without spaces around it."""


def _hex(digits: int) -> dict[str, JsonValue]:
    return {"type": ["string", "null"], "pattern": f"^[0-9a-fA-F]{{{digits}}}$"}


_HASHES: dict[str, JsonValue] = {
    name: _hex(2 * n) for name, n in (*DIGEST_BYTES.items(), ("pdq", 32))
}
_URL: dict[str, JsonValue] = {
    "type": ["string", "null"],
    "maxLength": 2048,
    "pattern": "^[!-~]*://[!-~]*$",
}
_SCORE: dict[str, JsonValue] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SPACE = "^[a-z0-9][a-z0-9._-]{0,63}$"
_SOME: list[JsonValue] = [
    {"required": [name], "properties": {name: {"type": "string"}}} for name in (*_HASHES, "url")
]
_CODE: dict[str, JsonValue] = {"type": "object", "minProperties": 1}
_SIGNALS: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        **_HASHES,
        "pdq_quality": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
        "codes": {
            "type": ["object", "null"],
            "propertyNames": {"pattern": _SPACE},
            "additionalProperties": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
            "maxProperties": 8,
        },
        "code_role": {"enum": ["query", "reference", None]},
        "descriptors": {
            "type": ["object", "null"],
            "propertyNames": {"pattern": _SPACE},
            "additionalProperties": {"type": "string", "pattern": "^[0-9a-fA-F]{512}$"},
            "maxProperties": 8,
        },
        "url": _URL,
        "quality": _SCORE,
        "photographic": _SCORE,
        "width": {"description": "Passed over."},
        "height": {"description": "Passed over."},
        "doubts": {"type": ["array", "null"], "items": {"enum": [*DOUBTS]}},
    },
    "additionalProperties": False,
    "anyOf": [*_SOME, {"required": ["codes"], "properties": {"codes": _CODE}}],
    "examples": [SIGNALS_EXAMPLE],
}

SignalFields = Annotated[dict[str, JsonValue], WithJsonSchema(_SIGNALS)]
"""Any of the signals; ``service.domain.signals`` reads them and names the one that is wrong."""


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("a number, not text or a switch")
    return value


Bits = Annotated[
    int,
    Field(ge=0, le=256),
    BeforeValidator(_number),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 256}),
]
"""A radius."""

Threshold = Annotated[
    int,
    Field(ge=0, le=MAX_SCORE),
    BeforeValidator(_number),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_SCORE}),
]
"""Of a score."""

Texts = list[str]
"""By another name, for shapes that have a field called ``list``."""

ShownLabel = Annotated[str, Field(json_schema_extra={"maxLength": 64, "pattern": TEXT})]
Word = Annotated[str, Field(json_schema_extra={"maxLength": 128, "pattern": TEXT})]
"""Checked, and refused by name, where it is understood."""
Identity = Annotated[
    str, Field(min_length=1, json_schema_extra={"maxLength": 256, "pattern": TEXT})
]
Labels = list[ShownLabel]
BankName = Annotated[str, Field(json_schema_extra={"pattern": NAME})]

Opaque = Annotated[str, Field(max_length=256)]
"""The caller's own id: neither read nor kept."""


class Model(BaseModel):
    """A shape without unknown fields: a misspelt one must not pass for an absent one."""

    model_config = ConfigDict(extra="forbid")


def _without_url(schema: dict[str, Any]) -> None:
    # No URL is fetched in this release: who sends one is told so, and nobody is invited to.
    del schema["properties"]["url"]
    schema["required"] = ["signals"]
    schema["properties"]["signals"] = _SIGNALS


class MatchRequest(Model):
    """Signals to match."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_url)

    signals: SignalFields | None = None
    url: str | None = Field(default=None, max_length=2048)
    content_id: Opaque | None = None
    account_id: Opaque | None = None
    banks: list[BankName] | None = Field(default=None, min_length=1, max_length=1000)
    include: list[Literal["fingerprint"]] = Field(default=[], max_length=8)


class BatchRequest(Model):
    """Many queries by signals; each is answered in its place."""

    items: list[dict[str, JsonValue]] = Field(min_length=1, max_length=256)
    """Each as the JSON body of ``POST /v1/match``."""


class Provenance(Model):
    """Where an entry comes from."""

    provider: str
    list: str
    list_version: str
    provider_id: str
    labels: Texts


class MatchRow(Model):
    """One (entry, signal); ``entry_id``, ``distance`` and ``radius`` only for roles that need
    them."""

    bank: str
    entry_id: str | None = None
    signal: str
    space: str | None = None
    view: str | None = None
    """Of the query, by which alone it was found: ``part``, ``flip_y``, ``rotate90``...; or another
    picture that the file can pass for: ``on_black``, ``stored_colours``, ``thumbnail``..."""
    distance: int | None = None
    radius: int | None = None
    score: int | None = None
    """Higher = more alike; of a code that was compared by the query's descriptor."""
    threshold: int | None = None
    """The least score that matches."""
    verdict: Verdict
    provenance: Provenance


class ImageryAnswer(Model):
    """What the imagery score says."""

    photographic: float
    label: Label


class NotMatchedAnswer(Model):
    """A signal that was not compared."""

    signal: str
    space: str | None = None
    reason: Literal[
        "low_quality",
        "unknown_space",
        "other_space",
        "not_given",
        "further_frames",
        "no_entries",
        "index_incomplete",
        "truncated",
        "ambiguous_picture",
    ]


class IndexAnswer(Model):
    """How fresh the answer is."""

    sequence: int
    age_seconds: float


class MatchAnswer(Model):
    """The answer to a query."""

    verdict: Verdict
    truncated: bool
    matches: list[MatchRow]
    imagery: ImageryAnswer | None
    coverage: Coverage
    fingerprint: dict[str, JsonValue] | None = None
    not_matched: list[NotMatchedAnswer]
    index: IndexAnswer


class ProblemItem(Model):
    """An item of a batch that could not be answered."""

    error: dict[str, JsonValue]


class BatchAnswer(Model):
    """Answers in the order of the items."""

    items: list[MatchAnswer | ProblemItem]


class FingerprintAnswer(Model):
    """Every signal of an image."""

    md5: str
    sha1: str
    sha256: str
    pdq: str
    pdq_quality: int
    codes: dict[str, str]
    code_role: Literal["query", "reference"]
    descriptors: dict[str, str] = {}
    """Code space to 512 hex digits, 256 signed bytes."""
    quality: float
    photographic: float
    width: int
    height: int
    doubts: list[Literal["further_frames", "truncated", "ambiguous_picture"]] = []
    """Why these are not the signals of all that the file shows; absent where they are."""


class RadiusFields(Model):
    """Radii of a bank, bits, inclusive; what is absent is the signal's or the model's default."""

    pdq: Bits | None = None
    code: dict[Imagery, Bits] = {}


class ScoreFields(Model):
    """Thresholds of a bank's scores, inclusive, higher = more alike: a code that comes near matches
    from its threshold on. What is absent is left to the bank's code radii, where it has any, else
    to the model."""

    code: dict[Imagery, Threshold] = {}


class BankRequest(Model):
    """A bank to make."""

    name: BankName
    action: Action = Action.REVIEW
    imagery: Imagery = Imagery.ANY
    radius: RadiusFields = RadiusFields()
    score: ScoreFields = ScoreFields()
    enabled: StrictBool = True


class BankChange(Model):
    """What to change of a bank; what is absent stays."""

    action: Action | None = None
    imagery: Imagery | None = None
    radius: RadiusFields | None = None
    score: ScoreFields | None = None
    enabled: StrictBool | None = None


class BankAnswer(Model):
    """A bank."""

    name: str
    action: Action
    imagery: Imagery
    radius: RadiusFields
    score: ScoreFields
    enabled: bool
    created_at: datetime
    updated_at: datetime


class BanksAnswer(Model):
    """Every bank, by name."""

    banks: list[BankAnswer]


class EntryRequest(Model):
    """An entry to add by its signals."""

    signals: SignalFields
    provider: Word = "local"
    list: Word = "manual"
    provider_id: Identity | None = None
    labels: Annotated[Labels, Field(max_length=32)] = []
    enabled: StrictBool = True


class EntryChange(Model):
    """What to change of an entry."""

    enabled: StrictBool


class Remark(Model):
    """Something the caller may not expect of what was just added."""

    code: str
    message: str


Warnings = list[Remark]


class EntryAnswer(Model):
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
    signals: dict[str, JsonValue] | None = None
    created_at: datetime
    updated_at: datetime
    warnings: Warnings | None = None


class EntriesAnswer(Model):
    """A page of entries, in the order they were added."""

    entries: list[EntryAnswer]
    next_cursor: str | None


class RejectedAnswer(Model):
    """A line that is not in force."""

    line: int
    reason: str


Rejected = list[RejectedAnswer]


class ImportAnswer(Model):
    """What an import did, or would do."""

    bank: str
    provider: str
    list: str
    list_version: str
    dry_run: bool
    refused: bool
    added: int
    updated: int
    held: int
    removed: int
    unchanged: int
    duplicates: int
    digest_only: int
    rejected: Rejected
    rejected_count: int
    max_rejected: int
    shrinks: bool
    sequence: int


class VersionAnswer(Model):
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


class VersionsAnswer(Model):
    """Versions of a bank's lists, newest first."""

    versions: list[VersionAnswer]


class SignalStatus(Model):
    """One index."""

    signal: str
    space: str | None = None
    kind: str
    entries: int
    enabled: int
    bytes: int
    parts: dict[str, int]
    sequence: int
    age_seconds: float
    trouble: str
    rebuilt: str


class SpaceStatus(Model):
    """One code space: whether this replica makes its codes, and with what."""

    space: str
    device: str | None
    radii: dict[str, int]


class CheckAnswer(Model):
    """One check of the server's health."""

    name: str
    severity: Severity
    said: str
    """What is wrong; empty while sound."""
    detail: str | None = None
    """More of it, for callers with a key."""
    incomplete: bool
    """Whether listed images could be missed because of it."""
    since: datetime


class ReadyAnswer(Model):
    """Whether queries are answered rightly, and each check."""

    status: Literal["ready"]
    checks: list[CheckAnswer]


class StatusAnswer(Model):
    """What this replica holds and runs."""

    version: str
    loaded: bool
    sequence: int
    age_seconds: float
    banks: int
    signals: list[SignalStatus]
    code_spaces: list[SpaceStatus]
    pending: int
    ready: bool
    checks: list[CheckAnswer]


class KeyRequest(Model):
    """A key to make."""

    name: Word
    roles: list[Role] = Field(min_length=1)


class KeyAnswer(Model):
    """A key; ``key``, its text, only in the answer that made it."""

    key_id: str
    name: str
    roles: list[Role]
    created_at: datetime
    revoked_at: datetime | None
    key: str | None = None


class KeysAnswer(Model):
    """Every key, oldest first."""

    keys: list[KeyAnswer]


class Alive(Model):
    """That the process lives."""

    status: str


class Problem(BaseModel):
    """RFC 9457; ``code`` is stable, the rest is for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
