"""Codes to test with, planted at known distances.

Flips are spread evenly over the code, the hardest case for an index that cuts codes into pieces.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.codes import Codes, pack, unpack

Flip = Callable[[Codes, int], Codes]


def spread_flips(codes: Codes, bits: int) -> Codes:
    """``codes`` with exactly ``bits`` bits flipped in each, as evenly over the code as can be."""
    flipped = unpack(codes).copy()
    places = (np.arange(bits) * 256) // max(bits, 1)
    flipped[:, places] ^= 1
    return pack(flipped.astype(np.bool_))


@pytest.fixture
def flip() -> Flip:
    return spread_flips


@pytest.fixture
def random_codes() -> Codes:
    return np.random.default_rng(7).integers(0, 256, (3000, 32), np.uint8)


@pytest.fixture
def clustered_codes() -> Codes:
    """3000 codes in 60 clusters, a few bits apart within each, some of them equal."""
    rng = np.random.default_rng(8)
    seeds = rng.integers(0, 2, (60, 256), np.uint8)
    noise: NDArray[np.uint8] = (rng.random((3000, 256)) < 0.04).astype(np.uint8)
    noise[::10] = 0
    return pack((seeds[rng.integers(0, 60, 3000)] ^ noise).astype(np.bool_))
