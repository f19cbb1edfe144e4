"""Rules of a list: what each is taken for, what it matches, and what it never matches."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.errors import BadUrlError
from service.domain.signals import UNREAD, Keyed
from service.domain.urls.canonical import canonical
from service.domain.urls.keys import asked, key_of, key_of_text
from service.domain.urls.rules import MAX_DEPTH, UrlKind, UrlRule, listed, read_rule

_LABEL = st.text(string.ascii_lowercase, min_size=1, max_size=6)
_PATH = st.lists(st.text(string.ascii_lowercase + "%.-", min_size=1, max_size=5), max_size=5)


def matches(rule: str, url: str) -> bool:
    """Whether a list with that rule names that URL."""
    return key_of(read_rule(listed(rule))) in asked(canonical(url))


@pytest.mark.parametrize(
    ("written", "kind", "key"),
    [
        ("https://example.org/a", "page", "pexample.org/a"),
        ("HTTP://EXAMPLE.org:80/x/../a", "page", "pexample.org/a"),
        ("example.org/a", "page", "pexample.org/a"),
        ("https://example.org", "page", "pexample.org/"),
        ("https://example.org/?a=b", "page", "pexample.org/?a=b"),
        ("example.org/a/*", "prefix", "texample.org/a"),
        ("https://example.org/*", "prefix", "texample.org/"),
        ("example.org:8080", "prefix", "texample.org:8080/"),
        ("example.org", "domain", "dexample.org"),
        ("EXAMPLE.org.", "domain", "dexample.org"),
        ("*.example.org", "domain", "dexample.org"),
        ("https://*.example.org/*", "domain", "dexample.org"),
        ("例え.テスト", "domain", "dxn--r8jz45g.xn--zckzah"),
        ("192.0.2.1", "domain", "d192.0.2.1"),
    ],
)
def test_how_a_rule_is_written_says_its_kind(written: str, kind: str, key: str) -> None:
    """The table of ``rules``; what is stored is what the list wrote."""
    rule = read_rule(written)
    assert (rule.kind, key_of(rule)) == (kind, key)
    assert listed(f" {written} ") == written


@pytest.mark.parametrize(
    ("written", "kind", "key"),
    [
        ("example.org", UrlKind.PAGE, "pexample.org/"),
        ("https://example.org/a/*", UrlKind.PAGE, "pexample.org/a/*"),
        ("https://example.org/a", UrlKind.PREFIX, "texample.org/a"),
        ("https://example.org/a/", UrlKind.PREFIX, "texample.org/a"),
        ("https://example.org/a/*", UrlKind.PREFIX, "texample.org/a"),
        ("example.org", UrlKind.PREFIX, "texample.org/"),
        ("https://www.example.org/", UrlKind.DOMAIN, "dwww.example.org"),
        ("*.example.org", UrlKind.DOMAIN, "dexample.org"),
    ],
)
def test_what_a_list_says_beside_a_url_comes_first(written: str, kind: UrlKind, key: str) -> None:
    """A column for the kind overrides how the URL is written."""
    assert key_of_text(listed(written, kind)) == key
    assert read_rule(listed(written, kind)).kind is kind


@pytest.mark.parametrize(
    ("written", "kind", "reason"),
    [
        ("co.uk", None, "co.uk is a public suffix"),
        ("*.github.io", None, "github.io is a public suffix"),
        ("https://org/", UrlKind.DOMAIN, "org is a public suffix"),
        ("https://*.co.uk/*", None, "co.uk is a public suffix"),
        ("*.example.org/a", None, "names no port and no page"),
        ("https://example.org/a", UrlKind.DOMAIN, "names no port and no page"),
        ("example.org:81", UrlKind.DOMAIN, "names no port and no page"),
        ("example.*", None, "only before the host or after the last slash"),
        ("https://example.org/a*b", None, "only before the host or after the last slash"),
        ("https://example.org/a?b/*", None, "only in a path"),
        (f"example.org{'/a' * (MAX_DEPTH + 1)}/*", None, "at most 32 parts"),
        (f"{'a.' * 127}org", None, "at most 253 characters"),
        ("mailto:a@example.org", None, "not the address of a page"),
        ("", None, "must not be empty"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_by_name(
    written: str, kind: UrlKind | None, reason: str
) -> None:
    """Nothing is listed that would match all of a registry's sites, or be missed."""
    with pytest.raises(BadUrlError, match=reason):
        listed(written, kind)


