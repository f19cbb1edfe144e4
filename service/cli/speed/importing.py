"""How long lists take to come in, and how soon they are in force: ``lookalike bench import``.

A real server runs beside each change, which happens in a process of its own, as a command's does:
so its peak memory is the change's alone, and the server hears of the commit as it always does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.cli.demo.server_process import running_server
from service.cli.speed.made_lists import Made, entries, write
from service.domain.errors import ServiceError
from service.store import ImportTarget, Store, open_store

if TYPE_CHECKING:
    import httpx

_ASKED_EVERY: Final = 0.01
"""Seconds between two questions, of the store or of the server."""
_IN_FORCE_WITHIN: Final = 300.0

_Work = Callable[[Store, Path, str, str], int]
"""Brings a bank to a version, from a list in a file; how many entries that changed."""


class ImportFailedError(ServiceError):
    """A change that was measured was not made; the message says which, and why."""

    code = "import_failed"


@dataclass(frozen=True)
class ImportStep:
    """What one change of a list took."""

    name: str
    lines: int
    changed: int
    """Entries added, updated or removed."""
    seconds: float
    """From the first byte read until all is done, the commit among it."""
    peak_mb: float
    """Most memory of the process that made the change, in 10⁶ bytes."""
    in_force: float
    """Seconds from the commit until the running server answers by it."""

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Done:
    seconds: float
    peak: int
    changed: int


def run(
    count: int, forms: Sequence[str], told: Callable[[str], object] = lambda _said: None
) -> list[ImportStep]:
    """Measure lists of ``count`` lines: a first version in each of ``forms``; and, of the CSV list,
    a version in which 1,000 lines differ and the way back.

    Raises ``ImportFailedError`` and ``ServerFailedError``.
    """
    steps: list[ImportStep] = []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_server(key_rate="0"))
        client = stack.enter_context(server.client())
        store = open_store(server.data, create=False)
        stack.callback(store.close)
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-")), "list")
        space = client.get("/v1/status").raise_for_status().json()["code_spaces"][0]["space"]
        first, second = _newest(count, changed=False), _newest(count, changed=True)

        def step(
            name: str, form: str, version: str, work: _Work, newest: Made, listed: bool = True
        ) -> None:
            told(f"{form}, {name} …")
            bank = f"measured-{form}"
            change = _Change(work, server.data, path, bank, version)
            committed = change.committed(store)
            in_force = _in_force(client, bank, newest.sha256, listed) - committed
            done = change.done()
            peak = done.peak / 1e6
            steps.append(
                ImportStep(f"{form}, {name}", count, done.changed, done.seconds, peak, in_force)
            )

        for form in forms:
            told(f"{form}: writing {count:,} lines …")
            write(path, form, entries(count), space)
            step("first version", form, "1", _import, first)
            if form == "csv":
                write(path, form, entries(count, changed=True), space)
                step("1,000 changes", form, "2", _import, second)
                step("rolled back", form, "1", _roll_back, second, listed=False)
    return steps


def _newest(count: int, changed: bool) -> Made:
    """An entry by which a version is known: its last, or the last that a first version lacks."""
    found = [one for one in entries(count, changed) if not changed or one.number >= count]
    return found[-1]


class _Change:
    """A change of a list, made in a process of its own."""

    def __init__(self, work: _Work, data: Path, path: Path, bank: str, version: str) -> None:
        """Begin it."""
        self._name = f"{bank}, version {version}"
        self._before = 0
        spawn = multiprocessing.get_context("spawn")
        self._answers, theirs = spawn.Pipe(duplex=False)
        arguments = (theirs, work, data, path, bank, version)
        self._process = spawn.Process(target=_make_change, args=arguments)
        with contextlib.closing(open_store(data, create=False)) as store:
            self._before = store.sequence()
        self._process.start()
        theirs.close()

    def committed(self, store: Store) -> float:
        """Wait until it is committed; when that was, by ``time.monotonic``."""
        while store.sequence() == self._before:
            if self._answers.poll(_ASKED_EVERY) and store.sequence() == self._before:
                self.done()
                raise ImportFailedError(f"{self._name}: nothing was changed")
        return time.monotonic()

    def done(self) -> _Done:
        """Wait for its end. Raises ``ImportFailedError``."""
        try:
            done = self._answers.recv()
        except EOFError:
            done = "the process ended"
        self._process.join()
        if not isinstance(done, _Done):
            raise ImportFailedError(f"{self._name}: {done}")
        return done


def _in_force(client: httpx.Client, bank: str, sha256: str, listed: bool) -> float:
    """When the server answers that a bank lists a digest, or no longer does."""
    asked = {"signals": {"sha256": sha256}, "banks": [bank]}
    end = time.monotonic() + _IN_FORCE_WITHIN
    while time.monotonic() < end:
        answer = client.post("/v1/match", json=asked)
        # Right after the commit the server may not know the bank yet.
        if answer.is_success and bool(answer.json()["matches"]) == listed:
            return time.monotonic()
        time.sleep(_ASKED_EVERY)
    raise ImportFailedError(f"{bank} is not in force after {_IN_FORCE_WITHIN:.0f} s")


def _make_change(
    answers: Connection, work: _Work, data: Path, path: Path, bank: str, version: str
) -> None:
    begun = time.perf_counter()
    try:
        with contextlib.closing(open_store(data, create=False, actor="cli:bench")) as store:
            changed = work(store, path, bank, version)
        answers.send(_Done(time.perf_counter() - begun, _peak(), changed))
    except ServiceError as error:
        answers.send(f"{error.code}: {error}")


def _import(store: Store, path: Path, bank: str, version: str) -> int:
    from service.lists.formats import ListReader, file_chunks

    with path.open("rb") as file:
        target = ImportTarget(bank, version=version, create_bank=True)
        diff = store.apply_import(target, ListReader(file_chunks(file)).present())
    return diff.added + diff.updated + diff.removed


def _roll_back(store: Store, path: Path, bank: str, version: str) -> int:
    del path
    diff = store.roll_back(ImportTarget(bank, version=f"{version} again"), version)
    return diff.added + diff.updated + diff.removed


def _peak() -> int:
    """Most memory that this process ever held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere a process may inherit the figure of the one that started it
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
