"""``POST /v1/match/urls``: what lists say of URLs, over real HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from service.http.app import create_app
from service.http.shapes import answers
from service.store import Role
from service.store.core.models import EntryRow
from tests.service.conftest import conforming, settings_for, thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import httpx
    from fastapi import FastAPI

    from tests.service.conftest import Served

RULES = {
    "page": "https://pages.example/a/b?x=1",
    "path": "pages.example/below/*",
    "site": "example.org",
    "wide": "*.bücher.example",
}


@pytest.fixture
def listing(served: Served) -> Served:
    """A server with a bank of ``RULES``, each under its name."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "web"}).raise_for_status()
        lines = "".join(
            json.dumps({"provider_id": name, "url": url}) + "\n" for name, url in RULES.items()
        )
        answer = client.post(
            "/v1/banks/web/imports", params={"format": "jsonl", "list": "urls"}, content=lines
        )
        assert answer.json()["added"] == len(RULES), answer.text
    return served


def asked(client: httpx.Client, **body: object) -> list[dict[str, Any]]:
    answer = client.post("/v1/match/urls", json=body)
    assert answer.status_code == 200, answer.text
    conforming(answers.UrlsAnswer, answer.json())
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def found(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (one["verdict"], *(row["provenance"]["provider_id"] for row in one["matches"]))
        for one in results
    ]


def test_each_kind_of_rule_blocks_what_it_names(listing: Served) -> None:
    """A page, all below a path, a host with its sub-domains; and nothing beside them."""
    urls = {
        "https://pages.example/a/b?x=1": ("block", "page"),
        "https://pages.example/a/b": ("none",),
        "https://pages.example/below/x/y?z": ("block", "path"),
        "https://pages.example/belowx": ("none",),
        "https://www.pages.example/below/x": ("none",),
        "http://a.b.example.org:8080/x": ("block", "site"),
        "https://notexample.org/": ("none",),
        "https://BÜCHER.example/": ("block", "wide"),
        "https://xn--bcher-kva.example": ("block", "wide"),
    }
    with listing.client() as client:
        results = asked(client, urls=list(urls))
    assert found(results) == list(urls.values())
    assert [one["url"] for one in results] == list(urls)
    assert [row["rule"] for one in results for row in one["matches"]] == [
        "page",
        "prefix",
        "domain",
        "domain",
        "domain",
    ]
    assert {one["coverage"] for one in results} == {"full"}
    assert all(not one["not_matched"] for one in results)


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://PAGES.EXAMPLE:443/a/../a/%62?x=1#top",
        "http://user:secret@pages.example./a//b?x=1&utm_source=mail",
        "pages.example/a/b?x=%31",
        "https://%70ages.example/a/b?x=1",
        "https:\\\\pages.example\\a\\b?x=1",
        "https://redirect.example/?to=https%3A%2F%2Fpages.example%2Fa%2Fb%3Fx%3D1",
        "https://web.archive.org/web/2020/https://pages.example/a/b?x=1",
        "https://bit.ly/https://pages.example/a/b?x=1",
    ],
)
def test_no_disguise_hides_a_listed_page(listing: Served, url: str) -> None:
    """By this route, by signals, in a batch, and as a link in a text."""
    signals = {"signals": {"url": url}}
    with listing.client() as client:
        assert found(asked(client, urls=[url])) == [("block", "page")]
        assert client.post("/v1/match", json=signals).json()["verdict"] == "block"
        (item,) = client.post("/v1/match/batch", json={"items": [signals]}).json()["items"]
        assert item["verdict"] == "block"
        if "://" in url:
            assert ("block", "page") in found(asked(client, text=f"look: <{url}>, now"))


def test_what_a_wrapper_carries_is_named(listing: Served) -> None:
    """The row says through which URL; a shortener is none of what was looked up."""
    wrapper = "https://r.example/?to=https://example.org/x"
    with listing.client() as client:
        wrapped, short = asked(client, urls=[wrapper, "https://bit.ly/x"])
        both = client.post("/v1/match", json={"signals": {"url": "https://bit.ly/x"}}).json()
    assert wrapped["wrapped"] == ["example.org/x"]
    assert wrapped["matches"][0]["through"] == "example.org/x"
    assert (short["verdict"], short["coverage"]) == ("none", "none")
    assert short["not_matched"] == [{"signal": "url", "reason": "shortener"}]
    assert {"signal": "url", "reason": "shortener"} in both["not_matched"]


