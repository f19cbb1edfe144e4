"""The policy: from what was found to a verdict. Pure functions, no index, no store, no HTTP.

- A digest or URL match blocks. PDQ and PhotoDNA ask for what the bank says. A code alone asks for
  review, whatever the bank says: weights are public, so a collision can be made.
- An ``allow`` bank acts only on an exact SHA-256. It takes the verdict from PDQ and code matches,
  which stay in the answer; where a digest is listed too, that conflict is for people: ``review``.
- What only a view of the query matches (turned, mirrored, a part) asks for review, whatever the
  signal and the bank: a view is a guess of ours.
- The imagery score never decides whether an entry is compared, only which radius applies; between
  its two bounds, or where there is no score, the wider one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from service.domain.search import Found, Kind, Search
from service.domain.signals import Signals, SignalType, Types, Weight, signal_types, types_by_name
from service.domain.values import Action, Bank, Imagery

PDQ: Final = "pdq"
CODE: Final = "code"

MAX_MATCHES: Final = 100
"""Rows of one answer."""


class Verdict(StrEnum):
    """What the banks' policies suggest."""

    BLOCK = "block"
    REVIEW = "review"
    NONE = "none"


class Label(StrEnum):
    """What the imagery score says of a query."""

    PHOTOGRAPHIC = "photographic"
    NON_PHOTOGRAPHIC = "non_photographic"
    UNCERTAIN = "uncertain"


class Coverage(StrEnum):
    """How much of a query could be compared."""

    FULL = "full"
    DIGESTS_ONLY = "digests_only"
    NONE = "none"


@dataclass(frozen=True)
class SpaceModel:
    """What matching must know of the model behind a code space."""

    space: str
    radii: Mapping[str, int]
    """Bits, inclusive, for ``photographic``, ``non_photographic`` and ``any``."""
    scores: Mapping[str, int] = field(default_factory=dict)
    """The least score that matches, by imagery as ``radii``; empty: the radius decides."""
    candidates: int = 0
    """Bits: the codes that are scored lie within; 0 where none are."""


@dataclass(frozen=True)
class NotMatched:
    """A signal of the query that was not compared, and why."""

    signal: str
    space: str
    """Of a code; empty for other signals."""
    reason: str
    """``low_quality``; ``unknown_space``: no model here and no bank says how far to look;
    ``other_space``: a bank holds codes of this space, and the query has none to compare there;
    ``not_given``: the query has neither PDQ nor code; or a bank holds PDQ hashes, and the query
    has none and nothing else to compare there; or a bank holds hashes that are never computed here,
    such as PhotoDNA, and the query has none; ``further_frames``: only the first of several frames
    was compared; ``truncated``: the file ends before its picture does, and what is there was
    compared; ``ambiguous_picture``: the file may show yet another picture, which was not;
    ``shortener``: of a URL whose target only its owner knows; ``too_many_wrapped``: of one that
    carries more others than are looked up;
    ``no_entries``: no bank that was asked for lists anything: it is enabled, no allow bank, and
    holds an entry; or
    ``index_incomplete``: a fault here could hide a listed image, see ``/readyz``."""


@dataclass(frozen=True)
class Plan:
    """What will be searched for a query."""

    search: Search
    coverage: Coverage
    not_matched: tuple[NotMatched, ...]


@dataclass(frozen=True)
class JudgedMatch:
    """One (entry, signal) of the answer."""

    found: Found
    bank: str
    verdict: Verdict


@dataclass(frozen=True)
class Decision:
    """What the answer says."""

    verdict: Verdict
    """The most severe of all rows, those cut off included."""
    rows: tuple[JudgedMatch, ...]
    """By severity, distance, entry id, signal; at most ``MAX_MATCHES``."""
    truncated: bool


_SEVERITY: Final = {Verdict.BLOCK: 0, Verdict.REVIEW: 1, Verdict.NONE: 2}


def label(photographic: float, bounds: tuple[float, float]) -> Label:
    """What a score, 0..1, says between two calibrated bounds."""
    low, high = bounds
    if photographic <= low:
        return Label.NON_PHOTOGRAPHIC
    if photographic >= high:
        return Label.PHOTOGRAPHIC
    return Label.UNCERTAIN


def hash_radius(bank: Bank, known: SignalType) -> int:
    """How far a hash that has no code space is looked for in a bank, bits, inclusive."""
    own = bank.policy.radius.pdq if known.name == PDQ else None
    return known.radius if own is None else own


def code_radius(bank: Bank, imagery: Label, defaults: Mapping[str, int]) -> int:
    """How far a code is looked for in a bank, bits, inclusive; -1 where nobody says.

    Each imagery's radius is the bank's own, else the bank's ``any``, else the model's.
    """
    own = bank.policy.radius.code

    def of(kind: Imagery) -> int:
        return own.get(kind, own.get(Imagery.ANY, defaults.get(kind, defaults.get("any", -1))))

    if imagery is Label.PHOTOGRAPHIC:
        return of(Imagery.PHOTOGRAPHIC)
    if imagery is Label.NON_PHOTOGRAPHIC:
        return of(Imagery.NON_PHOTOGRAPHIC)
    return max(of(kind) for kind in Imagery)


