"""A real server on a real folder, a small bank, and the law that no fault may break."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from evaluation.corpora import samples

KEY = "an admin key for faults"
SIGNALS = 60
"""Entries by signals; enough for several pages of a database."""


@dataclass
class Faulty:
    """A folder with a store, and the ``lookalike serve`` that runs on it, if one does."""

    folder: Path
    port: int
    environment: dict[str, str]
    images: list[bytes]
    process: subprocess.Popen[bytes] | None = None
    said: list[Path] = field(default_factory=list)

    @property
    def database(self) -> Path:
        """The file of the store."""
        return self.folder / "lookalike.db"

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=60,
            trust_env=False,
        )

    def start(self, *, loaded: bool = True) -> None:
        """Start, and wait until matches are answered; or, unless ``loaded``, until anything is."""
        log = self.folder.parent / f"server-{len(self.said)}.log"
        self.said.append(log)
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--port", str(self.port), "--data", str(self.folder)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

        def answers() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, log.read_text()
            with contextlib.suppress(httpx.TransportError), self.client() as client:
                status = client.get("/v1/status")
                return status.status_code == 200 and (status.json()["loaded"] or not loaded)
            return False

        until(answers)

    def stop(self) -> str:
        """End as an operator would; what the last life logged."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None
        return self.said[-1].read_text() if self.said else ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same store."""
        return subprocess.run(
            [*COMMAND, *arguments, "--data", str(self.folder)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def forget_index(self) -> None:
        """Have the next start make it anew from the store."""
        shutil.rmtree(self.folder / "index")

    def on_sqlite(self, folder: Path) -> Faulty:
        """Commands on a store of its own in ``folder``."""
        kept = {k: v for k, v in self.environment.items() if k != "LOOKALIKE_DATABASE_URL"}
        return replace(self, folder=folder, environment=kept, process=None, said=[])

    def checks(self) -> dict[str, str]:
        """Each check of ``/readyz`` and how grave it is."""
        with self.client() as client:
            return {one["name"]: one["severity"] for one in client.get("/readyz").json()["checks"]}

    def law(self) -> list[dict[str, Any]]:
        """Ask about everything that is listed: a ready server never says ``none`` and ``full``, and
        no answer is a surprise. The answers, images first."""
        with self.client() as client:
            before = client.get("/readyz").status_code
            answers = [client.post("/v1/match", files={"file": one}) for one in self.images]
            answers += [
                client.post("/v1/match", json={"signals": signals(n)}) for n in range(SIGNALS)
            ]
            after = client.get("/readyz").status_code
        assert {answer.status_code for answer in answers} <= {200, 503}
        found = [answer.json() for answer in answers]
        silent = [one for one in found if (one.get("verdict"), one.get("coverage")) == WRONG]
        assert not silent or (before, after) != (200, 200), f"{len(silent)} passed in silence"
        return found


COMMAND = (sys.executable, "-m", "service.cli")
WRONG = ("none", "full")


def signals(number: int) -> dict[str, Any]:
    """What entry ``number`` is listed by; far from all others."""
    text = bytes((number * 37 + at * 101 + number * at) % 256 for at in range(32)).hex()
    return {"sha256": text, "pdq": text}


def until(come: Callable[[], bool], seconds: float = 180) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Faulty]:
    """A server with a bank of sample images and signals, running."""
    yield from _running(tmp_path)


@pytest.fixture(name="running")
def under_settings() -> Callable[..., Iterator[Faulty]]:
    """``_running``, for tests, which cannot import this."""
    return _running


def _running(tmp_path: Path, **settings: str) -> Iterator[Faulty]:
    """The same under ``settings``."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LOOKALIKE_")}
    environment |= {"LOOKALIKE_ADMIN_KEY": KEY, "LOOKALIKE_STALE_AFTER": "2", **settings}
    images = []
    for name in ("coffee", "cat"):
        out = io.BytesIO()
        samples.photograph(name).image.save(out, "JPEG", quality=90)
        images.append(out.getvalue())
    made = Faulty(tmp_path / "data", port, environment, images)
    try:
        made.start()
        with made.client() as client:
            client.post("/v1/banks", json={"name": "known"}).raise_for_status()
            for image in images:
                client.post("/v1/banks/known/entries", files={"file": image}).raise_for_status()
            for number in range(SIGNALS):
                entry = {"signals": signals(number), "provider_id": f"n{number}"}
                client.post("/v1/banks/known/entries", json=entry).raise_for_status()
            assert client.get("/readyz").status_code == 200
        assert all(answer["verdict"] == "block" for answer in made.law())
        yield made
    finally:
        made.stop()


@pytest.fixture(name="until")
def waiting() -> Callable[..., None]:
    """``until``, for tests, which cannot import this."""
    return until