def test_one_bad_url_fails_none_of_the_rest(listing: Served) -> None:
    """Each has its own error in its place."""
    urls = ["https://example.org/", "http://", "x" * 9000, "javascript:x", "https://ok.example/"]
    with listing.client() as client:
        results = asked(client, urls=urls)
    codes = [one.get("error", {}).get("code") for one in results]
    assert codes == [None, "bad_url", "bad_url", "bad_url", None]
    assert results[0]["verdict"] == "block"
    assert "x" * 100 not in json.dumps([one.get("error") for one in results])


def test_links_in_a_text_are_found_in_order(listing: Served) -> None:
    text = "See hxxps://pages[.]example/a/b?x=1 (or https://ok.example/), and example.org."
    with listing.client() as client:
        results = asked(client, text=text)
        assert asked(client, text="no link at all") == []
    assert found(results) == [("block", "page"), ("none",), ("block", "site")]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"urls": []},
        {"urls": ["https://a.example/"], "text": "b"},
        {"urls": ["https://a.example/"] * 1001},
        {"text": "x" * 262_145},
        {"text": " ".join(f"https://a.example/{n}" for n in range(1001))},
        {"urls": "https://a.example/"},
        {"urls": ["https://a.example/"], "bank": ["web"]},
    ],
)
def test_what_is_too_much_or_unclear_is_refused(listing: Served, body: dict[str, object]) -> None:
    with listing.client() as client:
        answer = client.post("/v1/match/urls", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_bank_that_is_not_there_is_named(listing: Served) -> None:
    """And one that is not asked matches nothing."""
    with listing.client() as client:
        client.post("/v1/banks", json={"name": "other"})
        answer = client.post("/v1/match/urls", json={"urls": ["a.example"], "banks": ["nope"]})
        assert (answer.status_code, answer.json()["code"]) == (404, "bank_not_found")
        (one,) = asked(client, urls=["https://example.org/"], banks=["other"])
        assert (one["verdict"], one["coverage"]) == ("none", "none")
        assert one["not_matched"] == [{"signal": "url", "reason": "no_entries"}]


def test_a_matcher_sees_no_ids(listing: Served) -> None:
    with listing.client_with(Role.MATCHER) as client:
        (row,) = asked(client, urls=["https://example.org/"])[0]["matches"]
    assert set(row) == {"bank", "signal", "rule", "verdict", "provenance"}


def test_a_fault_is_never_none(listing: Served) -> None:
    """An entry that is not what was written may be the very page: the answer says so."""
    with listing.store._database.write("test") as (connection, sequence):
        connection.execute(
            update(EntryRow)
            .where(EntryRow.provider_id == "site")
            .values(content=b"x" * 16, sequence=sequence)
        )
    listing.services.replica.sync()
    with listing.client() as client:
        listed, other = asked(client, urls=["https://example.org/", "https://ok.example/"])
    assert listed["verdict"] == "block"
    assert (other["verdict"], other["coverage"]) == ("none", "none")
    assert other["not_matched"] == [{"signal": "url", "reason": "index_incomplete"}]


def test_an_index_that_is_not_loaded_is_503(
    serving_unloaded: Callable[[FastAPI], AbstractContextManager[Served]], tmp_path: Path
) -> None:
    app = create_app(settings_for(tmp_path / "data"), fingerprints=thumbnails())
    with serving_unloaded(app) as served, served.client() as client:
        answer = client.post("/v1/match/urls", json={"urls": ["https://example.org/"]})
    assert (answer.status_code, answer.json()["code"]) == (503, "index_not_loaded")


def test_urls_are_counted(listing: Served) -> None:
    """By verdict, coverage and bank, as other queries."""
    with listing.client() as client:
        asked(client, urls=["https://example.org/", "https://ok.example/", "http://"])
        text = client.get("/metrics").text
    assert 'lookalike_verdicts_total{coverage="full",verdict="block"} 1.0' in text
    assert 'lookalike_verdicts_total{coverage="full",verdict="none"} 1.0' in text
    assert 'lookalike_matches_total{signal="url"} 1.0' in text