def code_threshold(bank: Bank, imagery: Label, defaults: Mapping[str, int]) -> int:
    """The least score that matches in a bank; -1 where its radius decides.

    Each imagery's is the bank's own, else the bank's ``any``; the model's where the bank has
    neither thresholds nor code radii of its own: who chose a radius is not overruled. Between the
    two bounds of imagery the lowest; where one imagery has none, the radius decides for both.
    """
    own = bank.policy.score.code
    if not own and bank.policy.radius.code:
        return -1

    def of(kind: Imagery) -> int:
        return own.get(kind, own.get(Imagery.ANY, -1 if own else defaults.get(kind, -1)))

    if imagery is Label.PHOTOGRAPHIC:
        return of(Imagery.PHOTOGRAPHIC)
    if imagery is Label.NON_PHOTOGRAPHIC:
        return of(Imagery.NON_PHOTOGRAPHIC)
    kinds = (Imagery.PHOTOGRAPHIC, Imagery.NON_PHOTOGRAPHIC)
    return min(of(kind) for kind in kinds)


def plan(
    signals: Signals,
    imagery: Label,
    banks: Iterable[Bank],
    models: Mapping[str, SpaceModel],
    held: Mapping[int, frozenset[str]] = MappingProxyType({}),
    hashed: Mapping[str, frozenset[int]] = MappingProxyType({}),
) -> Plan:
    """What to search for ``signals`` in ``banks``; ``models``: by code space; ``held``: by bank
    id, the spaces of its codes; ``hashed``: by type, PDQ among them, ids of the banks that hold
    such hashes of pictures."""
    banks = list(banks)
    enabled = [bank for bank in banks if bank.policy.enabled]
    allow = frozenset(bank.id for bank in enabled if bank.policy.action is Action.ALLOW)
    listed = [bank for bank in enabled if bank.id not in allow]
    usable = {(one.type, one.space) for one in signals.usable()}
    given = kinds_of(signals)
    not_matched = [NotMatched(*kind, "low_quality") for kind in given if kind not in usable]
    types = types_by_name()
    near: dict[Kind, dict[int, int]] = {
        (name, space): {bank.id: hash_radius(bank, types[name]) for bank in listed}
        for name, space in given
        if (name, space) in usable and not (types[name].exact or types[name].spaced)
    }
    codes: dict[str, dict[int, int]] = {}
    scores: dict[str, dict[int, int]] = {}
    for space in sorted(space for name, space in usable if name == CODE):
        defaults = models[space].radii if space in models else {}
        radii = {bank.id: code_radius(bank, imagery, defaults) for bank in listed}
        if space in signals.descriptors and space in models and models[space].candidates:
            model = models[space]
            least = {bank.id: code_threshold(bank, imagery, model.scores) for bank in listed}
            scores[space] = {bank_id: score for bank_id, score in least.items() if score >= 0}
            radii |= dict.fromkeys(scores[space], model.candidates)
        codes[space] = {bank_id: radius for bank_id, radius in radii.items() if radius >= 0}
        if len(codes[space]) < len(radii) or (space not in models and not radii):
            not_matched.append(NotMatched(CODE, space, "unknown_space"))
    apart = _apart(codes, listed, held)
    missed = _missed(usable, listed, apart, held, hashed)
    without_pdq, without_codes = (PDQ, "") not in given, not signals.codes
    if codes or (without_codes and not without_pdq):
        told = apart.keys() if codes else apart.keys() & missed
        others = sorted({space for bank in told for space in apart[bank]})
        not_matched += [NotMatched(CODE, space, "other_space") for space in others]
        if without_pdq and missed & hashed.get(PDQ, frozenset()):
            not_matched.append(NotMatched(PDQ, "", "not_given"))
    if without_pdq and without_codes:
        spaces = {*models, *(space for bank in listed for space in held.get(bank.id, ()))}
        not_matched.append(NotMatched(PDQ, "", "not_given"))
        not_matched += [NotMatched(CODE, space, "not_given") for space in sorted(spaces)]
    # What nobody computes here is missing from every image, and listed perhaps by nothing else.
    ids = {bank.id for bank in listed}
    not_matched += [
        NotMatched(name, "", "not_given")
        for name, holding in sorted(hashed.items())
        if name != PDQ and not ids.isdisjoint(holding) and (name, "") not in given
    ]
    # A bank of which nothing but digests was compared must not look as if it had been.
    perceptual = not missed and (near or any(space in models or codes[space] for space in codes))
    exact = any(types[name].exact for name, _ in usable)
    coverage = Coverage.FULL if perceptual else Coverage.DIGESTS_ONLY if exact else Coverage.NONE
    if banks and not enabled:
        coverage = Coverage.NONE  # nothing was searched
    # All matches of one signal in one bank lead to the same verdict, so the nearest of each stand
    # for the rest; one more than an answer shows tells that there are more. A flood of equal
    # references then costs no memory.
    search = Search(
        signals,
        frozenset(bank.id for bank in listed),
        allow,
        {**near, **{(CODE, space): radii for space, radii in codes.items()}},
        MAX_MATCHES + 1,
        scores,
    )
    return Plan(search, coverage, tuple(not_matched))


