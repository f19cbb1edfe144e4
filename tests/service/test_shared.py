"""Work that is asked for several times at once, and done once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from embeddings.fingerprint import Fingerprint, Role
from service.replica.shared import Shared

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served


def joined(shared: Shared[Any], count: int) -> None:
    while shared.joined < count:
        pass


def test_who_asks_meanwhile_waits_for_it() -> None:
    """Other keys are done beside it, and afterwards it is done anew."""
    shared: Shared[int] = Shared()
    gate, done = threading.Event(), list[int]()

    def work() -> int:
        gate.wait()
        done.append(1)
        return len(done)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(shared.get, "a", work) for _ in range(4)]
        joined(shared, 3)
        assert shared.get("b", lambda: 7) == 7
        gate.set()
        assert [one.result() for one in asked] == [1] * 4
    assert shared.get("a", work) == 2


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    shared: Shared[int] = Shared()
    gate = threading.Event()

    def work() -> int:
        gate.wait()
        raise ValueError("once")

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(shared.get, "a", work) for _ in range(2)]
        joined(shared, 1)
        gate.set()
        for one in asked:
            with pytest.raises(ValueError, match="once"):
                one.result()
    assert shared.get("a", lambda: 1) == 1


def test_equal_uploads_are_fingerprinted_once_and_matched_each(
    served: Served, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that is acknowledged meanwhile is in force for whoever asks after it."""
    image = pictures.png(pictures.photo)
    matcher = served.services.matcher
    gate, counted = threading.Event(), list[str]()
    made = matcher._fingerprints
    assert made is not None

    real = made.fingerprint

    def slow(data: bytes, role: Role = "query") -> Fingerprint:
        counted.append(role)
        if len(counted) == 1:
            gate.wait()
        return real(data, role)

    monkeypatch.setattr(made, "fingerprint", slow)
    with served.client() as client, ThreadPoolExecutor(2) as pool:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", json={"signals": {"md5": "0" * 32}})

        def ask() -> str:
            return str(client.post("/v1/match", files={"file": image}).json()["verdict"])

        first = pool.submit(ask)
        second = pool.submit(ask)
        joined(matcher._shared, 1)
        digest = real(image).sha256
        client.post("/v1/banks/A/entries", json={"signals": {"sha256": digest}})
        gate.set()
        assert {first.result(), second.result()} == {"block"}
    assert counted == ["query"]
