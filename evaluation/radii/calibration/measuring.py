"""The whole calibration: gather, compare all pairs, draw the curves, choose the radii.

A pair counts as ``photographic`` if both its images are photographs, as ``non_photographic`` if
neither is, as ``low_structure`` if either has little structure (whatever their kinds), and always
as ``any``. Images below the quality from which they may be matched take no part; as copies, or as
references of copies, they count as not found. It knows nothing of how a report looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, MAX_SCORE, distances, paired_distances
from embeddings.network.encoder import Encoder
from evaluation.base.errors import CalibrationError
from evaluation.base.policies import IMAGERY, Imagery
from evaluation.base.progress import Progress, silent
from evaluation.base.provenance import Clock
from evaluation.base.results import Estimate, ResultProvenance, plain
from evaluation.corpora.corpus import KINDS, Corpus
from evaluation.corpora.related import Names, pairs
from evaluation.radii.calibration.choice import (
    FAST_RADIUS,
    TARGET,
    Copies,
    OperatingPoint,
    largest_radius,
    recommend,
)
from evaluation.radii.calibration.gathering import CLASSES, Gathered, gather, planned
from evaluation.radii.calibration.pairs import PairCounts, count_pairs
from evaluation.radii.calibration.rates import (
    FalseRate,
    curve,
    expected_false_matches,
    pairs_needed,
)
from evaluation.radii.calibration.second_stage import (
    Beyond,
    DistanceAtRate,
    at_rates,
    beyond,
    count_scores,
    scores_of,
    short_of,
)
from evaluation.statistics.summary import RADII

Stratum = Literal["photographic", "non_photographic", "any", "low_structure"]
STRATA: Final[tuple[Stratum, ...]] = (*IMAGERY, "low_structure")

LIST_SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
"""Entries, for which expected false matches are stated."""

_SHOWN: Final = 20
_MAX_RADIUS: Final = CODE_BITS // 2  # unrelated codes lie about here


@dataclass(frozen=True)
class CloseNames:
    """An unrelated pair that is near, for someone to look at: is it truly unrelated?"""

    distance: int
    query: str
    reference: str


@dataclass(frozen=True)
class Recommendation:
    """An operating point and what it amounts to."""

    point: OperatingPoint
    expected: Mapping[int, float]
    """Size of the list to false matches among a million unrelated uploads, at the upper end."""


@dataclass(frozen=True)
class CalibrationResult:
    """Everything one run found."""

    provenance: ResultProvenance
    target: float
    """False matches per pair."""
    references: int
    unrelated: int
    """Queries unrelated to any reference, edited or not."""
    copies: int
    unmatchable: Mapping[str, int]
    """How many of the above have too little structure to be matched."""
    skipped: Mapping[str, int]
    """Images that could not be decoded, by error code."""
    related: int
    """Pairs of a reference and a query that were left out: both show one work."""
    curves: Mapping[Stratum, tuple[FalseRate, ...]]
    """False rates at each radius from 0 to 128."""
    recall: Mapping[Imagery, Mapping[int, Estimate]]
    """Of the copies, at fixed radii."""
    recommended: Mapping[Imagery, Recommendation]
    refused: Mapping[Imagery, str]
    """Why there is no recommendation, where there is none."""
    closest: tuple[CloseNames, ...]
    """One row a pair of images."""
    scores: Mapping[Imagery, Recommendation]
    """The same for the score; its radius is what a score falls short of ``MAX_SCORE``."""
    at_rates: tuple[DistanceAtRate, ...]
    """Of all pairs: what either stage finds at the same rate."""
    beyond: tuple[Beyond, ...]
    """Copies that reach the recommended threshold and lie beyond a radius of the first stage."""

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file; nan becomes null."""
        values: dict[str, Any] = plain(asdict(self))
        return values