def coverage(
    plan: Plan, banks: Iterable[Bank], filled: frozenset[int], verdict: Verdict, incomplete: bool
) -> tuple[Coverage, tuple[NotMatched, ...]]:
    """How much of a query was compared after all, and what was not; the plan's, unless nothing
    could be found.

    ``filled``: ids of the banks that hold an entry that is enabled; ``incomplete``: listed images
    could be missed now. That matters to every verdict but the most severe.
    """
    why = []
    listed = (bank for bank in banks if bank.policy.action is not Action.ALLOW)
    if not any(bank.id in filled for bank in listed if bank.policy.enabled):
        why.append("no_entries")
    if incomplete:
        why.append("index_incomplete")
    said = tuple(
        NotMatched(signal, space, reason)
        for reason in why
        for signal, space in kinds_of(plan.search.signals)
    )
    if why and verdict is not Verdict.BLOCK:
        return Coverage.NONE, (*plan.not_matched, *said)
    return plan.coverage, (*plan.not_matched, *said)


def kinds_of(signals: Signals) -> list[Kind]:
    """The types of a query's signals, each with its code spaces, in the order of the registry."""
    there = {(one.type, one.space) for one in signals.items}
    rank = _ranks(signal_types())
    return sorted(there, key=lambda kind: (rank[kind[0]], kind[1]))


@lru_cache(maxsize=8)
def _ranks(types: Types) -> Mapping[str, int]:
    return {known.name: rank for rank, known in enumerate(types)}


def _apart(
    codes: Mapping[str, Mapping[int, int]],
    banks: Iterable[Bank],
    held: Mapping[int, frozenset[str]],
) -> dict[int, frozenset[str]]:
    """The banks that hold codes, and none in a space where the query is compared with them; what
    spaces these are."""
    compared = {bank.id: {space for space in codes if bank.id in codes[space]} for bank in banks}
    return {
        bank: held[bank]
        for bank, spaces in compared.items()
        if held.get(bank) and held[bank].isdisjoint(spaces)
    }


def _missed(
    usable: AbstractSet[Kind],
    banks: Iterable[Bank],
    apart: Mapping[int, frozenset[str]],
    held: Mapping[int, frozenset[str]],
    hashed: Mapping[str, frozenset[int]],
) -> frozenset[int]:
    """The banks that hold hashes or codes of pictures, and none was compared with the query;
    ``apart``: those whose codes were not."""
    hashes = frozenset[int]().union(*hashed.values())
    hashed_only = {bank.id for bank in banks if bank.id in hashes and not held.get(bank.id)}
    missed = frozenset(apart.keys() | hashed_only)
    if not missed:
        return missed
    return missed.difference(*(on for name, on in hashed.items() if (name, "") in usable))


def decide(found: Iterable[Found], banks: Mapping[int, Bank], cut: bool = False) -> Decision:
    """The verdict over everything ``found``; ``banks``: by id, those that are gone are passed
    over; ``cut``: there may be more entries than were found."""
    rows = [(hit, banks[hit.bank_id]) for hit in _one_per_signal(found) if hit.bank_id in banks]
    allowed = any(bank.policy.action is Action.ALLOW for _, bank in rows)
    judged = [
        JudgedMatch(hit, bank.name, _verdict(hit, bank.policy.action, allowed))
        for hit, bank in rows
    ]
    judged.sort(
        key=lambda row: (
            _SEVERITY[row.verdict],
            row.found.distance,
            row.found.id,
            row.found.signal,
        )
    )
    verdict = judged[0].verdict if judged else Verdict.NONE
    return Decision(verdict, tuple(judged[:MAX_MATCHES]), cut or len(judged) > MAX_MATCHES)


def _verdict(hit: Found, action: Action, allowed: bool) -> Verdict:
    if action is Action.ALLOW:
        return Verdict.NONE
    weight = types_by_name()[hit.signal].weight
    if weight is Weight.PLACE:
        return Verdict.BLOCK  # where it was found is listed, whatever the content is
    if weight is Weight.DIGEST:
        return Verdict.REVIEW if allowed else Verdict.BLOCK
    if allowed:
        return Verdict.NONE
    if weight is Weight.BANK and action is Action.BLOCK and not hit.view:
        return Verdict.BLOCK
    return Verdict.REVIEW


def _one_per_signal(found: Iterable[Found]) -> list[Found]:
    """One row for each (entry, signal): the query as it is before its views, then the nearer."""
    nearest: dict[tuple[int, str], Found] = {}
    for hit in found:
        key = (hit.id, hit.signal)
        if key not in nearest or _rank(hit) < _rank(nearest[key]):
            nearest[key] = hit
    return list(nearest.values())


def _rank(hit: Found) -> tuple[bool, int]:
    # A view that comes nearer must not turn a block into a review.
    return bool(hit.view), hit.distance
