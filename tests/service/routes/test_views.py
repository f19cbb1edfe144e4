"""A query's views: asked for by request, found by what they show, and never more than a review."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from evaluation.corpora.samples import photograph
from service.domain.search import Found
from service.policy.matching import Verdict, decide
from service.store import Action, Bank, Policy

if TYPE_CHECKING:
    import httpx

    from tests.service.conftest import Served


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _square(name: str) -> Image.Image:
    return photograph(name).image.crop((0, 0, 300, 300))


@pytest.fixture
def client(served: Served) -> Any:  # noqa: ANN401 - a generator of the client
    """A client of a service that lists the cat in a bank whose PDQ blocks."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A", "action": "block"})
        client.post("/v1/banks/A/entries", files={"file": _png(_square("cat"))})
        yield client


def _match(client: httpx.Client, image: Image.Image, **fields: str) -> dict[str, Any]:
    answer = client.post("/v1/match", files={"file": _png(image)}, data=fields)
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_picture_beside_another_is_found_by_its_part(client: httpx.Client) -> None:
    """Only if views are asked for; the row says so, and asks for review although PDQ blocks."""
    pictures = [np.asarray(_square(name)) for name in ("coffee", "cat")]
    page = Image.fromarray(np.concatenate(pictures, 1))
    assert _match(client, page)["matches"] == []
    answer = _match(client, page, views="true")
    assert answer["verdict"] == "review"
    assert {row["view"] for row in answer["matches"]} == {"part"}
    assert "pdq" in {row["signal"] for row in answer["matches"]}


def test_a_mirrored_picture_is_found_by_pdq(client: httpx.Client) -> None:
    """As the turn that undoes it."""
    mirrored = ImageOps.mirror(_square("cat"))
    assert "pdq" not in {row["signal"] for row in _match(client, mirrored)["matches"]}
    rows = _match(client, mirrored, views="true")["matches"]
    (row,) = [row for row in rows if row["signal"] == "pdq"]
    assert (row["view"], row["verdict"]) == ("flip_y", "review")


def test_what_matches_as_it_is_matches_the_same_with_views(client: httpx.Client) -> None:
    """No row of the whole image gives way to a view's."""
    copy = _square("cat").resize((200, 200))
    plain, asked = _match(client, copy), _match(client, copy, views="true")
    assert plain["verdict"] == asked["verdict"] == "block"
    assert [row for row in asked["matches"] if "view" not in row] == plain["matches"]


@pytest.mark.parametrize("value", ["yes", "1", "true,false"])
def test_a_misspelt_choice_is_refused(client: httpx.Client, value: str) -> None:
    """A platform that thinks it asked for views must not be left without."""
    answer = client.post("/v1/match", files={"file": b""}, data={"views": value})
    assert answer.status_code in (400, 422)
    assert "views" in answer.json()["detail"]


def test_signals_have_no_views(client: httpx.Client) -> None:
    """They cannot be turned or taken apart."""
    answer = client.post("/v1/match?views=true", json={"signals": {"sha256": "5f" * 32}})
    assert answer.status_code == 422
    assert "views" in answer.json()["detail"]


def test_a_nearer_view_does_not_soften_a_match_of_the_whole() -> None:
    """The whole's block stands, whichever comes first."""
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    bank = Bank(1, "A", Policy(Action.BLOCK), now, now)
    whole, view = Found(7, 1, "pdq", "", 20, 31), Found(7, 1, "pdq", "", 3, 31, "part")
    for found in ([whole, view], [view, whole]):
        decision = decide(found, {1: bank})
        assert decision.verdict is Verdict.BLOCK
        assert [row.found.view for row in decision.rows] == [""]
    assert decide([view], {1: bank}).verdict is Verdict.REVIEW
