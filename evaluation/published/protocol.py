"""The metrics of the published protocols, as pure functions of similarities; higher = better.

Every tie is decided for the worst: a true pair ranks behind all others of its similarity.

*DISC21* ranks all predictions of all queries together: micro average precision (µAP). A query
predicts its ``NEIGHBOURS`` nearest references, which for its 50,000 queries is the challenge's
limit of 500,000 predictions. *Score normalisation* subtracts from a query's similarities its mean
similarity to the nearest ``BACKGROUND`` training images: a query that is near to everything counts
for less.

*Copydays* ranks the originals for each query; the mean over a block of queries of average precision
under the trapezoids of the Holidays package (one original a query: 1 if it is first, else half of
1 / its rank) is the block's mAP. It knows nothing of files or images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.published.search import FoundPairs

NEIGHBOURS: Final = 10
BACKGROUND: Final = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Micro:
    """Metrics over all predictions of all queries together."""

    average_precision: float
    recall_at_90: float
    """The most recall at a threshold with a precision of .9 or more; 0 if there is none."""
    first: float
    """Share of true pairs whose reference is nearer than any that is no match."""


def micro(found: FoundPairs, normalisation: NDArray[np.floating] | None = None) -> Micro:
    """DISC21's metrics. ``normalisation``: (q,), subtracted from each query's similarities.

    nan throughout if there are no true pairs.
    """
    if not len(found.true):
        return Micro(*(float("nan"),) * 3)
    bias = np.zeros(len(found.others)) if normalisation is None else normalisation
    keep = _predicted(found)
    # All predictions: false ones, and true ones that are among their query's nearest.
    false = (found.others - np.asarray(bias, np.float64)[:, None])[_kept_others(found)]
    true = (found.true - np.asarray(bias, np.float64)[found.true_query])[keep]
    order = np.argsort(-true, kind="stable")
    ranked = np.sort(false)
    # Others of at least this similarity come before it.
    before = len(ranked) - np.searchsorted(ranked, true[order], side="left")
    hits = np.arange(1, len(order) + 1)
    precision = hits / (hits + before)
    positives = len(found.true)
    # A threshold lets in all of a tie: precision counts at the last of equal similarities.
    last = np.append(np.diff(true[order]) != 0, True) if len(order) else np.zeros(0, bool)
    good = hits[last & (precision >= 0.9)]
    first = found.true > found.others[found.true_query, 0]
    return Micro(
        float(precision.sum() / positives),
        float(good.max() / positives) if len(good) else 0.0,
        float(first.mean()),
    )


def _ranks(found: FoundPairs) -> NDArray[np.int64]:
    """How many others rank before each true pair in its query: int64 (t,)."""
    nearer: NDArray[np.int64] = (found.others[found.true_query] >= found.true[:, None]).sum(axis=1)
    return nearer


def _own_before(found: FoundPairs) -> NDArray[np.int64]:
    """How many other true references of its query rank before each true pair: int64 (t,)."""
    order = np.lexsort((-found.true, found.true_query))
    queries = found.true_query[order]
    starts = np.searchsorted(queries, queries, side="left")
    out = np.empty(len(order), np.int64)
    out[order] = np.arange(len(order)) - starts
    return out


def _predicted(found: FoundPairs) -> NDArray[np.bool_]:
    """Which true pairs are among their query's predictions: bool (t,)."""
    room = found.others.shape[1]
    among = _ranks(found) + _own_before(found) < room
    return np.asarray(np.isfinite(found.true) & among, bool)


def _kept_others(found: FoundPairs) -> NDArray[np.bool_]:
    """Which others are: a true pair that is predicted takes the place of the last. bool (q, k)."""
    count, room = found.others.shape
    taken = np.bincount(found.true_query[_predicted(found)], minlength=count)
    keep: NDArray[np.bool_] = np.arange(room) < (room - taken)[:, None]
    return keep & np.isfinite(found.others)


def normalisation(background: NDArray[np.floating]) -> Floats:
    """What to subtract, (q,), of the similarities to the nearest training images, (q, k).

    Fewer than k are averaged as they are; of none nothing is subtracted.
    """
    values = np.asarray(background, np.float64)
    there = np.isfinite(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0).sum(axis=1)
    mean: Floats = np.divide(total, count, out=np.zeros(len(values)), where=count > 0)
    return mean


def mean_average_precision(found: FoundPairs) -> float:
    """Copydays' mAP over queries with one original each; nan of no queries.

    ``found.others`` must hold every other original.
    """
    if not len(found.true):
        return float("nan")
    rank = _ranks(found)
    # The trapezoid from the recall before the hit, at precision 0, to the hit itself.
    precision = np.where(rank == 0, 1.0, 0.5 / (rank + 1))
    return float(np.where(np.isfinite(found.true), precision, 0.0).mean())
