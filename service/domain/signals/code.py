"""The learnt code of 256 bits, which belongs to a code space: matched within a radius there."""

from __future__ import annotations

from typing import Final

from embeddings.figures import CODE_BYTES, MIN_STRUCTURE
from service.domain.signals.kinds import Grade, Matching, SignalType, Weight, octets

CODE: Final = SignalType(
    name="code",
    sentence="Learnt codes, by code space; those of two spaces are never compared.",
    example="5f3759df" * 8,
    weight=Weight.REVIEW,
    matching=Matching.RADIUS,
    radius=-1,
    structural=True,
    grade=Grade(1, MIN_STRUCTURE),
    spaced=True,
    field="codes",
    roles=("query", "reference"),
    role_field="code_role",
    **octets(CODE_BYTES),
)
