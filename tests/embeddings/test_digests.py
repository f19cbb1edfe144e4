"""Digests identify bytes exactly as received."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from embeddings.hashes.digests import Digests, digests


def test_published_values() -> None:
    """The test vectors of RFC 1321 and FIPS 180."""
    assert digests(b"abc") == Digests(
        md5="900150983cd24fb0d6963f7d28e17f72",
        sha1="a9993e364706816aba3e25717850c26c9cd0d89d",
        sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )


def test_no_bytes_have_digests_too() -> None:
    assert digests(b"").md5 == "d41d8cd98f00b204e9800998ecf8427e"


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    found = digests(data)
    assert found.sha1 == hashlib.sha1(data).hexdigest()
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found != digests(data + b"\0")
