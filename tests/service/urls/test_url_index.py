"""The index of URLs: it finds what the rules say and no more, whoever wrote its files and when."""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from index.contract.changes import Additions
from index.digests.digest_index import DigestIndex
from service.cli.index_files import index_flaws
from service.domain.errors import BadUrlError
from service.domain.health import Severity
from service.domain.signals import Keyed, Signals, signal_type
from service.domain.urls import keys
from service.domain.urls.asking import MAX_KEYS, question
from service.domain.urls.canonical import Canonical, canonical
from service.domain.urls.rules import UrlKind, UrlRule, listed, read_rule
from service.replica.columns import IndexName, index_ids
from service.replica.indexes import Indexes
from service.replica.matcher import Matcher
from service.replica.replica import Replica
from service.replica.shelf import FolderShelf
from service.replica.url_matching import UrlAsked, UrlResult, match_urls
from service.store import NewEntry, Policy, Store, open_store
from service.store.core.models import CounterRow

URL = IndexName("url")
PAGE = "https://pages.example/a/b"

OLD = {
    "https://pages.example:443/a/b": "https://pages.example/a/b",
    "HTTP://tilde.example/%7Ename": "http://tilde.example/~name",
    "https://dots.example/a/../b": "https://dots.example/b",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://star.example/a*b": "https://star.example/a%2ab",
    "https://user:word@user.example/x": "https://user.example/x",
}
"""URLs as releases before layout ``url-1`` listed them, each with another spelling of its page."""


def found(replica: Replica, *urls: str) -> list[list[int]]:
    """The entries that each URL finds."""
    matcher = Matcher(replica, replica._store, None)
    try:
        answers = match_urls(matcher, [UrlAsked(url, (url,)) for url in urls], None).answers
    finally:
        matcher.close()
    assert all(isinstance(one, UrlResult) for one in answers)
    return [
        sorted(row.found.id for row in one.decision.rows)
        for one in answers
        if isinstance(one, UrlResult)
    ]


@contextmanager
def serving(store: Store, folder: Path | None = None) -> Iterator[Replica]:
    shelf = None if folder is None else FolderShelf(folder, lambda: store.identity)
    replica = Replica(store, poll_seconds=1, shelf=shelf)
    replica.sync()
    yield replica
    replica.stop()


def fill(store: Store, *urls: str) -> list[int]:
    """A bank of these URLs, past the check that a list goes through; the entries' numbers."""
    store.banks.create("web", Policy())
    return [store.entries.add("web", NewEntry(Signals.of(url=url))).id for url in urls]


def rebuilt(replica: Replica) -> str:
    return next(one.rebuilt for one in replica.stats() if one.name == URL)


# What a rule means, without keys: the standard that the index is held to.


def names(rule: UrlRule, url: Canonical) -> bool:
    if rule.kind is UrlKind.PAGE:
        return rule.url.text in (url.text, url.document)
    if rule.kind is UrlKind.PREFIX:
        below = rule.url.path == "/" or (url.path + "/").startswith(rule.url.path + "/")
        return rule.url.site == url.site and below
    return url.host == rule.url.host or (
        url.host.endswith("." + rule.url.host) and not url.is_address
    )


_LABEL = st.sampled_from(["a", "b", "www", "xn--bcher-kva", "ü"])
_HOST = st.lists(_LABEL, min_size=1, max_size=3).map(lambda some: ".".join([*some, "example"]))
_HOSTS = _HOST | st.sampled_from(["192.0.2.1", "[2001:db8::1]"])
_PARTS = st.lists(st.sampled_from(["a", "b", "%61", "..", ".", "", "a b", "ö"]), max_size=4)
_QUERY = st.sampled_from(
    ["", "?a=b", "?a=%62", "?utm_source=x", "?a=b&b=a", "?u=https://a.example/a"]
)
_ROUTE = st.sampled_from(["", "#top", "#!/a", "#/b"])
_SCHEME = st.sampled_from(["https://", "http://", "", "HTTPS://user@", "ftp://"])
_PORT = st.sampled_from(["", ":80", ":443", ":8080"])


