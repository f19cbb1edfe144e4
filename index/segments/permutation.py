"""Codes in the order in which indexes keep their bits: see ``permuting``. Callers never see it.

It knows codes; not tables or files.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import Codes
from index.kernels.build.loading import kernels

Words = NDArray[np.int64]
"""int64 (4 n,): codes in this order, four words a code.

Sub-code *t* is 16 bits of word ``t // 4``, from bit ``16 * (t % 4)``.
"""


def reordered(codes: Codes) -> Words:
    """``codes``, uint8 (n, 32), C-contiguous, in the order of the tables."""
    words = np.empty(4 * len(codes), np.int64)
    kernels().permute(codes, words)
    return words
