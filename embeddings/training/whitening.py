"""A head in closed form: what makes copies differ is whitened away, then bits are rotated.

Linear discriminant analysis on copy pairs (directions in which copies differ least against how
images differ) followed by iterative quantisation (ITQ: the rotation under which signs lose
least). It is where contrastive training starts from. Source of ITQ: Gong and Lazebnik, CVPR 2011.

It knows arrays; nothing of networks or images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearHead:
    """A linear map of pooled features to descriptors."""

    weight: NDArray[np.float32]
    """float32 (256, features)."""
    bias: NDArray[np.float32]
    """float32 (256,)."""


def fit(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    bits: int,
    seed: int,
    shrinkage: float = 0.1,
    rounds: int = 40,
) -> LinearHead:
    """The head for copy pairs ``left``, ``right``: float (n, features), rows paired.

    ``shrinkage``: share of the mean variance added to the within-copy covariance, 0..1; it keeps
    directions seen in few pairs from being trusted.
    """
    both = np.concatenate((left, right)).astype(np.float64)
    mean = both.mean(0)
    within = _covariance((left - right).astype(np.float64)) / 2
    within += shrinkage * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    whiten = vectors / np.sqrt(values)
    total_values, total_vectors = np.linalg.eigh(_covariance((both - mean) @ whiten))
    # Equal variance for each kept direction, else the first few would decide most bits' signs;
    # a direction that fewer pairs than bits leave empty is not blown up.
    kept = np.maximum(total_values[-bits:], 1e-3 * total_values[-1])
    project = whiten @ (total_vectors[:, -bits:] / np.sqrt(kept))
    rotation = _itq((both - mean) @ project, seed, rounds)
    weight = (project @ rotation).T
    return LinearHead(weight.astype(np.float32), (-weight @ mean).astype(np.float32))


def _covariance(rows: Array) -> Array:
    return (rows.T @ rows) / len(rows)


def _itq(rows: Array, seed: int, rounds: int) -> Array:
    """The rotation that brings ``rows``, (n, bits), nearest to their signs."""
    bits = rows.shape[1]
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((bits, bits)))
    for _ in range(rounds):
        left, _, right = np.linalg.svd(rows.T @ np.sign(rows @ rotation))
        rotation = left @ right
    return rotation