def calibrate(
    corpora: Sequence[Corpus],
    encoder: Encoder,
    *,
    related: Names = frozenset(),
    target: float = TARGET,
    seed: int = 0,
    edits_per_family: int = 1,
    samples: int = 1000,
    command: str = "",
    progress: Progress = silent,
) -> CalibrationResult:
    """False rates on all of ``corpora``, recall on the first, and the radii to set.

    ``related``: pairs of images, by name, that show one work and so are no false matches.

    Raises ``CalibrationError``, before anything is decoded, if there are too few images to show a
    false rate of ``target`` per pair, and ``CorpusError`` if a corpus is too small to be split.
    """
    clock = Clock()
    if not 0 < target < 1:
        raise CalibrationError(f"a target rate per pair lies between 0 and 1, not {target}")
    plan = planned(corpora, seed, edits_per_family)
    if plan.pairs() < pairs_needed(target):
        raise CalibrationError(
            f"these images make {plan.pairs()} unrelated pairs, and at least "
            f"{pairs_needed(target)} are needed to show a false rate of {target:g} per pair: "
            "add images or edits, or raise the target"
        )
    gathered = gather(plan, encoder, progress)
    references, unrelated = gathered.references.matched(), gathered.unrelated.matched()
    counts, left_out = _compared(gathered, related, progress)
    histograms = {stratum: _of(stratum, counts.histogram) for stratum in STRATA}
    copies = {imagery: _copies(gathered, imagery) for imagery in IMAGERY}
    recommended, refused = _recommended(histograms, copies, target, samples, seed)
    progress("scoring all pairs", 0, 1)
    short = _shorts(gathered, related)
    shorts = {stratum: _of(stratum, short) for stratum in STRATA}
    scored = {imagery: _copies(gathered, imagery, scored=True) for imagery in IMAGERY}
    scores, _ = _recommended(shorts, scored, target, samples, seed, bounded=False)
    sides = {
        "references": gathered.references,
        "unrelated": gathered.unrelated,
        "copies": gathered.copies,
    }
    return CalibrationResult(
        clock.provenance(
            command,
            ", ".join(corpus.name for corpus in corpora),
            (encoder.info.space,),
            seed=seed,
            edits_per_family=edits_per_family,
            bootstrap_samples=samples,
        ),
        target,
        len(gathered.references.codes),
        len(gathered.unrelated.codes),
        len(gathered.copies.codes),
        {name: int((~side.matchable).sum()) for name, side in sides.items()},
        gathered.skipped,
        left_out,
        {stratum: curve(one)[: _MAX_RADIUS + 1] for stratum, one in histograms.items()},
        {
            imagery: {
                radius: Estimate(*of_kind.estimate(radius, samples, seed)) for radius in RADII
            }
            for imagery, of_kind in copies.items()
        },
        recommended,
        refused,
        _closest(counts, unrelated.labels, references.labels),
        scores,
        at_rates(
            (histograms["any"], copies["any"].distances), (shorts["any"], scored["any"].distances)
        ),
        _beyond(copies["any"].distances, scored["any"].distances, scores),
    )


def _compared(gathered: Gathered, related: Names, progress: Progress) -> tuple[PairCounts, int]:
    """All pairs but those of one work, and how many those are."""
    references, unrelated = gathered.references.matched(), gathered.unrelated.matched()
    total, done = len(references.codes) * len(unrelated.codes), 0

    def step(pairs: int) -> None:
        nonlocal done
        done += pairs
        progress("comparing all pairs", done, total)

    counts = count_pairs(
        unrelated.codes,
        unrelated.classes,
        references.codes,
        references.classes,
        CLASSES,
        # Several edits of one image may lie near the same reference.
        closest=16 * (_SHOWN + 2 * len(related)),
        progress=step,
    )
    found = pairs(related, unrelated.images, references.images)
    listed = {(query, reference) for query, reference in found.tolist()}
    histogram = counts.histogram.copy()
    for query, reference in listed:
        away = distances(unrelated.codes[[query]], references.codes[[reference]]).item()
        histogram[unrelated.classes[query], references.classes[reference], away] -= 1
    closest = tuple(one for one in counts.closest if (one.query, one.reference) not in listed)
    return PairCounts(histogram, closest), len(listed)


