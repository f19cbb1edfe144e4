"""Whether an image has enough structure for its perceptual hashes to mean anything.

It knows pixels only: not which signal is matched or what happens below ``MIN_QUALITY``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MIN_QUALITY: Final = 0.1
"""Below this an image is matched by digest only."""


def structure(rgb: NDArray[np.uint8]) -> float:
    """How much structure ``rgb``, uint8 (h, w, 3), has: 0..1, higher = more."""
    from embeddings.pdq import pdq

    return pdq(rgb).quality / 100
