"""The JSON that requests hold: what OpenAPI shows of it, and what requests are checked by.

It knows shapes; values are checked where they are understood. Answers stand in ``answers``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

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
from service.domain.exchanges import DEFAULT_EVERY, DEFAULT_REJECTED, LEAST_EVERY, MOST_EVERY
from service.domain.signals import (
    DOUBTS,
    MAX_FRAMES,
    MAX_SPACES,
    SignalType,
    signal_type,
    signal_types,
)
from service.store import Action, Imagery, Role

SIGNALS_EXAMPLE: dict[str, Any] = {
    one.field: {"lite0-256-7": one.example} if one.spaced else one.example
    for one in map(signal_type, ("sha256", "pdq", "code"))
}

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
"""Of a bank."""

TEXT = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"
"""Printable, without spaces around it."""


_SCORE: dict[str, JsonValue] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SPACE = "^[a-z0-9][a-z0-9._-]{0,63}$"


def signals_schema() -> dict[str, Any]:
    """The JSON Schema of signals: each type that is registered, and what is said beside them."""
    fields = [pair for one in signal_types() for pair in _fields(one).items()]
    given = [
        {"required": [one.field], "properties": {one.field: _given(one)}} for one in signal_types()
    ]
    frames = {"type": "array", "minItems": 1, "items": {"type": "object"}}
    return {
        "type": "object",
        "properties": {
            **dict(fields),
            "descriptors": _by_space({"type": "string", "pattern": "^[0-9a-fA-F]{512}$"}),
            "quality": _SCORE,
            "frames": {
                "type": ["array", "null"],
                "maxItems": MAX_FRAMES,
                "items": _frame(),
                "description": "Of an entry: further signals, each with its quality and its time in"
                " a video, milliseconds.",
            },
            "photographic": _SCORE,
            "width": {"description": "Passed over."},
            "height": {"description": "Passed over."},
            "doubts": {"type": ["array", "null"], "items": {"enum": [*DOUBTS]}},
        },
        "additionalProperties": False,
        "anyOf": [*given, {"required": ["frames"], "properties": {"frames": frames}}],
        "examples": [SIGNALS_EXAMPLE],
    }


def _frame() -> dict[str, Any]:
    """One of ``frames``: one signal."""
    one_space = {"type": "object", "minProperties": 1, "maxProperties": 1}
    values = {
        one.field: {**_by_space(one.schema), **one_space} if one.spaced else one.schema
        for one in signal_types()
    }
    return {
        "type": "object",
        "properties": {
            "ms": {"type": ["integer", "null"], "minimum": 0, "maximum": 2**53 - 1},
            "quality": {"type": ["number", "null"], "minimum": 0},
            **values,
        },
        "additionalProperties": False,
        "oneOf": [{"required": [field]} for field in values],
    }


def _fields(known: SignalType) -> dict[str, Any]:
    """The fields of one type."""
    value = _by_space(known.schema) if known.spaced else _or_null(known.schema)
    out: dict[str, Any] = {known.field: {**value, "description": known.sentence}}
    if known.grade is not None and known.grade.field:
        kind = "integer" if known.grade.whole else "number"
        out[known.grade.field] = {"type": [kind, "null"], "minimum": 0, "maximum": known.grade.most}
    if known.role_field:
        out[known.role_field] = {"enum": [*known.roles, None]}
    return out


def _given(known: SignalType) -> dict[str, Any]:
    """That one of a type is there."""
    return {"type": "object", "minProperties": 1} if known.spaced else {"type": "string"}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


def _by_space(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": _SPACE},
        "additionalProperties": schema,
        "maxProperties": MAX_SPACES,
    }


class _SignalsSchema:
    """Shows ``signals_schema`` as it is when the description of the API is made."""

    @staticmethod
    def __get_pydantic_json_schema__(core: object, handler: object) -> dict[str, Any]:
        del core, handler
        return signals_schema()


SignalFields = Annotated[dict[str, JsonValue], _SignalsSchema]
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


class RequestShape(BaseModel):
    """A shape without unknown fields: a misspelt one must not pass for an absent one."""

    model_config = ConfigDict(extra="forbid")


def _without_url(schema: dict[str, Any]) -> None:
    # No URL is fetched in this release: who sends one is told so, and nobody is invited to.
    del schema["properties"]["url"]
    schema["required"] = ["signals"]
    schema["properties"]["signals"] = signals_schema()


class MatchRequest(RequestShape):
    """Signals to match."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_url)

    signals: SignalFields | None = None
    url: str | None = Field(default=None, max_length=2048)
    content_id: Opaque | None = None
    account_id: Opaque | None = None
    banks: list[BankName] | None = Field(default=None, min_length=1, max_length=1000)
    include: list[Literal["fingerprint"]] = Field(default=[], max_length=8)


