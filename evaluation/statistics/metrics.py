"""Metrics of copy detection, as pure functions of counts.

Distances are whole numbers 0..L-1, lower = nearer; a pair that may not be matched at all (too
little structure) has distance L and is counted nowhere but in the totals. What is counted is a
histogram over distances, float (..., L): leading axes are independent samples, so that a
bootstrap is one call.

Whole numbers tie often, and every tie is decided for the worst: at one distance false pairs come
before true ones, a radius lets in all of a distance or none of it, and a true reference that is
no nearer than a false one is not first. A radius of -1 matches nothing. A rate of nothing is nan.

It knows nothing of images, signals or reports.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
"""float64 (..., L): how many at each distance. Whole numbers, or weighted ones."""

Floats = NDArray[np.float64]
Totals = Floats | float
"""How many there are in each sample, (...,)."""

Ints = NDArray[np.int64]

_EULER: Final = 0.5772156649015329
_EXACT: Final = 256


def histogram(distances: NDArray[np.integer], levels: int) -> Counts:
    """Counts, float64 (levels,), of ``distances``, int (n,); those at ``levels`` are left out."""
    return np.bincount(distances, minlength=levels + 1)[:levels].astype(np.float64)


def average_precision(true: Counts, false: Counts, positives: Totals) -> Floats:
    """Micro average precision over all query-reference pairs, (...,), higher = better.

    ``true``, ``false``: counts (..., L) of true and false pairs. ``positives``: (...,) how many
    true pairs there are, matchable or not. nan where there are none.
    """
    before = np.cumsum(true, axis=-1) - true
    misses = np.cumsum(false, axis=-1)
    # Of p true pairs tied at one distance the k-th has precision (before + k) / (start + k): their
    # sum is p - misses * (H(start + p) - H(start)), H the harmonic numbers.
    start = before + misses
    gained = true - misses * (_harmonic(start + true) - _harmonic(start))
    return share_of(np.asarray(gained.sum(axis=-1)), positives)


def _harmonic(number: Floats) -> Floats:
    """The harmonic number of each whole ``number`` >= 0."""
    table = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, _EXACT))])
    small = np.minimum(number, _EXACT - 1).astype(np.int64)
    large = np.maximum(number, _EXACT)
    series = np.log(large) + _EULER + 1 / (2 * large) - 1 / (12 * large**2)
    out: Floats = np.where(number < _EXACT, table[small], series)
    return out


def share_of(count: Floats, total: Totals) -> Floats:
    """``count`` / ``total``, (...,); nan of nothing."""
    total = np.broadcast_to(np.asarray(total, np.float64), np.shape(count))
    share: Floats = np.full(np.shape(count), np.nan)
    np.divide(count, total, out=share, where=total > 0)
    return share


def radius_at_rate(false: Counts, total: Totals, rate: float) -> Ints:
    """The largest radius that matches at most ``rate`` of ``total``, int64 (...,); -1: not even 0.

    ``false``: counts (..., L) of what is falsely matched at each distance: pairs, or outside
    queries by their nearest reference. ``total``: (...,) how many there are. With none at all
    nothing is known to be safe, so the radius is -1.
    """
    # 0.29 * 100 is a hair under 29: a whole number of false matches is meant.
    allowed = np.floor(rate * np.asarray(total, np.float64) + 1e-9)
    fits = np.cumsum(false, axis=-1) <= allowed[..., None] + 1e-9
    # Cumulative counts rise, so the fitting radii are a prefix.
    return np.where(np.asarray(total) > 0, fits.sum(axis=-1), 0).astype(np.int64) - 1


def share_within(counts: Counts, total: Totals, radius: Ints | int) -> Floats:
    """The share of ``total`` at distances up to ``radius``, inclusive, (...,). nan of none.

    Recall where ``counts`` are of true pairs, a false rate where they are of false ones.
    """
    within = np.cumsum(counts, axis=-1)
    place = np.broadcast_to(np.asarray(radius, np.int64), within.shape[:-1])
    index = np.clip(place, 0, within.shape[-1] - 1)[..., None]
    picked = np.take_along_axis(within, index, axis=-1)[..., 0]
    return share_of(np.where(place >= 0, picked, 0.0), total)


def recall_at_rate(
    true: Counts, positives: Totals, false: Counts, total: Totals, rate: float
) -> Floats:
    """Recall, (...,), at the largest radius that matches at most ``rate`` of the false ones.

    nan where there are no positives, or nothing that could be falsely matched.
    """
    recall = share_within(true, positives, radius_at_rate(false, total, rate))
    known: Floats = np.where(np.asarray(total) > 0, recall, np.nan)
    return known


def first(true: NDArray[np.integer], nearest: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which queries have their reference first, bool (n,).

    ``true``: int (n,), distance to the true reference. ``nearest``: int (n,), to the nearest other
    one. Where both may not be matched they are equal, and the reference is not first.
    """
    return np.asarray(true < nearest)


def resampled(sources: int, samples: int, rng: np.random.Generator) -> Floats:
    """Bootstrap weights, float64 (samples, sources): how often each source image is drawn.

    Every row is one draw of ``sources`` source images with replacement.
    """
    if sources == 0:
        return np.zeros((samples, 0))
    even = np.full(sources, 1 / sources)
    return rng.multinomial(sources, even, samples).astype(np.float64)


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The central interval that holds ``level`` of ``values``, (n,); nan if none is a number."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
