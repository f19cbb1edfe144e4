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
from service.domain.signals import DIGEST_BYTES, DOUBTS
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


class KeyRequest(Model):
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
    BankRequest,
    BankChange,
    EntryRequest,
    EntryChange,
    KeyRequest,
    Problem,
)
"""What OpenAPI refers to by name."""
