"""Bank policy files: read within limits, checked, and what they ask of each bank.

``evaluation.base.policies`` says what such a document is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, JsonValue, ValidationError

from evaluation.base.policies import UNMEASURED, PolicyFormat
from service.cli.files import read
from service.domain.errors import InvalidValueError
from service.http.shapes.schemas import BankChange, RequestShape
from service.store import Policy, Radii, Thresholds

MAX_BYTES: Final = 2**20
MAX_BANKS: Final = 1000

_SHOWN: Final = 5
"""Faults of one file that are named."""


class PolicyFileError(InvalidValueError):
    """A file that is no policy, or one that cannot be applied; the message names the place."""

    code = "bad_policy_file"


class PolicySpaceError(PolicyFileError):
    """The code radii were measured for another code space than this installation makes."""

    code = "policy_space"


class _Bank(BankChange):
    name: Annotated[str, Field(max_length=64)]


class _Document(RequestShape):
    format: PolicyFormat
    banks: Annotated[list[_Bank], Field(min_length=1, max_length=MAX_BANKS)]
    provenance: Annotated[dict[str, JsonValue], Field(default_factory=dict)]


@dataclass(frozen=True)
class BankPolicy:
    """What a file asks of one bank."""

    name: str
    fields: BankChange

    def applied(self, policy: Policy) -> Policy:
        """``policy`` with what is given; ``radius`` and ``score`` are replaced as a whole."""
        given = self.fields
        return replace(
            policy,
            action=policy.action if given.action is None else given.action,
            imagery=policy.imagery if given.imagery is None else given.imagery,
            radius=policy.radius
            if given.radius is None
            else Radii(given.radius.pdq, given.radius.code),
            enabled=policy.enabled if given.enabled is None else given.enabled,
            score=policy.score if given.score is None else Thresholds(given.score.code),
        )


@dataclass(frozen=True)
class PolicyFile:
    """A policy file that was checked."""

    banks: tuple[BankPolicy, ...]
    """In the order of the file; no two of one name."""
    provenance: Mapping[str, JsonValue]

    @property
    def space(self) -> str:
        """The code space its code radii and scores were measured for; empty where it does not say,
        or has none."""
        space = self.provenance.get("space")
        radii = [one for bank in self.banks for one in (bank.fields.radius, bank.fields.score)]
        has_codes = any(one is not None and one.code for one in radii)
        return space if isinstance(space, str) and has_codes else ""

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The signals and imageries whose false rates it says were not measured."""
        points = self.provenance.get("points")
        return tuple(
            f"{point.get('signal')} {point.get('imagery')}"
            for point in (points if isinstance(points, list) else [])
            if isinstance(point, dict) and point.get("basis") in UNMEASURED
        )


def read_policy(path: Path) -> PolicyFile:
    """The policy file at ``path``.

    Raises ``PolicyFileError``, and ``FileUnreadableError`` if no bytes can be had.
    """
    data = read(path, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise PolicyFileError(f"{path}: larger than {MAX_BYTES} bytes")
    try:
        # The checker below takes the last of two equal keys; here they are refused.
        json.loads(data, object_pairs_hook=_unique, parse_constant=_no_number)
        document = _Document.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise PolicyFileError(f"{path}: {_faults(error)}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested without end
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PolicyFileError(f"{path}: not JSON as it should be: {reason}") from None
    names = [bank.name for bank in document.banks]
    for name in names:
        if names.count(name) > 1:
            raise PolicyFileError(f"{path}: bank {name!r} comes twice")
    return PolicyFile(
        tuple(BankPolicy(bank.name, bank) for bank in document.banks), document.provenance
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:64]!r} comes twice in one object")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _faults(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    said = []
    for one in found[:_SHOWN]:
        where = ".".join(str(part)[:64] for part in one["loc"])
        said.append(f"{where or 'the file'}: {one['msg']}")
    if len(found) > _SHOWN:
        said.append(f"and {len(found) - _SHOWN} more")
    return "; ".join(said)
