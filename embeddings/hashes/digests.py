"""Cryptographic digests of a file's bytes, as received.

They identify the exact file and need no decoding, so a file that is no image has them too. It knows
nothing of images, lists or matching.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Digests:
    """The digests of one file, in lower-case hex."""

    md5: str
    """32 digits."""
    sha1: str
    """40 digits."""
    sha256: str
    """64 digits."""


def digests(data: bytes) -> Digests:
    """The digests of ``data``; empty data has digests too."""
    # MD5 and SHA-1 are what hotlines ship, not what keeps anything secret; saying so also lets them
    # run where a FIPS build would refuse them.
    return Digests(
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
    )
