"""Attacks the door of a real server in every way it was ever brought down by, and says what others
felt.

    python tests/service/attack_soak.py [--seconds S] [--files N] [--json FILE] [ATTACK…]

A server process of its own for each attack. While the attack runs, `/livez` is asked over a new
connection again and again, as a health check does, and an ordinary photograph (or a list) is sent:
what counts is how long they wait, and how many are turned away. `--files` is the number of files
the server may open, so that exhausting them takes hundreds of sockets, not hundreds of thousands.
Nothing here is a test; it measures.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import resource
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from PIL import Image

from evaluation.speed.encode import jpeg_photographs
from service.cli.demo.server_process import Server, running_server

MEBIBYTE = 2**20
PATIENCE = 30.0
"""Seconds an ordinary client waits for an answer."""


@dataclass
class Felt:
    """What one kind of ordinary request met with."""

    waits: list[float] = field(default_factory=list)
    """Seconds, of those that got an answer they wanted."""
    refused: int = 0
    """Answered, and not with what was wanted."""
    lost: int = 0
    """Never answered."""

    def summary(self) -> dict[str, float | int | None]:
        milliseconds = sorted(1000 * wait for wait in self.waits)
        return {
            "answers": len(milliseconds),
            "median_ms": round(statistics.median(milliseconds), 1) if milliseconds else None,
            "most_ms": round(milliseconds[-1], 1) if milliseconds else None,
            "refused": self.refused,
            "lost": self.lost,
        }


@dataclass
class Outcome:
    """One attack."""

    attack: str
    livez: Felt = field(default_factory=Felt)
    others: Felt = field(default_factory=Felt)
    memory_mb: float = 0.0
    """Most resident memory of the server while it ran, less what it had before."""
    note: str = ""


class Target:
    """The server, and how to speak to it without a client library's good manners."""

    def __init__(self, server: Server, files: int) -> None:
        self.files = files
        host, port = server.url.removeprefix("http://").split(":")
        self.address = (host, int(port))
        self.key = server.admin_key
        self.pid = _listener(int(port))
        photo = jpeg_photographs()[0]
        with server.client() as client:
            self.photo = client.build_request(
                "POST", "/v1/match", files={"file": ("photo.jpg", photo, "image/jpeg")}
            )
            self.photo.read()
            client.post("/v1/banks", json={"name": "attacked"}).raise_for_status()
            key = client.post("/v1/keys", json={"name": "other", "roles": ["matcher"]})
            self.other_key = key.raise_for_status().json()["key"]

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)

    def head(self, path: str, length: int, kind: str = "multipart/form-data; boundary=b") -> bytes:
        return (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def ask(self, felt: Felt, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        started = time.perf_counter()
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            felt.lost += 1
            return
        finally:
            connection.close()
        if answer.status == 200:
            felt.waits.append(time.perf_counter() - started)
        else:
            felt.refused += 1

    def livez(self, felt: Felt) -> None:
        self.ask(felt, "GET", "/livez")

    def upload(self, felt: Felt, key: str | None = None) -> None:
        kind = self.photo.headers["content-type"]
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": kind}
        self.ask(felt, "POST", "/v1/match", self.photo.content, **headers)

    def list_(self, felt: Felt) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "text/plain"}
        line = b"sha256 " + b"5f" * 32 + b"\n"
        self.ask(felt, "POST", "/v1/banks/attacked/imports", line, **headers)

    def memory_mb(self) -> float:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024


def _listener(port: int) -> int:
    """The process that listens on ``port``: a child of ours."""
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(descriptor.readlink()).removeprefix("socket:[").rstrip("]") in inodes:
                return int(descriptor.parts[2])
    raise LookupError(f"nobody listens on {port}")


@contextlib.contextmanager
def repeatedly(one: Callable[[], None], pause: float) -> Iterator[None]:
    """``one`` again and again while the block runs, each after the last has ended and a pause."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.is_set():
            one()
            ended.wait(pause)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def endless(target: Target, begin: bytes, seconds: float) -> str:
    """Two clients send the beginning of a request, and then letters for ever."""
    until, sent, refusals = time.perf_counter() + seconds, [0], [0]

    def client() -> None:
        piece = b"a" * 65536
        while time.perf_counter() < until:
            with contextlib.suppress(OSError), target.connect() as connection:
                connection.sendall(begin)
                while time.perf_counter() < until:
                    sent[0] += connection.send(piece)
                return
            refusals[0] += 1

    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{sent[0] / MEBIBYTE:.0f} MiB taken, cut off {refusals[0]} times"


def endless_header(target: Target, outcome: Outcome, seconds: float) -> None:
    with repeatedly(lambda: target.livez(outcome.livez), 0.05):
        outcome.note = endless(target, b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", seconds)


def endless_url(target: Target, outcome: Outcome, seconds: float) -> None:
    with repeatedly(lambda: target.livez(outcome.livez), 0.05):
        outcome.note = endless(target, b"GET /livez?", seconds)


def idle_sockets(target: Target, outcome: Outcome, seconds: float) -> None:
    """More connections than the server may have open, none of which says a word."""
    held: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for _ in range(target.files + 100):
            with contextlib.suppress(OSError):
                held.append(stack.enter_context(target.connect()))
        with (
            repeatedly(lambda: target.livez(outcome.livez), 0.05),
            repeatedly(lambda: target.upload(outcome.others), 0.2),
        ):
            time.sleep(seconds)
    outcome.note = f"{len(held)} sockets"


def stalled_uploads(target: Target, outcome: Outcome, seconds: float) -> None:
    """Seventeen uploads that together take what all may take, but for 100 kB, and then send
    nothing."""
    begin = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    sizes = [31 * MEBIBYTE + 768 * 1024] * 16 + [4 * MEBIBYTE - 100_000]
    with contextlib.ExitStack() as stack:
        for size in sizes:
            connection = stack.enter_context(target.connect())
            with contextlib.suppress(OSError):
                connection.sendall(target.head("/v1/match", 32 * MEBIBYTE))
                connection.sendall(begin + bytes(size - len(begin)))
        time.sleep(0.5)
        with (
            repeatedly(lambda: target.livez(outcome.livez), 0.05),
            repeatedly(lambda: target.upload(outcome.others), 0.2),
        ):
            time.sleep(seconds)
    outcome.note = "others: ordinary uploads of the same key"


def stalled_lists(target: Target, outcome: Outcome, seconds: float) -> None:
    """Five lists of which one line comes."""
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(target.connect())
            head = target.head("/v1/banks/attacked/imports", 2**20, "text/plain")
            connection.sendall(head + b"sha256 ")
        time.sleep(0.5)
        with (
            repeatedly(lambda: target.livez(outcome.livez), 0.05),
            repeatedly(lambda: target.list_(outcome.others), 0.2),
        ):
            time.sleep(seconds)
    outcome.note = "others: lists of one line"


def large_pictures(target: Target, outcome: Outcome, seconds: float, key: str | None) -> None:
    """Forty AVIF files of a few kilobytes and 64 megapixels at once; then one ordinary upload."""
    out = io.BytesIO()
    Image.new("RGB", (8192, 8192), (200, 30, 60)).save(out, "AVIF", speed=10, quality=30)
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    form += out.getvalue() + b"\r\n--b--\r\n"
    answered: list[int] = []

    def bomb() -> None:
        while time.perf_counter() < until:
            felt = Felt()
            kind = "multipart/form-data; boundary=b"
            headers = {"Authorization": f"Bearer {target.key}", "Content-Type": kind}
            target.ask(felt, "POST", "/v1/match", form, **headers)
            answered.append(1 if felt.waits else 0)
            time.sleep(0 if felt.waits else 0.2)

    until = time.perf_counter() + seconds
    threads = [threading.Thread(target=bomb) for _ in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    with (
        repeatedly(lambda: target.livez(outcome.livez), 0.05),
        repeatedly(lambda: target.upload(outcome.others, key), 0.2),
    ):
        time.sleep(seconds - 1)
    for thread in threads:
        thread.join()
    whose = "another" if key else "the same"
    outcome.note = (
        f"{len(out.getvalue())} bytes a file, {sum(answered)} of {len(answered)} answered;"
        f" others: ordinary uploads of {whose} key"
    )


def large_same_key(target: Target, outcome: Outcome, seconds: float) -> None:
    large_pictures(target, outcome, 2 * seconds, None)


def large_other_key(target: Target, outcome: Outcome, seconds: float) -> None:
    large_pictures(target, outcome, 2 * seconds, target.other_key)


def nothing(target: Target, outcome: Outcome, seconds: float) -> None:
    with (
        repeatedly(lambda: target.livez(outcome.livez), 0.05),
        repeatedly(lambda: target.upload(outcome.others), 0.2),
    ):
        time.sleep(seconds)


ATTACKS: dict[str, Callable[[Target, Outcome, float], None]] = {
    "nothing": nothing,
    "endless-header": endless_header,
    "endless-url": endless_url,
    "idle-sockets": idle_sockets,
    "stalled-uploads": stalled_uploads,
    "stalled-lists": stalled_lists,
    "large-pictures": large_same_key,
    "large-pictures-other-key": large_other_key,
}


def run(name: str, seconds: float, files: int) -> Outcome:
    outcome = Outcome(name)
    with contextlib.ExitStack() as stack:
        # It cannot know of the limit, which it is given once it runs.
        room = {"connections": str(files - 128), "connections_per_address": str(files - 128)}
        server = stack.enter_context(running_server(**room))
        target = Target(server, files)
        resource.prlimit(target.pid, resource.RLIMIT_NOFILE, (files, files))
        target.upload(Felt())
        before = most = target.memory_mb()

        def look() -> None:
            nonlocal most
            most = max(most, target.memory_mb())

        with repeatedly(look, 0.05):
            ATTACKS[name](target, outcome, seconds)
        outcome.memory_mb = most - before
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=", ".join(ATTACKS))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--files", type=int, default=512)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.attacks or ATTACKS:
        outcome = run(name, options.seconds, options.files)
        row = asdict(outcome) | {
            "livez": outcome.livez.summary(),
            "others": outcome.others.summary(),
        }
        rows.append(row)
        sys.stdout.write(
            f"{name}: {outcome.note}\n  livez  {row['livez']}\n  others {row['others']}\n"
            f"  memory {outcome.memory_mb:+.0f} MB\n"
        )
        sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