class BatchRequest(RequestShape):
    """Many queries by signals; each is answered in its place."""

    items: list[dict[str, JsonValue]] = Field(min_length=1, max_length=256)
    """Each as the JSON body of ``POST /v1/match``."""


MAX_URLS: Final = 1000
"""Of one request."""

MAX_TEXT: Final = 262_144
"""Characters of a text in which links are looked for."""


def _one_of_two(schema: dict[str, Any]) -> None:
    for name in ("urls", "text"):
        del schema["properties"][name]["default"]
    schema["oneOf"] = [{"required": ["urls"]}, {"required": ["text"]}]


class UrlsRequest(RequestShape):
    """URLs to match, or a text whose links are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_of_two)

    urls: list[str] = Field(default=[], min_length=1, max_length=MAX_URLS)
    """Each of at most 8192 characters."""
    text: str = Field(default="", min_length=1, max_length=MAX_TEXT)
    content_id: Opaque | None = None
    account_id: Opaque | None = None
    banks: list[BankName] | None = Field(default=None, min_length=1, max_length=1000)


Setting = Annotated[str, Field(min_length=1, max_length=2048)]
Kind = Literal["ncmec", "stopncii", "tech-against-terrorism", "folder", "https", "lookalike"]
Every = Annotated[int, Field(ge=LEAST_EVERY, le=MOST_EVERY), BeforeValidator(_number)]
MostRejected = Annotated[int, Field(ge=0, le=10**9), BeforeValidator(_number)]


class ExchangeRequest(RequestShape):
    """Where a list is to be fetched from, and into which bank."""

    name: BankName
    kind: Kind
    bank: BankName
    provider: Word | None = None
    """By default its kind."""
    list: Word | None = None
    """By default its name."""
    settings: dict[str, Setting] = Field(max_length=16)
    """As its kind asks for; a credential by where it is found, ``env:…`` or ``file:/…``."""
    every: Every = DEFAULT_EVERY
    """Seconds between two syncs."""
    enabled: StrictBool = True
    max_rejected: MostRejected = DEFAULT_REJECTED
    """Bad lines to leave out in one sync; with more of them nothing comes in force."""


class ExchangeChange(RequestShape):
    """What changes of an exchange."""

    bank: BankName | None = None
    provider: Word | None = None
    list: Word | None = None
    settings: dict[str, Setting] | None = Field(default=None, max_length=16)
    every: Every | None = None
    enabled: StrictBool | None = None
    max_rejected: MostRejected | None = None


class RadiusFields(RequestShape):
    """Radii of a bank, bits, inclusive; what is absent is the signal's or the model's default."""

    pdq: Bits | None = None
    code: dict[Imagery, Bits] = {}


class ScoreFields(RequestShape):
    """Thresholds of a bank's scores, inclusive, higher = more alike: a code that comes near matches
    from its threshold on. What is absent is left to the bank's code radii, where it has any, else
    to the model."""

    code: dict[Imagery, Threshold] = {}


class BankRequest(RequestShape):
    """A bank to make."""

    name: BankName
    action: Action = Action.REVIEW
    imagery: Imagery = Imagery.ANY
    radius: RadiusFields = RadiusFields()
    score: ScoreFields = ScoreFields()
    enabled: StrictBool = True


class BankChange(RequestShape):
    """What to change of a bank; what is absent stays."""

    action: Action | None = None
    imagery: Imagery | None = None
    radius: RadiusFields | None = None
    score: ScoreFields | None = None
    enabled: StrictBool | None = None


class EntryRequest(RequestShape):
    """An entry to add by its signals."""

    signals: SignalFields
    provider: Word = "local"
    list: Word = "manual"
    provider_id: Identity | None = None
    labels: Annotated[Labels, Field(max_length=32)] = []
    enabled: StrictBool = True


class EntryChange(RequestShape):
    """What to change of an entry."""

    enabled: StrictBool


class KeyRequest(RequestShape):
    """A key to make."""

    name: Word
    roles: list[Role] = Field(min_length=1)


class Problem(BaseModel):
    """RFC 9457; ``code`` is stable, the rest is for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str


REQUESTS: Final = (
    MatchRequest,
    BatchRequest,
    UrlsRequest,
    BankRequest,
    BankChange,
    ExchangeChange,
    ExchangeRequest,
    EntryRequest,
    EntryChange,
    KeyRequest,
    Problem,
)
"""What OpenAPI refers to by name."""
