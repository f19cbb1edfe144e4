"""Digests of a file's bytes: MD5, SHA-1 and SHA-256. The same digest means the same file."""

from __future__ import annotations

from typing import Final

from service.domain.signals.kinds import SignalType, Weight, octets

MD5: Final = SignalType(
    name="md5",
    sentence="MD5 of the file's bytes.",
    example="098f6bcd4621d373cade4e832627b4f6",
    weight=Weight.DIGEST,
    **octets(16),
)

SHA1: Final = SignalType(
    name="sha1",
    sentence="SHA-1 of the file's bytes.",
    example="a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    weight=Weight.DIGEST,
    aliases=("sha_1",),
    **octets(20),
)

SHA256: Final = SignalType(
    name="sha256",
    sentence="SHA-256 of the file's bytes; the only one that an allow bank acts on.",
    example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    weight=Weight.DIGEST,
    aliases=("sha_256",),
    allows=True,
    **octets(32),
)
