"""URLs inside of URLs, and shorteners."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import canonical
from service.domain.urls.redirects import MAX_WRAPPED, is_shortener, wrapped

_CODED = base64.urlsafe_b64encode(b"https://example.org/a?b=c").decode()


def _inner(url: str) -> list[str]:
    return [found.text for found in wrapped(canonical(url))[0]]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.net/out?url=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc",
        "https://example.net/out?url=https://example.org/a?b=c",
        "https://example.net/out?x=1&TO=http%253A%252F%252Fexample.org%252Fa%253Fb%253Dc&y=2",
        "https://example.net/out?//example.org/a?b=c",
        "https://example.net/?https://example.org/a?b=c",
        "https://www.google.com/url?sa=t&q=example.org/a?b=c",
        "https://www.google.co.uk/url?url=https://example.org/a%3Fb%3Dc",
        "https://l.facebook.com/l.php?u=example.org%2Fa%3Fb%3Dc",
        "https://web.archive.org/web/20200101/https://example.org/a?b=c",
        "https://example-org.translate.goog/a?b=c",
        "https://www.google.com/amp/s/example.org/a?b=c",
        "https://example-org.cdn.ampproject.org/c/s/example.org/a?b=c",
        f"https://example.net/r?u=a1{_CODED}",
        f"https://example.net/r?u={_CODED.rstrip('=')}",
        "https://example.net/a?u=https://example.com/b?u=https%253A%252F%252Fexample.org%252Fa%253Fb%253Dc",
    ],
)
def test_what_a_wrapper_carries_is_found(url: str) -> None:
    """Escaped or not, by a parameter, a path, a host name or base64, wrapped twice."""
    assert "example.org/a?b=c" in _inner(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.net/a?b=c.d",
        "https://example.net/a/b.c/d",
        "https://example.net/?q=example.org",
        "https://example.net/?q=a%2Fb",
        "https://example.net/httpd/a",
        f"https://example.net/?q={base64.b64encode(b'some other text').decode()}",
    ],
)
def test_what_is_no_wrapper_carries_nothing(url: str) -> None:
    """A parameter that looks like a name is no link, but to a redirector that is known."""
    assert _inner(url) == []


def test_nobody_wraps_without_end() -> None:
    """More than a few is said, not left out in silence."""
    many = "&".join(f"u=https://example.org/{number}" for number in range(MAX_WRAPPED + 1))
    found, more = wrapped(canonical(f"https://example.net/?{many}"))
    assert (len(found), more) == (MAX_WRAPPED, True)
    assert not wrapped(canonical("https://example.net/?u=https://example.org/"))[1]


@given(st.text("ab./:?&=#%3A2F@-", max_size=80))
def test_any_url_can_be_looked_into(text: str) -> None:
    """What is carried is a URL in its form, and not the wrapper itself."""
    try:
        url = canonical(f"https://example.net/{text}")
    except BadUrlError:
        return
    for inner in wrapped(url)[0]:
        assert canonical(inner.text) == inner != url


def test_shorteners_are_known_by_their_host() -> None:
    """With and without www, and nothing that only looks like one."""
    assert is_shortener(canonical("https://bit.ly/abc"))
    assert is_shortener(canonical("www.tinyurl.com/abc"))
    assert not is_shortener(canonical("https://example.org/bit.ly"))
    assert not is_shortener(canonical("https://orbit.ly/abc"))
