"""The one form of a URL: the same for every way to write one, another for every other page."""

from __future__ import annotations

import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import MAX_CHARACTERS, Canonical, canonical
from service.domain.urls.escapes import escaped, unescaped
from service.domain.urls.tracking import TRACKING

_WORD = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
_SEGMENT = st.text(
    string.ascii_letters + string.digits + "-._~!$'(),;:@é/?#%&=+ ", max_size=8
).filter(lambda part: part not in (".", ".."))


@st.composite
def _pages(draw: st.DrawFn) -> tuple[str, list[str], list[tuple[str, str]]]:
    """Host, parts of the path, parameters: all as a server reads them."""
    host = ".".join([*draw(st.lists(_WORD, max_size=3)), "example", "org"])
    path = draw(st.lists(_SEGMENT.filter(lambda part: part and "/" not in part), max_size=4))
    return host, path, draw(st.lists(st.tuples(_WORD, _SEGMENT), max_size=3))


def _written(page: tuple[str, list[str], list[tuple[str, str]]]) -> str:
    host, path, query = page
    tail = "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
    return f"https://{host}/{'/'.join(quote(p, safe='') for p in path)}{'?' if tail else ''}{tail}"


_PAGES = _pages().map(_written)


def _over(text: str) -> str:
    """Every character of the path escaped, which servers undo."""
    head, slash, rest = text[8:].partition("/")
    path, mark, query = rest.partition("?")
    raw = unescaped(path)
    hidden = "".join(c if c == "/" else f"%{ord(c):02x}" for c in raw)
    return f"https://{head}{slash}{hidden}{mark}{query}"


def _with_plus(text: str) -> str:
    path, mark, query = text.partition("?")
    return path + mark + query.replace("%20", "+")


def _doubled(text: str) -> str:
    return text.replace("%", "%25")


_DODGES: dict[str, Callable[[str], str]] = {
    "scheme": lambda url: url.replace("https", "HtTp", 1),
    "no scheme": lambda url: url.removeprefix("https://"),
    "one slash": lambda url: url.replace("://", ":/", 1),
    "backslashes": lambda url: url.replace("://", ":\\\\", 1),
    "host in capitals": lambda url: url.replace("example.org", "EXAMPLE.Org", 1),
    "a dot after the host": lambda url: url.replace("example.org", "example.org.", 1),
    "host escaped": lambda url: url.replace("example", "%65xampl%65", 1),
    "host in full width": lambda url: url.replace("example.org", "\uff45xample\u3002org", 1),
    "a soft hyphen": lambda url: url.replace("example", "exam\u00adple", 1),
    "user": lambda url: url.replace("://", "://example.net@", 1),
    "port": lambda url: url.replace("example.org", "example.org:443", 1),
    "fragment": lambda url: f"{url}#top",
    "slashes": lambda url: url.replace("example.org/", "example.org//", 1),
    "dots": lambda url: url.replace("example.org/", "example.org/x/./../", 1),
    "dots escaped": lambda url: url.replace("example.org/", "example.org/x/%2E%2e/", 1),
    "path escaped": _over,
    "escaped twice": _doubled,
    "escaped thrice": lambda url: _doubled(_doubled(url)),
    "tracking": lambda url: f"{url}{'&' if '?' in url else '?'}utm_source=x&FBCLID=y",
    "an empty query": lambda url: url if "?" in url else f"{url}?",
    "an empty part": lambda url: f"{url}&" if "?" in url else url,
    "white space": lambda url: f" \t{url[:9]}\n{url[9:]}\r\n",
    "a plus for a space": _with_plus,
}


@given(_PAGES)
def test_the_form_of_a_form_is_itself(url: str) -> None:
    """So a form can be listed, and looked up, as well as what it was made of."""
    once = canonical(url)
    assert canonical(once.text) == once


@given(st.text(max_size=60) | st.text("%25:/?#@.[]\\aA0~+&= *-", max_size=60))
def test_any_text_has_a_form_that_is_its_own_or_is_refused_by_name(text: str) -> None:
    """Nothing but a named error comes of what is no URL; half characters included."""
    try:
        once = canonical(text)
    except BadUrlError:
        return
    assert canonical(once.text) == once


@pytest.mark.parametrize("name", _DODGES)
@settings(max_examples=20)
@given(url=_PAGES)
def test_a_disguise_changes_nothing(name: str, url: str) -> None:
    """What a browser and a server take for the same page has the same form."""
    assert canonical(_DODGES[name](url)) == canonical(url)


