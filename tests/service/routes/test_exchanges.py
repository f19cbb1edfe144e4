"""``/v1/exchanges``: made, changed, synced and told of over HTTP; nothing is reached that nobody
allowed, and what fails is seen wherever one looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from service.http.shapes.answers import ExchangeAnswer, ExchangesAnswer, RunAnswer, RunsAnswer
from service.store import Role
from tests.service.conftest import conforming

if TYPE_CHECKING:
    from tests.service.conftest import Served


def until(look: Callable[[], Any]) -> Any:  # noqa: ANN401 (JSON)
    """What ``look`` answers once it is something."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := look():
            return found
    raise AssertionError("it did not come to pass")


def test_an_exchange_lives_its_life(serve: Callable[..., Served], tmp_path: Path) -> None:
    """Made, synced by itself, changed, asked for, deleted; each answer is what the document
    says."""
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.csv").write_text(f"provider_id,md5\nx,{1:032x}\n")
    served = serve(exchange_folders=(tmp_path / "drop",))
    new = {
        "name": "drop",
        "kind": "folder",
        "bank": "listed",
        "settings": {"path": str(tmp_path / "drop")},
    }
    with served.client() as client:
        missing = client.post("/v1/exchanges", json=new)
        assert (missing.status_code, missing.json()["code"]) == (404, "bank_not_found")
        client.post("/v1/banks", json={"name": "listed"}).raise_for_status()
        made = client.post("/v1/exchanges", json=new)
        assert made.status_code == 201
        assert made.headers["location"] == "/v1/exchanges/drop"
        conforming(ExchangeAnswer, made.json())
        again = client.post("/v1/exchanges", json=new)
        assert (again.status_code, again.json()["code"]) == (409, "exchange_exists")

        def synced() -> Any:  # noqa: ANN401 (JSON)
            found = client.get("/v1/exchanges/drop").json()
            return found if found["synced_at"] else None

        found = until(synced)
        assert (found["entries"], found["trouble"], found["provider"]) == (1, "", "folder")
        assert conforming(RunsAnswer, client.get("/v1/exchanges/drop/runs").json())["runs"]
        asked = client.post("/v1/exchanges/drop/sync")
        assert asked.status_code == 202
        conforming(RunAnswer, asked.json())
        changed = client.patch("/v1/exchanges/drop", json={"every": 900, "enabled": False}).json()
        assert (changed["every"], changed["enabled"]) == (900, False)
        assert changed["checkpoint"] == found["checkpoint"]
        every = conforming(ExchangesAnswer, client.get("/v1/exchanges").json())
        assert [one["name"] for one in every["exchanges"]] == ["drop"]
        assert client.delete("/v1/exchanges/drop").status_code == 204
        gone = client.get("/v1/exchanges/drop/runs")
        assert (gone.status_code, gone.json()["code"]) == (404, "exchange_not_found")


def test_what_fails_is_seen_wherever_one_looks(served: Served) -> None:
    """In the readiness that anybody sees, without names; in the status, the metrics and the
    exchange, with the reason; and the server stays ready."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "listed"}).raise_for_status()
        client.post(
            "/v1/banks/listed/entries", json={"signals": {"md5": f"{1:032x}"}}
        ).raise_for_status()
        new = {
            "name": "secretive",
            "kind": "ncmec",
            "bank": "listed",
            "settings": {
                "environment": "industry-test",
                "user": "u",
                "password": "env:LOOKALIKE_EXCHANGE_NOT_THERE",
            },
        }
        client.post("/v1/exchanges", json=new).raise_for_status()

        def degraded() -> Any:  # noqa: ANN401 (JSON)
            answer = httpx.get(f"{served.url}/readyz", trust_env=False)
            checks = {one["name"]: one for one in answer.json()["checks"]}
            found = checks.get("exchanges")
            return answer if found and found["severity"] == "degraded" else None

        answer = until(degraded)
        assert answer.status_code == 200
        assert "1 exchange did not bring" in answer.text
        assert "secretive" not in answer.text
        status = client.get("/v1/status").json()
        assert status["exchanges"][0]["trouble"] == "bad_exchange"
        metrics = client.get("/metrics").text
        assert 'lookalike_exchange_trouble{exchange="secretive"} 1.0' in metrics
        assert 'code="bad_exchange",exchange="secretive",state="failed"' in metrics
        said = client.get("/v1/exchanges/secretive").json()["last_run"]["said"]
        assert "LOOKALIKE_EXCHANGE_NOT_THERE" in said


def test_nothing_is_reached_that_nobody_allowed(served: Served) -> None:
    """Neither by making an exchange nor by changing one; nor may a curator make one."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "listed"}).raise_for_status()
        base = {"name": "x", "bank": "listed"}
        for kind, settings in (
            ("https", {"url": "https://169.254.169.254/latest/a.csv"}),
            ("https", {"url": "http://10.0.0.1/a.csv"}),
            ("folder", {"path": "/etc"}),
            ("lookalike", {"base": served.url, "bank": "b", "key": "env:LOOKALIKE_ADMIN_KEY"}),
        ):
            refused = client.post(
                "/v1/exchanges", json={**base, "kind": kind, "settings": settings}
            )
            assert (refused.status_code, refused.json()["code"]) == (422, "bad_exchange")
        word = "env:LOOKALIKE_EXCHANGE_WORD"
        ncmec = {"environment": "ngo", "user": "u", "password": word}
        made = {**base, "kind": "ncmec", "settings": ncmec, "enabled": False}
        client.post("/v1/exchanges", json=made).raise_for_status()
        moved = {"base": "https://elsewhere.example", "user": "u", "password": word}
        refused = client.patch("/v1/exchanges/x", json={"settings": moved})
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_exchange")
        assert client.get("/v1/exchanges/x").json()["settings"] == ncmec
    with served.client_with(Role.CURATOR) as client:
        assert client.post("/v1/exchanges", json=made).status_code == 403
        assert client.get("/v1/exchanges").status_code == 200