@st.composite
def urls(draw: st.DrawFn) -> str:
    path = "/".join(["", *draw(_PARTS)])
    parts = (draw(_SCHEME), draw(_HOSTS), draw(_PORT), path, draw(_QUERY), draw(_ROUTE))
    return "".join(parts)


@st.composite
def rules(draw: st.DrawFn) -> str:
    text = draw(
        urls()
        | _HOST
        | _HOST.map(lambda host: f"*.{host}")
        | st.tuples(_SCHEME, _HOSTS, _PARTS).map(
            lambda some: f"{some[0]}{some[1]}/{'/'.join(some[2])}/*"
        )
    )
    try:
        return listed(text)
    except BadUrlError:
        return PAGE


@settings(max_examples=150, deadline=None)
@given(st.lists(rules(), min_size=1, max_size=12), st.lists(urls(), min_size=1, max_size=12))
def test_the_index_finds_exactly_what_the_rules_say(written: list[str], wanted: list[str]) -> None:
    """Of the URL, and of all that it carries; in a batch and one by one."""
    asked = []
    for url in wanted:
        try:
            asked.append(question(url))
        except BadUrlError:
            continue
    known = signal_type("url").keys
    assert known is not None
    indexes = Indexes()
    indexes.open([], b"a secret")
    listed_keys = [known.listed(rule.encode()) for rule in written]
    digests = np.frombuffer(indexes.keyed.many(listed_keys), np.uint8).reshape(-1, 16)
    ids = index_ids(np.arange(len(written)))
    add = Additions(ids, digests, np.ones(len(written), np.int32))
    indexes.all[URL].rebuild([add], 1, "m")
    together = indexes.look_up("url", [one.keys for one in asked], frozenset({1}), 100)
    for one, searched in zip(asked, together, strict=True):
        expected = {
            number
            for number, rule in enumerate(written)
            if any(names(read_rule(rule), url) for url in one.urls)
        }
        assert {hit.id for hit in searched.found} == expected
        for hit in searched.found:
            assert hit.key == listed_keys[hit.id]
            assert names(read_rule(written[hit.id]), one.through(hit.key))
        (alone,) = indexes.look_up("url", [one.keys], frozenset({1}), 100)
        assert alone == searched
        (elsewhere,) = indexes.look_up("url", [one.keys], frozenset({2}), 100)
        assert not elsewhere.found
    indexes.close()


@settings(max_examples=50, deadline=None)
@given(st.text(string.printable, max_size=300))
def test_no_url_costs_more_than_so_many_keys(tail: str) -> None:
    """However it is made; what is left out is said."""
    url = "https://a.example/" + "a/" * 60 + "?u=" + "https://b.example/" + "c/" * 60 + tail * 20
    if len(url) <= 8192:
        assert len(question(url).keys) <= MAX_KEYS


def test_urls_that_an_older_release_listed_match_in_every_spelling(tmp_path: Path) -> None:
    """Its index of them is not asked: there, each spelling had a key of its own."""
    store = open_store(tmp_path / "data")
    numbers = fill(store, *OLD)
    commit = store.newest()
    width = 32  # and plain SHA-256, which a dictionary of URLs would have undone
    old = DigestIndex.open(tmp_path / "index" / "url", width, "url", store.identity)
    rows = np.zeros((len(numbers), width), np.uint8)
    ids = index_ids(np.array(numbers, np.int64))
    old.rebuild([Additions(ids, rows, np.ones(len(ids), np.int32))], commit.sequence, commit.mark)
    old.close()
    with serving(store, tmp_path / "index") as replica:
        assert "its space is 'url'" in rebuilt(replica)
        assert found(replica, *OLD) == [[number] for number in numbers]
        assert found(replica, *OLD.values()) == [[number] for number in numbers]
    with serving(store, tmp_path / "index") as replica:
        assert rebuilt(replica) == ""
        assert found(replica, *OLD.values()) == [[number] for number in numbers]
    store.close()