@given(_pages(), _pages())
def test_other_pages_have_other_forms(one: object, other: object) -> None:
    """Only one page comes to one form, whatever characters its parts are made of."""

    def essence(page: tuple[str, list[str], list[tuple[str, str]]]) -> object:
        host, path, query = page
        return host, path, [(name, value) for name, value in query if name not in TRACKING]

    written = _written(one), _written(other)  # type: ignore[arg-type]
    if any("%25" in text for text in written):
        return  # what is escaped twice is one with what is escaped once, on purpose
    same = essence(one) == essence(other)  # type: ignore[arg-type]
    assert (canonical(written[0]) == canonical(written[1])) == same


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("HTTPS://User:pw@EXAMPLE.org.:443//a/../%7Eb/?utm_source=x#top", "example.org/~b"),
        ("http://example.org", "example.org/"),
        ("http://example.org:8080/", "example.org:8080/"),
        ("http://example.org:80/", "example.org/"),
        ("http://example.org:443/", "example.org/"),
        ("https://例え.テスト/道", "xn--r8jz45g.xn--zckzah/%E9%81%93"),
        ("http://0x7f.1../a", "127.0.0.1/a"),
        ("http://2130706433/a", "127.0.0.1/a"),
        ("http://[0:0::1]:80/", "[::1]/"),
        ("https://example.org/a%2Fb", "example.org/a/b"),
        ("https://example.org/a%3Fb", "example.org/a%3Fb"),
        ("https://example.org/?a=b%26c=d", "example.org/?a=b%26c=d"),
        ("https://example.org/?a=%2B", "example.org/?a=%2B"),
        ("https://example.org/?b=1&a=2", "example.org/?b=1&a=2"),
        ("https://example.org/#!/album/1", "example.org/#!/album/1"),
        ("https://example.org/#/album/1/", "example.org/#/album/1"),
        ("https://example.org/#album", "example.org/"),
        ("ftp://EXAMPLE.org/A", "ftp://example.org/A"),
        ("example.org:8080/a", "example.org:8080/a"),
        ("someone:secret@example.org/a", "example.org/a"),
    ],
)
def test_forms_by_example(text: str, form: str) -> None:
    """What the documentation says of each part."""
    assert canonical(text).text == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org/a", "https://www.example.org/a"),
        ("https://example.org/a", "https://example.org/a?b"),
        ("https://example.org/a", "https://example.org:8080/a"),
        ("https://example.org/?a=1&b=2", "https://example.org/?a=1%26b=2"),
        ("https://example.org/#!a", "https://example.org/#!b"),
        ("https://example.org/?ref=1", "https://example.org/?ref=2"),
    ],
)
def test_pages_that_look_alike_stay_apart(one: str, other: str) -> None:
    """A rule for one of them must not block the other."""
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "http://",
        "http://a b/",
        "mailto:a@example.org",
        "javascript:x",
        "tel:1",
        "http://.",
        "http://1.2.3.4.5/",
        "http://[::1",
        "data:text/plain,x",
        "x" * (MAX_CHARACTERS + 1),
    ],
)
def test_what_is_no_address_of_a_page_is_refused_by_name(text: str) -> None:
    """An e-mail address is none: its domain's rule must not match it."""
    with pytest.raises(BadUrlError):
        canonical(text)


def test_tracking_parameters_stay_where_they_shall() -> None:
    """They are dropped unless the caller asks for them."""
    url = "https://example.org/a?utm_source=x&b=1"
    assert canonical(url).query == "b=1"
    assert canonical(url, tracking=True).query == "utm_source=x&b=1"


@given(st.text("%25aF4", max_size=40))
def test_layers_of_escapes_are_undone_at_any_depth(text: str) -> None:
    """Taking them off one by one, at leisure, comes to the same."""
    slow = text
    while slow != (slow := unescaped_once(slow)):
        pass
    assert unescaped(text) == slow
    assert unescaped(escaped(slow, "")) == slow


def unescaped_once(text: str) -> str:
    """The leftmost escape undone."""
    for at in range(len(text) - 2):
        pair = text[at + 1 : at + 3]
        if text[at] == "%" and all(digit in string.hexdigits for digit in pair):
            return text[:at] + chr(int(pair, 16)) + text[at + 3 :]
    return text


def test_a_thousand_layers_cost_no_more_than_their_length() -> None:
    """A URL that is made to be costly is read all the same."""
    deep = f"https://example.org/%{'25' * 1000}41"
    assert canonical(deep).path == "/A"
    wide = f"https://example.org/{'%' * 4000}{'25' * 1000}41"
    assert isinstance(canonical(wide), Canonical)
