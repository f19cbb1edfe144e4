"""The service as it is shipped: the real model, from file to verdict over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fastapi import FastAPI

from embeddings.fingerprint import Fingerprinter
from embeddings.network.encoder import load_encoder
from embeddings.network.imagery import load_imagery
from service.domain.errors import SettingsError, StoreUnusableError
from service.domain.settings import load_settings
from service.http.app import create_app, from_environment
from service.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.conftest import Pictures, Served


@pytest.fixture(scope="module")
def model() -> Fingerprinter:
    """The shipped model on the CPU, built once."""
    return Fingerprinter([load_encoder("cpu")], load_imagery())


def test_the_shipped_model_finds_an_edited_copy(
    serve: Callable[..., Served], pictures: Pictures, model: Fingerprinter
) -> None:
    """A crop that PDQ does not see is found by its code, under the model's own radii."""
    served = serve(fingerprints=model)
    space = model.encoders[0].info.space
    crop = pictures.photo[8:-8, 8:-8].copy()
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A", "radius": {"code": {"any": 64}}})
        image = pictures.png(pictures.photo)
        made = client.post("/v1/banks/A/entries", files={"file": image}).json()
        assert made["warnings"] == []
        assert list(made["signals"]["codes"]) == [space]
        found = client.post("/v1/match", files={"file": pictures.jpeg(crop)}).json()
        stranger = np.ascontiguousarray(pictures.photo[100:, 120:, ::-1])
        other = client.post("/v1/match", files={"file": pictures.png(stranger)}).json()
        status = client.get("/v1/status").json()
    assert found["verdict"] == "review"
    assert "code" in {row["signal"] for row in found["matches"]}
    assert {row["space"] for row in found["matches"] if row["signal"] == "code"} == {space}
    assert (other["verdict"], other["coverage"]) == ("none", "full")
    assert status["code_spaces"][0]["space"] == space
    assert "OpenVINO" in status["code_spaces"][0]["device"]


def test_a_restart_answers_the_same(serve: Callable[..., Served], pictures: Pictures) -> None:
    """A second server on the same store gives the answers of the first."""
    copy = pictures.jpeg(pictures.photo, 50)

    def ask(served: Served) -> dict[str, object]:
        with served.client() as client:
            body: dict[str, object] = client.post("/v1/match", files={"file": copy}).json()
        del body["index"]
        return body

    first = serve()
    with first.client() as client:
        client.post("/v1/banks", json={"name": "A", "action": "block"})
        client.post("/v1/banks/A/entries", files={"file": pictures.png(pictures.photo)})
    before = ask(first)
    assert before["verdict"] == "block"
    assert ask(serve()) == before


def test_two_apps_in_one_process_share_nothing(
    tmp_path: Path, serve: Callable[..., Served]
) -> None:
    """Metrics, banks and keys of one are not those of the other."""
    one, other = serve(folder="one"), serve(folder="other")
    with one.client() as here, other.client() as there:
        here.post("/v1/banks", json={"name": "A"})
        assert there.get("/v1/banks").json() == {"banks": []}
        assert "/v1/banks" in here.get("/metrics").text
    assert tmp_path.exists()


def test_a_second_replica_sees_a_write_within_two_seconds(serve: Callable[..., Served]) -> None:
    """A change on one server is in force on the other by itself: the sequence that an answer names
    is one that was in force before the search began."""
    one, other = serve(), serve()
    query = {"signals": {"sha256": "5f" * 32}}
    with one.client() as here, other.client() as there:
        here.post("/v1/banks", json={"name": "A"})
        here.post("/v1/banks/A/entries", json=query)
        answers = (there.post("/v1/match", json=query).json() for _ in range(5000))
        answer = next(answer for answer in answers if answer["index"]["sequence"] == 2)
    assert answer["verdict"] == "block"


def test_an_index_that_is_not_loaded_answers_503(
    tmp_path: Path,
    serving_unloaded: Callable[[FastAPI], AbstractContextManager[Served]],
    model: Fingerprinter,
) -> None:
    """Neither ready nor silent: live, and every query is told to come again."""
    store = open_store(tmp_path / "data")
    settings = load_settings(data_dir=tmp_path / "data", admin_key="an admin key for tests")
    app = create_app(settings, store=store, fingerprints=model)
    with serving_unloaded(app) as served, served.client() as client:
        assert client.get("/livez").status_code == 200
        for answer in (
            client.get("/readyz"),
            client.post("/v1/match", json={"signals": {"md5": "5f" * 16}}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "index_not_loaded")
            assert answer.headers["retry-after"] == "1"
        assert client.get("/v1/status").json()["loaded"] is False
    store.close()


def test_a_bad_environment_fails_at_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything is built, naming the key."""
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LOOKALIKE_MAX_PIXELS", "lots")
    with pytest.raises(SettingsError, match="LOOKALIKE_MAX_PIXELS"):
        from_environment()
    monkeypatch.delenv("LOOKALIKE_MAX_PIXELS")
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", "mysql://h/d")
    with pytest.raises(StoreUnusableError):
        from_environment()