@pytest.mark.parametrize("changed", ["rules", "secret"])
def test_an_index_of_other_keys_is_built_anew(
    tmp_path: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the canonical form changed, or the store's secret did: asked, it would miss."""
    store = open_store(tmp_path / "data")
    (number,) = fill(store, PAGE)
    with serving(store, tmp_path / "index") as replica:
        assert found(replica, PAGE) == [[number]]
    keys.layout.cache_clear()
    if changed == "rules":
        monkeypatch.setattr(keys, "LAYOUT", "url-0")
    else:
        with store._database.write("test") as (connection, _):
            connection.execute(update(CounterRow).values(secret=b"another"))
    with serving(store, tmp_path / "index") as replica:
        assert "its space is" in rebuilt(replica)
        assert found(replica, PAGE) == [[number]]
    flaws = [flaw.said for flaw in store.verify()]
    assert flaws == (
        ["the secret by which indexes hide what they hold is not there"] * (changed == "secret")
    )
    keys.layout.cache_clear()
    store.close()


def test_index_files_do_not_tell_what_is_listed(tmp_path: Path) -> None:
    """Neither the URL, nor any hash of it that somebody without the store's secret can make."""
    store = open_store(tmp_path / "data")
    fill(store, PAGE)
    with store.view() as view:
        secret = view.secret
    with serving(store, tmp_path / "index"):
        pass
    written = b"".join(
        file.read_bytes() for file in (tmp_path / "index").rglob("*") if file.is_file()
    )
    key = keys.key_of_text(PAGE)
    assert Keyed(secret)(key) in written
    assert Keyed()(key) not in written
    assert Keyed(store.identity.encode())(key) not in written
    assert secret not in written
    assert b"pages.example" not in written
    assert secret.hex() not in repr(view)
    store.close()


def test_what_no_release_of_ours_can_read_is_told(tmp_path: Path) -> None:
    """A rule of another release matches nothing, and health says how many there are."""
    store = open_store(tmp_path / "data")
    fill(store, PAGE, "regex://[/")
    for folder in (None, tmp_path / "index", tmp_path / "index"):  # the last opens files
        with serving(store, folder) as replica:
            told = {one.name: one for one in replica.health.checks()}["unread"]
            assert told.severity is Severity.DEGRADED
            assert told.said.startswith("1 listed URLs cannot be read")
            store_entries = found(replica, PAGE)
            assert len(store_entries[0]) == 1
    (flaw,) = index_flaws(store, tmp_path / "index")
    assert "1 cannot be read" in flaw.said
    store.close()


def test_forms_are_those_that_indexes_were_made_with() -> None:
    """Whoever changes what any of these comes to changes ``keys.LAYOUT`` as well."""
    assert keys.LAYOUT == "url-1"
    assert {text: canonical(text).text for text in GOLDEN} == GOLDEN


GOLDEN = {
    "HTTPS://User@EXAMPLE.org.:443//a/../%7Eb/?utm_source=x#top": "example.org/~b",
    "http://example.org": "example.org/",
    "ftp://example.org:21/a": "ftp://example.org/a",
    "https://example.org:8443/?q=a+b&c=%26": "example.org:8443/?q=a%20b&c=%26",
    "https://faß.example/ß": "xn--fa-hia.example/%C3%9F",
    "http://0x7f.1/": "127.0.0.1/",
    "http://[2001:DB8:0:0::1]/": "[2001:db8::1]/",
    "https://example.org/#!/inbox/": "example.org/#!/inbox",
    "https://example.org/a%2Fb/./c//": "example.org/a/b/c",
    "https://日本語.example/パス": "xn--wgv71a119e.example/%E3%83%91%E3%82%B9",
}
