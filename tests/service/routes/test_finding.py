"""Entries found over HTTP, in one bank and in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from service.domain.signals import signal_types
from service.http.shapes import answers
from service.store import Role
from tests.service.conftest import conforming

if TYPE_CHECKING:
    import httpx

    from tests.service.conftest import Served

SHA, PDQ = "5f" * 32, "0f" * 32


def ids(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    page = conforming(answers.EntriesAnswer, answer.json())
    return [(one["bank"], one["provider_id"]) for one in page["entries"]]


def fill(client: httpx.Client) -> None:
    for bank in ("A", "B"):
        client.post("/v1/banks", json={"name": bank})
        for name, signals in (("x", {"sha256": SHA, "pdq": PDQ}), ("y", {"pdq": PDQ})):
            entry = {"signals": signals, "provider_id": name, "labels": [f"of {bank}"]}
            assert client.post(f"/v1/banks/{bank}/entries", json=entry).status_code == 201


def test_entries_are_found_in_all_banks_or_in_one(served: Served) -> None:
    """By all that is asked, disabled ones too, removed ones no more; page by page."""
    with served.client() as client:
        fill(client)
        every, one = "/v1/entries", "/v1/banks/B/entries"
        assert ids(client.get(every, params={"sha256": SHA.upper()})) == [("A", "x"), ("B", "x")]
        assert ids(client.get(one, params={"sha256": SHA})) == [("B", "x")]
        assert ids(client.get(every, params={"video_sha256": SHA})) == [("A", "x"), ("B", "x")]
        assert ids(client.get(every, params={"pdq": SHA})) == []
        assert ids(client.get(every, params={"pdq": PDQ, "label": "of A", "provider_id": "y"})) == [
            ("A", "y")
        ]
        page = client.get(every, params={"pdq": PDQ, "limit": 3})
        assert ids(page) == [("A", "x"), ("A", "y"), ("B", "x")]
        cursor = page.json()["next_cursor"]
        last = client.get(every, params={"pdq": PDQ, "cursor": cursor})
        assert (ids(last), last.json()["next_cursor"]) == ([("B", "y")], None)
        (first,) = client.get(one, params={"provider_id": "y"}).json()["entries"]
        place = f"/v1/banks/B/entries/{first['entry_id']}"
        client.patch(place, json={"enabled": False})
        (found,) = client.get(one, params={"provider_id": "y"}).json()["entries"]
        assert not found["enabled"]
        client.delete(place)
        assert ids(client.get(one, params={"provider_id": "y"})) == []
        client.delete("/v1/banks/A")
        assert ids(client.get(every, params={"pdq": PDQ})) == [("B", "x")]
        missing = client.get("/v1/banks/A/entries", params={"pdq": PDQ})
        assert (missing.status_code, missing.json()["code"]) == (404, "bank_not_found")


@pytest.mark.parametrize("known", signal_types(), ids=lambda known: known.name)
def test_every_type_of_signal_is_found_by_its_text(served: Served, known: Any) -> None:  # noqa: ANN401
    """As the registry writes it, under its name."""
    said = {"thumbnail-256-0": known.example} if known.spaced else known.example
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        entry = {"signals": {known.field: said}, "provider_id": "x"}
        assert client.post("/v1/banks/A/entries", json=entry).status_code == 201
        assert ids(client.get("/v1/entries", params={known.name: known.example})) == [("A", "x")]
        documented = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/entries", "/v1/banks/{bank}/entries"):
        names = [one["name"] for one in documented[path]["get"]["parameters"]]
        assert known.name in names
        assert {"provider_id", "label", "cursor", "limit"} < {*names}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_request"),
        ("limit=5", "invalid_request"),
        ("sha265=" + SHA, "invalid_request"),
        (f"pdq={PDQ}&pdq={PDQ}", "invalid_request"),
        ("label=a&label=b", "invalid_request"),
        ("sha256=", "bad_signal"),
        ("sha256=5f", "bad_signal"),
        ("label=", "bad_name"),
        ("label=%00", "bad_name"),
        ("provider_id=" + "x" * 257, "bad_name"),
        ("label=a&cursor=5", "bad_cursor"),
    ],
)
def test_what_is_not_understood_is_refused(served: Served, query: str, code: str) -> None:
    """A misspelt question must not look like one about which nothing is listed; what stands in it
    is not repeated."""
    with served.client() as client:
        answer = client.get(f"/v1/entries?{query}")
        client.post("/v1/banks", json={"name": "A"})
        same = client.get(f"/v1/banks/A/entries?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert SHA not in answer.text
    if query not in ("", "limit=5"):
        assert same.json()["code"] == code


def test_hashes_are_shown_to_curators_alone(served: Served) -> None:
    """A reviewer who finds an entry by one hash does not see its others."""
    with served.client() as client:
        fill(client)
    with served.client_with(Role.REVIEWER) as client:
        answer = client.get("/v1/entries", params={"sha256": SHA})
    assert len(ids(answer)) == 2
    assert PDQ not in answer.text
