"""The values a measurement answers with: what was found, on what, by which means.

Shares are 0..1 with a 95% bootstrap interval over source images; nan (null in JSON) where there was
nothing to measure. It knows nothing of how they are computed or shown.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.base.hashers import Signal

Part = Literal["all", "photo", "nonphoto", "unknown"]
FamilyPart = Literal["all", "mild", "heavy", "chains"]


@dataclass(frozen=True)
class Estimate:
    """A measured share and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class AtRate:
    """What is found where a given rate of false matches is allowed."""

    rate: float
    radius: int
    """The largest that keeps to the rate, inclusive; -1 matches nothing."""
    recall: Estimate
    allowed: int
    """How many false matches the rate amounts to here. 0: the radius has none, the rate is out of
    reach of this many pairs or queries."""


@dataclass(frozen=True)
class AtRadius:
    """What a given radius finds and falsely matches."""

    radius: int
    recall: Estimate
    false_queries: float
    """Share of strangers matched."""
    false_pairs: float
    """Share of untrue pairs matched."""


@dataclass(frozen=True)
class ResultRow:
    """One space on one part of the queries; each part sets its own radii at a rate."""

    space: str
    signal: Signal
    kind: Part
    family: FamilyPart
    queries: int
    """With a reference."""
    outside: int
    """Without."""
    pairs: int
    """Untrue pairs."""
    unmatchable: float
    """Share of the queries that have too little structure, or whose reference has."""
    average_precision: Estimate
    first: Estimate
    """Recall at 1: the true reference is nearer than any other."""
    at_query_rate: AtRate
    at_pair_rates: tuple[AtRate, ...]
    at_radii: tuple[AtRadius, ...]
    """Empty for descriptors, whose distances are no bits."""


@dataclass(frozen=True)
class EditRow:
    """One space on one edit, at the radius ``ResultRow.at_query_rate`` has for all queries."""

    space: str
    kind: Part
    family: FamilyPart
    edit: str
    queries: int
    recall: Estimate


@dataclass(frozen=True)
class JointRow:
    """One or two signals, radii chosen on one half of the images and measured on the other."""

    spaces: tuple[str, ...]
    kind: Part
    family: FamilyPart
    rate: float
    """Of strangers, allowed where the radii were chosen."""
    radii: tuple[tuple[int, ...], tuple[int, ...]]
    """One radius for each space, as chosen on the first half and on the second."""
    recall: Estimate
    false_queries: Estimate
    """As measured."""


@dataclass(frozen=True)
class ShippedRow:
    """An image is flagged if any signal is within the radius it is shipped with."""

    spaces: tuple[str, ...]
    radii: tuple[int, ...]
    """Bits, inclusive, one for each space; a code's is its model's for any imagery."""
    kind: Part
    family: FamilyPart
    queries: int
    outside: int
    recall: Estimate
    false_queries: Estimate


@dataclass(frozen=True)
class ResultProvenance:
    """Where the numbers come from."""

    command: str
    data: str
    spaces: tuple[str, ...]
    date: str
    """RFC 3339, UTC."""
    machine: str
    software: str
    seconds: float
    seed: int
    edits_per_family: int
    bootstrap_samples: int


@dataclass(frozen=True)
class Counts:
    """How many images took part."""

    images: int
    references: int
    outsiders: int
    queries: int
    outside_queries: int
    by_kind: Mapping[str, int]
    skipped: Mapping[str, int]
    """Images that could not be decoded, by error code."""


@dataclass(frozen=True)
class EvaluationResult:
    """Everything one run measured."""

    provenance: ResultProvenance
    counts: Counts
    rows: tuple[ResultRow, ...]
    edits: tuple[EditRow, ...]
    joint: tuple[JointRow, ...]
    shipped: tuple[ShippedRow, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file; nan becomes null."""
        values: dict[str, Any] = plain(dataclasses.asdict(self))
        return values


def plain(value: Any) -> Any:  # noqa: ANN401 - walks any JSON-like value
    """``value`` as a JSON file can hold it: tuples become lists, nan and infinity null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
