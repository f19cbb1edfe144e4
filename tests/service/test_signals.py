"""Signals as text: what is read, what is refused, and that nothing repeats a hash."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.figures import MIN_STRUCTURE
from embeddings.fingerprint import Fingerprint
from embeddings.hashes import pdq
from service.domain.errors import BadSignalError
from service.domain.signals import (
    Signals,
    fingerprint_json,
    from_fingerprint,
    parse_signals,
    query_signals,
)

SIGNALS = st.builds(
    Signals.of,
    md5=st.none() | st.binary(min_size=16, max_size=16),
    sha1=st.none() | st.binary(min_size=20, max_size=20),
    sha256=st.none() | st.binary(min_size=32, max_size=32),
    pdq=st.none() | st.binary(min_size=32, max_size=32),
    codes=st.dictionaries(
        st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
        st.binary(min_size=32, max_size=32),
        max_size=3,
    ),
    url=st.none() | st.just("https://example.org/a?b=c"),
    pdq_quality=st.none() | st.integers(0, 100),
    quality=st.none() | st.floats(0, 1),
)


@given(signals=SIGNALS)
def test_signals_read_back_as_written(signals: Signals) -> None:
    """Text and back is the same, in upper case too."""
    fields = signals.to_json()
    assert parse_signals(fields) == signals
    upper = {k: v.upper() if isinstance(v, str) and k != "url" else v for k, v in fields.items()}
    assert parse_signals(upper) == signals


@pytest.mark.parametrize(
    "fields",
    [
        {"md5": "5f" * 15},
        {"md5": "5f" * 17},
        {"sha1": "zz" * 20},
        {"sha256": 7},
        {"sha256": "\uff15" * 64},
        {"pdq": ["5f" * 32]},
        {"codes": "5f" * 32},
        {"codes": {"A Space": "5f" * 32}},
        {"codes": {"s": "5f"}},
        {"codes": {f"s{n}": "5f" * 32 for n in range(9)}},
        {"url": ""},
        {"url": "no scheme"},
        {"url": "https://a/\nb"},
        {"url": "https://a/" + "b" * 2048},
        {"pdq_quality": 101},
        {"pdq_quality": True},
        {"pdq_quality": 1.5},
        {"quality": -0.1},
        {"quality": float("nan")},
        {"quality": "0.5"},
        {"photodna": "5f"},
        {"SHA256": "5f" * 32},
    ],
)
def test_a_bad_signal_is_named_and_not_repeated(fields: dict[str, object]) -> None:
    """The message tells which key is wrong; no hash stands in it."""
    with pytest.raises(BadSignalError) as caught:
        parse_signals(fields)
    assert "5f5f" not in str(caught.value)
    assert next(iter(fields)) in str(caught.value)


def test_a_fingerprint_can_be_sent_as_it_is() -> None:
    """What hashing writes besides signals is read or passed over; what it never writes is
    refused."""
    given = query_signals({"md5": "5f" * 16, "photographic": 0.25, "width": 3, "height": 4})
    assert given.photographic == 0.25
    assert given.signals == Signals.of(md5=b"\x5f" * 16)
    with pytest.raises(BadSignalError):
        query_signals({"photographic": 2})


def test_a_fingerprint_is_not_rounded_over_a_bound() -> None:
    """Sent back as signals, an image just below the bound is still matched by digest only."""
    below = math.nextafter(MIN_STRUCTURE, 0)
    made = Fingerprint(
        "5f" * 16, "5f" * 20, "5f" * 32, b"p" * 32, 100, {"s": b"c" * 32}, below, 0.29996, 3, 4
    )
    sent = query_signals(orjson.loads(orjson.dumps(fingerprint_json(made))))
    assert sent.photographic == made.photographic
    assert sent.signals == from_fingerprint(made)
    assert sent.signals.digest_only


@pytest.mark.parametrize(
    ("pdq_quality", "structure", "pdq_usable", "codes_usable"),
    [
        (None, None, True, True),
        (pdq.MIN_QUALITY, MIN_STRUCTURE, True, True),
        (pdq.MIN_QUALITY - 1, MIN_STRUCTURE, False, True),
        (100, MIN_STRUCTURE - 0.001, False, False),
    ],
)
def test_quality_says_what_may_be_matched(
    pdq_quality: int | None, structure: float | None, pdq_usable: bool, codes_usable: bool
) -> None:
    """Each signal at, and just below, its bound."""
    signals = Signals.of(
        pdq=b"p" * 32, codes={"s": b"c" * 32}, pdq_quality=pdq_quality, quality=structure
    )
    assert signals.pdq_usable is pdq_usable
    assert signals.codes_usable is codes_usable
    assert signals.digest_only is not (pdq_usable or codes_usable)


def test_digests_alone_are_not_called_digest_only() -> None:
    """The word is for images whose other signals may not be used."""
    assert not Signals.of(md5=b"m" * 16, quality=0.0).digest_only
