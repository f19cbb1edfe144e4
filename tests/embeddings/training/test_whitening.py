"""The closed-form head finds what copies keep among what they do not."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings import codes
from embeddings.training import whitening

pytestmark = pytest.mark.slow


def test_what_copies_change_is_ignored_and_what_they_keep_is_used() -> None:
    """Of 96 features 32 tell images apart; the other 64 are loud and differ between copies."""
    rng = np.random.default_rng(0)
    kept = rng.normal(size=(2000, 32))
    left, right = (
        np.hstack((kept + 0.1 * rng.normal(size=kept.shape), 5 * rng.normal(size=(2000, 64))))
        for _ in range(2)
    )
    mix, _ = np.linalg.qr(rng.normal(size=(96, 96)))
    left, right = (left @ mix).astype(np.float32), (right @ mix).astype(np.float32)
    head = whitening.fit(left[:1500], right[:1500], 32, seed=0, shrinkage=1e-4)
    bits = [rows[1500:] @ head.weight.T + head.bias > 0 for rows in (left, right)]
    padded = [np.pad(one, ((0, 0), (0, codes.CODE_BITS - 32))) for one in bits]
    away = codes.distances(codes.pack(padded[0]), codes.pack(padded[1]))
    assert np.diag(away).mean() < 4
    assert abs(away[~np.eye(500, dtype=bool)].mean() - 16) < 1


def test_the_same_pairs_and_seed_give_the_same_head() -> None:
    rng = np.random.default_rng(1)
    left = rng.normal(size=(300, 40)).astype(np.float32)
    right = left + rng.normal(size=left.shape).astype(np.float32)
    first, second = (whitening.fit(left, right, 16, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.weight, second.weight)
    np.testing.assert_array_equal(first.bias, second.bias)
