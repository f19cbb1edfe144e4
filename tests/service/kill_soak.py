"""Kills a real server at random moments under writes, again and again, and looks for what is lost.

    python tests/service/kill_soak.py --lives 50 [--seed N] [--data DIR]

Each life is a process of its own: it serves HTTP on SQLite, three clients write (single entries,
whole lists, disabling, deleting), and after a random number of acknowledged writes it is killed
with SIGKILL while more are under way. The next life must answer for everything that was
acknowledged:
entries match, disabled and deleted ones do not, a list is one whole version. Exits 1 if anything is
lost; prints the counts.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn

from embeddings.fingerprint import Fingerprint, Role, ViewFingerprint
from embeddings.network.encoder import Encoder
from embeddings.network.imagery import ImageryModel
from index.storage import maintenance
from service.domain.settings import load_settings
from service.http.app import create_app
from service.http.connections import listening

KEY = "a key for the soak"
SPACE = "soak-256-0"
BANK = "/v1/banks/soak"
LIST_LINES = 40


class NoImages:
    """This soak sends signals only, so that a life starts in a moment."""

    encoders: tuple[Encoder, ...] = ()

    @property
    def imagery(self) -> ImageryModel:
        raise NotImplementedError

    def fingerprint(self, data: bytes, role: Role = "query") -> Fingerprint:
        raise NotImplementedError

    def with_views(self, data: bytes) -> tuple[Fingerprint, tuple[ViewFingerprint, ...]]:
        raise NotImplementedError


@dataclass
class Ledger:
    """What was acknowledged, over all lives."""

    present: dict[str, str] = field(default_factory=dict)
    """Entry id to the SHA-256 that must match."""
    absent: dict[str, str] = field(default_factory=dict)
    """Entry id to the SHA-256 that must not."""
    list_version: list[str] = field(default_factory=list)
    """The hashes of the newest version of the list that was acknowledged."""
    list_under_way: list[str] = field(default_factory=list)
    """Those of the version that was being sent when the server died, if any."""
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def signals(sha256: str) -> dict[str, object]:
    return {"sha256": sha256, "pdq": sha256, "codes": {SPACE: sha256}}


def start(data: Path) -> tuple[int, str]:
    """A new life: its process and URL."""
    # Naming the protocol lets asyncio switch off Nagle, which costs 40 ms a request.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    pid = os.fork()
    if pid == 0:
        # Indexes save whenever they can, so that kills come in the middle of it.
        vars(maintenance)["SAVE_EVERY"] = 0.0
        app = create_app(
            load_settings(data_dir=data, admin_key=KEY, workers=2), fingerprints=NoImages()
        )
        uvicorn.Server(listening(app, log_level="critical")).run([listener])
        os._exit(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    return pid, url


def client(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60, trust_env=False
    )


def write_until_dead(url: str, ledger: Ledger, seed: int, on_ack: Callable[[], None]) -> None:
    """Write, and note each acknowledgement, until the server is gone."""
    rng = random.Random(seed)
    mine: list[str] = []
    with client(url) as http, contextlib.suppress(httpx.TransportError):
        while True:
            kind = rng.random()
            if kind < 0.7 or not mine:
                sha256 = secrets.token_hex(32)
                made = http.post(f"{BANK}/entries", json={"signals": signals(sha256)})
                entry = made.raise_for_status().json()["entry_id"]
                with ledger.lock:
                    ledger.present[entry] = sha256
                mine.append(entry)
            else:
                entry = mine.pop(rng.randrange(len(mine)))
                # Unknown until it is acknowledged: neither present nor absent may be claimed.
                with ledger.lock:
                    sha256 = ledger.present.pop(entry)
                place = f"{BANK}/entries/{entry}"
                if kind < 0.85:
                    http.delete(place).raise_for_status()
                else:
                    http.patch(place, json={"enabled": False}).raise_for_status()
                with ledger.lock:
                    ledger.absent[entry] = sha256
            on_ack()


def import_until_dead(url: str, ledger: Ledger, on_ack: Callable[[], None]) -> None:
    """Import version after version of a list until the server is gone."""
    with client(url) as http, contextlib.suppress(httpx.TransportError):
        while True:
            version = [secrets.token_hex(32) for _ in range(LIST_LINES)]
            ledger.list_under_way = version
            body = "".join(f"{n},{sha256}\n" for n, sha256 in enumerate(version))
            http.post(
                f"{BANK}/imports?list=whole", content="provider_id,sha256\n" + body
            ).raise_for_status()
            ledger.list_version = version
            ledger.list_under_way = []
            on_ack()


def verdicts(http: httpx.Client, hashes: list[str]) -> list[set[str]]:
    """For each hash, the signals that match."""
    out: list[set[str]] = []
    for begin in range(0, len(hashes), 200):
        items = [{"signals": signals(one)} for one in hashes[begin : begin + 200]]
        answer = http.post("/v1/match/batch", json={"items": items}).raise_for_status().json()
        out += [{row["signal"] for row in item["matches"]} for item in answer["items"]]
    return out


def check(http: httpx.Client, ledger: Ledger) -> list[str]:
    """What is not as it was acknowledged."""
    wrong = []
    for entry, found in zip(
        ledger.present, verdicts(http, list(ledger.present.values())), strict=True
    ):
        if found != {"sha256", "pdq", "code"}:
            wrong.append(f"{entry} was acknowledged and matches by {sorted(found) or 'nothing'}")
    for entry, found in zip(
        ledger.absent, verdicts(http, list(ledger.absent.values())), strict=True
    ):
        if found:
            wrong.append(f"{entry} was taken out of force and matches by {sorted(found)}")
    versions = [v for v in (ledger.list_version, ledger.list_under_way) if v]
    matching = [sum(map(bool, verdicts(http, version))) for version in versions]
    if versions and sorted(matching) not in ([LIST_LINES], [0, LIST_LINES]):
        wrong.append(f"the list is not one whole version: {matching} of {LIST_LINES} lines match")
    if len(versions) == 2 and matching[1]:
        ledger.list_version = ledger.list_under_way  # committed, though nobody heard of it
    ledger.list_under_way = []
    return wrong


def live(data: Path, ledger: Ledger, rng: random.Random, last: bool) -> list[str]:
    """One life: check what the ones before left, then write until the kill."""
    pid, url = start(data)
    try:
        with client(url) as http:
            for _ in range(6000):
                if http.get("/readyz").status_code == 200:
                    break
                time.sleep(0.01)
            if http.get(BANK).status_code == 404:
                policy = {"name": "soak", "radius": {"pdq": 0, "code": {"any": 0}}}
                http.post("/v1/banks", json=policy).raise_for_status()
            wrong = check(http, ledger)
        if last:
            return wrong
        wanted, enough = ledger.acknowledged + rng.randint(1, 25), threading.Event()

        def on_ack() -> None:
            with ledger.lock:
                ledger.acknowledged += 1
                if ledger.acknowledged >= wanted:
                    enough.set()

        seeds = [rng.random() for _ in range(2)]
        writers = [
            threading.Thread(target=write_until_dead, args=(url, ledger, seed, on_ack))
            for seed in seeds
        ]
        writers.append(threading.Thread(target=import_until_dead, args=(url, ledger, on_ack)))
        for writer in writers:
            writer.start()
        enough.wait(120)
        time.sleep(rng.uniform(0, 0.02))  # somewhere within the writes under way
        os.kill(pid, signal.SIGKILL)
        for writer in writers:
            writer.join()
        return wrong
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def main() -> int:
    """Run as many lives as asked for, and one more to answer for the last."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lives", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    rng, ledger, wrong = random.Random(options.seed), Ledger(), list[str]()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or Path(temporary)
        started = time.monotonic()
        for number in range(options.lives + 1):
            found = live(data, ledger, rng, last=number == options.lives)
            wrong += [f"life {number}: {what}" for what in found]
    sys.stdout.write(
        f"{options.lives} kills in {time.monotonic() - started:.0f} s,"
        f" {ledger.acknowledged} acknowledged writes,"
        f" {len(ledger.present)} entries in force and {len(ledger.absent)} out of force checked,"
        f" {len(wrong)} wrong\n"
    )
    for what in wrong[:20]:
        sys.stdout.write(f"{what}\n")
    return 1 if wrong or not ledger.present else 0


if __name__ == "__main__":
    sys.exit(main())
