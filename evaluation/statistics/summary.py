"""From scores to rows: every metric with its interval, for one part of the queries.

The bootstrap draws source images, not queries, since the edits of one image stand and fall
together. References stay as they are: the list is given, what varies is what is uploaded. Radii
that keep to a rate are found anew in every sample. It knows nothing of reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS
from evaluation.base.hashers import Space
from evaluation.base.results import AtRadius, AtRate, Estimate, FamilyPart, Part, ResultRow
from evaluation.statistics import metrics
from evaluation.statistics.scores import Ints, Scores

QUERY_RATE: Final = 0.01
PAIR_RATES: Final = (1e-4, 1e-5, 1e-6)
RADII: Final = (31, 43, 48, 64)


@dataclass(frozen=True)
class Sources:
    """The image each query was made from, any numbers: int64 (n,) and (m,)."""

    inside: Ints
    outside: Ints


def estimate(values: metrics.Floats) -> Estimate:
    """The first of ``values``, (1 + samples,), with the interval of the others."""
    low, high = metrics.interval(values[1:])
    return Estimate(float(values[0]), low, high)


def _per_source(rows: NDArray[Any], sources: Ints, count: int) -> metrics.Floats:
    """Rows, (n, k) or (n,), added up by source, float64 (count, k) or (count,)."""
    out = np.zeros((count, *rows.shape[1:]))
    np.add.at(out, sources, rows)
    return out


def _one_hot(
    distances: NDArray[np.int32], sources: Ints, count: int, levels: int
) -> metrics.Floats:
    place = sources * (levels + 1) + distances
    bins = np.bincount(place, minlength=count * (levels + 1))
    return bins.reshape(count, levels + 1)[:, :levels].astype(np.float64)


def summarise(
    space: Space,
    kind: Part,
    family: FamilyPart,
    scores: Scores,
    sources: Sources,
    samples: int,
    rng: np.random.Generator,
) -> ResultRow:
    """Every metric of ``scores`` with its 95% interval."""
    inside_ids, inside = np.unique(sources.inside, return_inverse=True)
    outside_ids, outside = np.unique(sources.outside, return_inverse=True)
    count_in, count_out, levels = len(inside_ids), len(outside_ids), scores.levels
    # The first sample is the data as they are: its metrics are the estimates.
    weigh_in = np.vstack([np.ones(count_in), metrics.resampled(count_in, samples, rng)])
    weigh_out = np.vstack([np.ones(count_out), metrics.resampled(count_out, samples, rng)])

    positives = weigh_in @ _per_source(np.ones(len(inside)), inside, count_in)
    strangers = weigh_out @ _per_source(np.ones(len(outside)), outside, count_out)
    pairs = positives * (scores.references - 1) + strangers * scores.references
    true = weigh_in @ _one_hot(scores.true, inside, count_in, levels)
    flagged = weigh_out @ _one_hot(scores.outside, outside, count_out, levels)
    false = weigh_in @ _per_source(scores.false, inside, count_in)
    false += weigh_out @ _per_source(scores.outside_false, outside, count_out)
    hits = metrics.first(scores.true, scores.nearest)
    first = weigh_in @ _per_source(hits, inside, count_in)

    def at_rate(counts: metrics.Counts, total: metrics.Floats, rate: float) -> AtRate:
        return AtRate(
            rate,
            int(metrics.radius_at_rate(counts, total, rate)[0]),
            estimate(metrics.recall_at_rate(true, positives, counts, total, rate)),
            int(rate * total[0] + 1e-9),
        )

    def at_radius(radius: int) -> AtRadius:
        return AtRadius(
            radius,
            estimate(metrics.share_within(true, positives, radius)),
            float(metrics.share_within(flagged, strangers, radius)[0]),
            float(metrics.share_within(false, pairs, radius)[0]),
        )

    unmatchable = np.count_nonzero(scores.true == levels)
    return ResultRow(
        space.name,
        space.signal,
        kind,
        family,
        len(scores.true),
        len(scores.outside),
        int(pairs[0]),
        unmatchable / len(scores.true) if len(scores.true) else float("nan"),
        estimate(metrics.average_precision(true, false, positives)),
        estimate(metrics.share_of(first, positives)),
        at_rate(flagged, strangers, QUERY_RATE),
        tuple(at_rate(false, pairs, rate) for rate in PAIR_RATES),
        () if space.levels != CODE_BITS + 1 else tuple(at_radius(radius) for radius in RADII),
    )
