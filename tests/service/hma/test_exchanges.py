"""Exchanges under ``/hma``: made, looked at, switched and deleted as a client of HMA does, and the
same as under ``/v1``."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Served


def test_an_exchange_is_made_fetched_and_deleted(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    """Its bank comes with it, what it brings matches, and its status says so."""
    (tmp_path / "drop").mkdir()
    digest = hashlib.sha256(b"listed").hexdigest()
    (tmp_path / "drop" / "a.csv").write_text(f"provider_id,sha256\nx,{digest}\n")
    served = serve(exchange_folders=(tmp_path / "drop",))
    with served.client() as client:
        schema = client.get("/hma/c/exchanges/api/folder/schema").json()["config_schema"]
        assert [field["name"] for field in schema["fields"] if field["required"]] == ["path"]
        asked = {"bank": "EX", "api": "folder", "api_json": {"path": str(tmp_path / "drop")}}
        made = client.post("/hma/c/exchanges", json=asked)
        assert (made.status_code, made.json()) == (201, {"message": "Created successfully"})
        again = client.post("/hma/c/exchanges", json=asked)
        assert (again.status_code, "already exists" in again.json()["message"]) == (400, True)
        until = time.monotonic() + 60
        while True:
            status: dict[str, Any] = client.get("/hma/c/exchange/EX/status").json()
            if status["last_fetch_complete_ts"] is not None:
                break
            assert time.monotonic() < until
        assert (status["fetched_items"], status["last_fetch_succeeded"]) == (1, True)
        assert status["up_to_date"] is True
        served.services.replica.catch_up()  # as it does by itself a moment later
        answer = client.post("/v1/match", json={"signals": {"sha256": digest}}).json()
        assert answer["matches"][0]["bank"] == "EX"
        assert client.get("/hma/c/exchanges").json() == ["EX"]
        assert client.get("/v1/exchanges").json()["exchanges"][0]["name"] == "EX"
        off = client.put("/hma/c/exchange/EX", json={"enabled": False}).json()
        assert off == {"name": "EX", "api": "folder", "enabled": False}
        assert client.delete("/hma/c/exchange/EX").json() == {"message": "Exchange deleted"}
        assert client.get("/hma/c/exchange/EX").status_code == 404


def test_what_may_not_be_reached_is_refused(served: Served) -> None:
    """A folder that nobody allowed, a credential that is sent, a key that may not, and nonsense."""
    with served.client() as client:
        asked = {"bank": "EX", "api": "folder", "api_json": {"path": "/etc"}}
        refused = client.post("/hma/c/exchanges", json=asked)
        assert (refused.status_code, "FOLDERS" in refused.json()["message"]) == (400, True)
        for body in ({**asked, "api_json": {"path": 3}}, {**asked, "bank": 3}):
            assert client.post("/hma/c/exchanges", json=body).status_code == 400
        sent = client.post("/hma/c/exchanges/api/ncmec", json={"credential_json": {"user": "u"}})
        assert (sent.status_code, "not sent" in sent.json()["message"]) == (400, True)
        assert client.get("/v1/banks").json()["banks"] == []
    with served.client_with(Role.CURATOR) as client:
        assert client.post("/hma/c/exchanges", json=asked).status_code == 403
        assert client.get("/hma/c/exchanges").json() == []