@pytest.mark.parametrize(
    ("rule", "hit", "missed"),
    [
        (
            "https://example.org/a",
            ["http://example.org/a", "example.org/a/", "https://example.org/a#b"],
            ["https://example.org/", "https://example.org/a/b", "https://example.org/a?b"],
        ),
        (
            "example.org/a/*",
            ["https://example.org/a", "https://example.org/a/b?c", "https://example.org/%61/b"],
            ["https://example.org/ab", "https://example.org:8080/a/b", "https://x.example.org/a"],
        ),
        (
            "example.org/*",
            ["https://example.org/", "https://example.org/a?b", "ftp.example.org@example.org"],
            ["https://www.example.org/", "https://example.org:8080/", "https://example.com/"],
        ),
        (
            "example.org",
            ["https://example.org:8080/a", "https://a.b.example.org/", "ftp://example.org/a"],
            ["https://notexample.org/", "https://example.org.example.net/", "https://org/"],
        ),
        ("192.0.2.1", ["http://192.0.2.1/a", "http://3221225985/"], ["http://1.192.0.2.1.nip.io/"]),
        ("https://example.org/#!a", ["example.org/#!a"], ["example.org/", "example.org/#!b"]),
        ("https://example.org/", ["example.org/#!a", "example.org/#a"], ["example.org/a"]),
    ],
)
def test_rules_by_example(rule: str, hit: list[str], missed: list[str]) -> None:
    """What each kind matches, and what lies beside it."""
    assert [url for url in hit if not matches(rule, url)] == []
    assert [url for url in missed if matches(rule, url)] == []


@given(_PATH, _PATH)
def test_a_page_rule_matches_one_page(one: list[str], other: list[str]) -> None:
    """Whatever the paths, only that of the same form."""
    first, second = (f"https://example.org/{'/'.join(path)}" for path in (one, other))
    assert matches(first, second) == (canonical(first) == canonical(second))


@given(_PATH, _PATH)
def test_a_prefix_rule_matches_whole_parts_of_paths(rule: list[str], url: list[str]) -> None:
    """As splitting both paths and comparing them would."""
    base, page = (f"https://example.org/{'/'.join(path)}" for path in (rule, url))
    above, below = (
        [part for part in canonical(text).path.split("/") if part] for text in (base, page)
    )
    assert matches(f"{base}/*", page) == (below[: len(above)] == above)


@given(st.lists(_LABEL, min_size=1, max_size=4), st.lists(_LABEL, min_size=1, max_size=4))
def test_a_domain_rule_matches_the_domain_and_what_is_below(
    rule: list[str], host: list[str]
) -> None:
    """As comparing the labels from the right would; a name that only ends alike is another's."""
    domain, name = (".".join([*labels, "example", "org"]) for labels in (rule, host))
    below = name == domain or name.endswith(f".{domain}")
    assert matches(domain, f"https://{name}/a") == below


@given(st.text("ab./:*?#%@ ", max_size=20), st.sampled_from([None, *UrlKind]))
def test_what_may_be_listed_can_be_read_again(text: str, kind: UrlKind | None) -> None:
    """What a store keeps names the same rule each time an index is built from it."""
    try:
        kept = listed(text, kind)
    except BadUrlError:
        return
    rule = read_rule(kept)
    assert kind is None or rule.kind is kind
    assert listed(kept) == kept
    assert key_of_text(kept) == key_of(rule)


@given(st.text("ab./:?#%", min_size=1, max_size=30))
def test_every_rule_finds_the_url_it_was_made_of(path: str) -> None:
    """A list's own URL is always matched, as each kind."""
    url = f"https://example.org/{path}"
    try:
        page = canonical(url)
    except BadUrlError:
        return
    for rule in UrlRule(UrlKind.PAGE, page), UrlRule(UrlKind.DOMAIN, page):
        assert key_of(rule) in asked(page)
    assert key_of(UrlRule(UrlKind.PREFIX, page)) in asked(page) or page.path.count("/") > MAX_DEPTH


@given(st.text("ab./:?#", max_size=2000), st.text("ab.", max_size=500))
def test_the_keys_of_a_query_are_few(path: str, host: str) -> None:
    """However long a URL is made."""
    try:
        keys = asked(canonical(f"http://{host}.org/{path}"))
    except BadUrlError:
        return
    assert len(keys) <= 163


def test_what_an_older_release_listed_and_this_one_cannot_read_is_found_by_its_text() -> None:
    """No entry of a store is left without a key."""
    assert key_of_text("https://example.org/a*b") == "pexample.org/a*b"
    assert key_of_text("http://a b/") == UNREAD


def test_another_secret_gives_other_hashes() -> None:
    """Who has an index and not its store's secret cannot try pages out."""
    one, other = Keyed(b"1" * 32), Keyed(b"2" * 32)
    assert len(one("pexample.org/")) == 16
    assert one("pexample.org/") == one("pexample.org/") != other("pexample.org/")
