"""Links in free text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import canonical
from service.domain.urls.finding import links_in, refanged


def _forms(text: str) -> list[set[str]]:
    """The forms of each link's readings."""
    found = []
    for link in links_in(text):
        forms = set()
        for reading in link.readings:
            try:
                forms.add(canonical(reading).text)
            except BadUrlError:
                continue
        found.append(forms)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a",
        "see https://example.org/a.",
        "(https://example.org/a)",
        "**https://example.org/a**, and more",
        "[here](https://example.org/a)",
        "[url]https://example.org/a[/url]",
        "<a href='https://example.org/a'>x</a>",
        '"https://example.org/a"',
        "«https://example.org/a»",
        "example.org/a",
        "look:example.org/a!",
        "EXAMPLE.ORG/a",
        "hxxps://example.org/a",
        "hXXp://example[.]org/a",
        "hxxp[:]//example[.]org/a",
        "hxxps[://]example(.)org/a",
        "example [dot] org/a",
        "example(dot)org/a",
        "h**p://example.org/a",
        "https://exam\u200bple.org/a",
        "example\u3002org/a",
        "看https://example.org/a吧\u3002",
        "https://example.org/a\u3002后面",
        "https:\\\\example.org\\a",
        "//example.org/a",
        "https://example.org:443/a?utm_source=x",
    ],
)
def test_a_link_is_found_however_it_is_written(text: str) -> None:
    """In prose, in mark-up, without a scheme, defanged, with characters that nobody sees."""
    (forms,) = _forms(text)
    assert "example.org/a" in forms


@pytest.mark.parametrize(
    "text",
    [
        "write to me@example.org",
        "e.g. this",
        "one.Two three",
        "version 3.14",
        "1.2.3",
        "a...b",
        "",
        "half past 10.30",
        "end of line.Then more",
    ],
)
def test_prose_is_no_link(text: str) -> None:
    """An e-mail address is not one of its domain's pages, and a full stop makes no host."""
    assert links_in(text) == []


def test_links_come_in_order_and_once() -> None:
    """With the text that each has there."""
    text = "b.example.org, then hxxp://a.example[.]org/x. Again: b.example.org"
    assert [link.text for link in links_in(text)] == ["b.example.org", "hxxp://a.example[.]org/x"]


def test_brackets_that_belong_to_a_link_stay() -> None:
    """Those of the sentence around it do not."""
    (link,) = links_in("(as https://example.org/a_(b) says)")
    assert link.text == "https://example.org/a_(b)"
    (link,) = links_in("http://[::1]:8080/a")
    assert link.readings[0] == "http://[::1]:8080/a"


@given(
    st.text(max_size=200),
    st.sampled_from(["https://example.org/a", "hxxp://example[.]org/a", "www.example.org/a"]),
    st.text(max_size=200),
)
def test_no_surroundings_hide_a_link(before: str, link: str, after: str) -> None:
    """Words around a link that are apart from it change nothing."""
    assert any(
        form in ("example.org/a", "www.example.org/a")
        for forms in _forms(f"{before} {link} {after}")
        for form in forms
    )


@given(st.text("htpsx:/[].() exampl.org@-_%#?&=\\", max_size=300))
def test_any_text_can_be_searched(text: str) -> None:
    """Every link comes with something to look up."""
    for link in links_in(text):
        assert link.text
        assert link.readings


@pytest.mark.parametrize(
    "text",
    [
        "http://" + "a." * 30000,
        "[.]" * 20000,
        "a[ " * 20000,
        "http://x" + ")" * 60000,
        "x.org " * 10000,
        "http://a" * 8000,
        "-a" * 30000,
        "http://x/" + "[.]" * 20000,
    ],
)
def test_text_made_to_be_costly_is_searched_all_the_same(text: str) -> None:
    """A search that took the square of its length would not end within the test."""
    links_in(text)


def test_one_url_is_put_right() -> None:
    """As an address field would be given it."""
    assert refanged("hxxps[://]example[.]org/a") == "https://example.org/a"
    assert refanged("https://example.org/a[1]") == "https://example.org/a[1]"
