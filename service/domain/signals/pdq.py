"""PDQ, the perceptual hash of 256 bits that hotlines ship: matched within a radius."""

from __future__ import annotations

from typing import Final

from embeddings.figures import CODE_BYTES, PDQ_MIN_QUALITY, PDQ_RADIUS
from service.domain.signals.kinds import Grade, Matching, SignalType, Weight, octets

PDQ: Final = SignalType(
    name="pdq",
    sentence="PDQ hash; one of a quality below 50 is not matched.",
    example="f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
    weight=Weight.BANK,
    matching=Matching.RADIUS,
    radius=PDQ_RADIUS,
    structural=True,
    grade=Grade(100, PDQ_MIN_QUALITY, whole=True, field="pdq_quality"),
    **octets(CODE_BYTES),
)


def is_trusted(pdq_quality: int | None) -> bool:
    """Whether a PDQ hash of this quality may be matched."""
    return pdq_quality is None or pdq_quality >= PDQ_MIN_QUALITY
