"""The files or the memory of an index are damaged while a server runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from index.segmented.segmented_index import SegmentedIndex
from service.http.door.services import Services
from service.replica.columns import PDQ
from tests.index.damages import DAMAGES, Damage

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.service.conftest import Served

LISTED = 60


def signals(number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    return {
        "sha256": rng.bytes(32).hex(),
        "pdq": rng.bytes(32).hex(),
        "codes": {"thumbnail-256-0": rng.bytes(32).hex()},
    }


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A server whose indexes are in files."""
    first = serve()
    with first.client() as client:
        client.post("/v1/banks", json={"name": "a"}).raise_for_status()
        for number in range(LISTED):
            body = {"signals": signals(number)}
            client.post("/v1/banks/a/entries", json=body).raise_for_status()
    for index in first.services.replica._indexes.all.values():
        assert index.save()
    return first


def ask(client: httpx.Client) -> list[tuple[str, str, set[str]]]:
    """Verdict, coverage and matched signals, for every listed item."""
    found = []
    for number in range(LISTED):
        answer = client.post("/v1/match", json={"signals": signals(number)})
        answer.raise_for_status()
        body = answer.json()
        matched = {match["signal"] for match in body["matches"]}
        found.append((body["verdict"], body["coverage"], matched))
    return found


EVERYTHING = ("block", "full", {"sha256", "pdq", "code"})


def scrub_check(client: httpx.Client) -> dict[str, Any]:
    checks = client.get("/v1/status").raise_for_status().json()["checks"]
    (found,) = [check for check in checks if check["name"] == "scrub"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_change_no_answer_and_are_written_anew(
    served: Served, serve: Callable[..., Served], tmp_path: Path, damage: Damage
) -> None:
    """Every file of every index at once; a restart then finds them whole."""
    services: Services = served.services
    services.replica.scrub.round()
    folder = tmp_path / "data" / "index"
    files = [path for path in folder.glob("*/*") if path.name != "LOCK"]
    assert {path.parent.name for path in files} >= {"sha256", "pdq", "code-thumbnail-256-0"}
    with served.client() as client:
        for path in files:
            damage(path)
        assert ask(client) == [EVERYTHING] * LISTED
        services.replica.scrub.round()
        check = scrub_check(client)
        # It may be mended, and found so by the thread, before we ask.
        assert check["severity"] in ("degraded", "sound")
        assert client.get("/readyz").status_code == 200
        for index in services.replica._indexes.all.values():
            assert index.save()
        services.replica.scrub.round()
        assert scrub_check(client)["severity"] == "sound"
        assert ask(client) == [EVERYTHING] * LISTED
    for index in services.replica._indexes.all.values():
        index.close()
    again = serve()
    assert all(not one.rebuilt for one in again.services.replica.stats())
    with again.client() as client:
        assert ask(client) == [EVERYTHING] * LISTED


def test_memory_that_changed_is_never_answered_from(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its detection on, no answer is whole until the index was built anew from the store."""
    replica = served.services.replica
    index = replica._indexes.all[PDQ]
    assert isinstance(index, SegmentedIndex)
    replica.scrub.round()
    for part in index._holder.state.parts:
        spoil(part.segment.head)
        spoil(part.segment.tail)
    with served.client() as client, monkeypatch.context() as away:
        away.setattr(replica, "_advance", lambda: None)  # the store is not read
        replica.scrub.round()
        assert index.needs_rebuild
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "built anew" in ready.text
        answers = ask(client)
        assert answers == [("block", "full", {"sha256", "code"})] * LISTED
        alone = {"pdq": signals(0)["pdq"]}
        body = client.post("/v1/match", json={"signals": alone}).raise_for_status().json()
        assert (body["verdict"], body["coverage"]) == ("none", "none")
        assert {one["reason"] for one in body["not_matched"]} == {"index_incomplete"}
        away.undo()
        replica.scrub.round()
        assert not index.needs_rebuild
        assert client.get("/readyz").status_code == 200
        assert scrub_check(client)["severity"] == "sound"
        assert ask(client) == [EVERYTHING] * LISTED


def spoil(array: NDArray[Any]) -> None:
    """Flip a bit of what nobody may write to, as a fault of memory does."""
    ctypes.c_uint8.from_address(array.ctypes.data + array.nbytes // 2).value ^= 1
