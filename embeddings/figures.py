"""The few numbers of codes and hashes that others need who compute none: how long, how good.

It loads nothing, so that a command that only lists keys need not load NumPy. What the numbers mean
stands in ``codes``, ``pdq`` and ``quality``, which have them from here.
"""

from __future__ import annotations

from typing import Final

CODE_BITS: Final = 256
CODE_BYTES: Final = CODE_BITS // 8

MAX_SCORE: Final = 8192
"""Of two descriptors. No score is larger, but for rounding: of 256 numbers of a descriptor's length
all alike."""

PDQ_MIN_QUALITY: Final = 50
"""PDQ's own advice: below this a hash must not be matched."""

PDQ_RADIUS: Final = 31
"""Bits, inclusive: up to here two PDQ hashes are taken for copies, as PDQ's authors advise."""

MIN_STRUCTURE: Final = 0.11
"""Below this an image is matched by digest only."""
