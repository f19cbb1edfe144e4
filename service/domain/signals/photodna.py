"""PhotoDNA, 144 bytes: kept and matched by equality where callers supply it, and never computed.

PhotoDNA is Microsoft's, and to compute it is for who holds a licence; so is the right to hold its
hashes, which is the user's to see to. Two hashes of one picture may differ in a few bytes, which
equality does not bridge: near copies are found by PDQ and codes.
"""

from __future__ import annotations

from typing import Final

from service.domain.signals.kinds import SignalType, Weight, octets

PHOTODNA: Final = SignalType(
    name="photodna",
    sentence="PhotoDNA hash, supplied by the caller and matched by equality; never computed here.",
    example="AAAB" * 48,
    weight=Weight.BANK,
    structural=True,
    aliases=("pdna", "photo_dna"),
    **octets(144),
)