def _shorts(gathered: Gathered, related: Names) -> NDArray[np.int64]:
    """What all pairs, but those of one work, fall short of the most there is to score."""
    references, unrelated = gathered.references.matched(), gathered.unrelated.matched()
    found = pairs(related, unrelated.images, references.images)
    return count_scores(
        unrelated.asked,
        unrelated.classes,
        references.codes,
        references.classes,
        CLASSES,
        without={(query, reference) for query, reference in found.tolist()},
    )


def _beyond(
    distances: NDArray[np.integer],
    shorts: NDArray[np.integer],
    scores: Mapping[Imagery, Recommendation],
) -> tuple[Beyond, ...]:
    if not scores:
        return ()
    # The lowest threshold that is set reaches furthest.
    return beyond(distances, shorts, MAX_SCORE - max(one.point.radius for one in scores.values()))


def _of(stratum: Stratum, histogram: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pairs of one stratum by distance, int64 (L,)."""
    kind, low = np.divmod(np.arange(CLASSES), 2)
    if stratum == "low_structure":
        chosen = (low[:, None] | low) == 1
    elif stratum == "any":
        chosen = np.ones((CLASSES, CLASSES), bool)
    else:
        of_kind = kind == KINDS.index("photo" if stratum == "photographic" else "nonphoto")
        chosen = of_kind[:, None] & of_kind
    counted: NDArray[np.int64] = histogram[chosen].sum(axis=0)
    return counted


def _copies(gathered: Gathered, imagery: Imagery, scored: bool = False) -> Copies:
    """The copies of one imagery; what may not be matched lies beyond any radius."""
    copies, of = gathered.copies, gathered.copied
    listed = np.ascontiguousarray(gathered.references.codes[of])
    if scored:
        away = short_of(scores_of(copies.asked, listed))
    else:
        away = paired_distances(copies.codes, listed).astype(np.int64)
    beyond_any = MAX_SCORE + 1 if scored else CODE_BITS + 1
    away[~(copies.matchable & gathered.references.matchable[of])] = beyond_any
    keep = np.ones(len(of), bool)
    if imagery != "any":
        keep = copies.classes // 2 == KINDS.index(
            "photo" if imagery == "photographic" else "nonphoto"
        )
    return Copies(away[keep], of[keep])


def _recommended(
    histograms: Mapping[Stratum, NDArray[np.int64]],
    copies: Mapping[Imagery, Copies],
    target: float,
    samples: int,
    seed: int,
    bounded: bool = True,
) -> tuple[dict[Imagery, Recommendation], dict[Imagery, str]]:
    largest: dict[Imagery, int] = {}
    refused: dict[Imagery, str] = {}
    for imagery in IMAGERY:
        try:
            largest[imagery] = largest_radius(histograms[imagery], target)
        except CalibrationError as error:
            refused[imagery] = str(error)
    found: dict[Imagery, Recommendation] = {}
    for imagery in largest:
        point = recommend(
            histograms[imagery],
            copies[imagery],
            target,
            at_most=min(largest.values()) if imagery == "any" else None,
            samples=samples,
            seed=seed,
            fast=FAST_RADIUS if bounded else None,
        )
        # What operators plan with is what the data cannot rule out, not the lucky middle.
        expected = {size: expected_false_matches(point.high, size) for size in LIST_SIZES}
        found[imagery] = Recommendation(point, expected)
    return found, refused


def _closest(
    counts: PairCounts, queries: Sequence[str], references: Sequence[str]
) -> tuple[CloseNames, ...]:
    seen: dict[tuple[str, str], CloseNames] = {}
    for pair in counts.closest:
        query, reference = queries[pair.query], references[pair.reference]
        seen.setdefault(
            (query.rsplit(" (", 1)[0], reference), CloseNames(pair.distance, query, reference)
        )
    return tuple(seen.values())[:_SHOWN]
