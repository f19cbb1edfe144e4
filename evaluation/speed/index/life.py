"""What the index does besides answering: take changes while it is queried, and start again.

``lookalike-eval index-life --entries N`` prints the figures as JSON.

Queries' times are measured in the reading threads, first undisturbed, then while another thread
adds. A restart is a new process, timed from its first instruction to its first answer, with the
files in the page cache. It knows the index's contract; not what makes it fast.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from embeddings.codes import Codes
from index.contract.changes import Additions, Changes
from index.segmented.segmented_index import SegmentedIndex

ADDED: Final = 10_000
READERS: Final = 2
SEEDS: Final = 10_000
SPACE: Final = "bench"


@dataclass(frozen=True)
class LifeReport:
    """Times of an index of so many entries."""

    entries: int
    radius: int
    """Bits, of every query."""
    add_ms: float
    """Of one call that adds ``ADDED`` codes while queries run, median."""
    visible_ms: float
    """From the return of that call to an answer that holds what was added, the longest."""
    p99_before_ms: float
    """Of queries in ``READERS`` threads, undisturbed."""
    p99_while_ms: float
    """Of queries while codes are added and merged."""
    save_s: float
    """Writing all of it to disk."""
    start_s: float
    """A new process, from its first instruction to its first answer."""
    open_s: float
    """Of that, from opening the index: its kernels loaded, its files verified."""

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


def run(
    folder: Path, codes: Codes, radius: int, rounds: int = 8, pause: float = 0.25
) -> LifeReport:
    """Measure an index of ``codes``, uint8 (n, 32), in ``folder``, which should be empty.

    Codes are added ``rounds`` times, every ``pause`` seconds.
    """
    index = SegmentedIndex.open(Path(folder), SPACE, "code")
    count = len(codes)
    begin = time.perf_counter()
    index.rebuild([Additions(np.arange(count), codes, np.zeros(count, np.int32))], 1)
    save_s = time.perf_counter() - begin
    rng = np.random.default_rng(0)
    with _Readers(index, rng.integers(0, 256, (512, 32), np.uint8), radius) as readers:
        time.sleep(rounds * pause)
        before = readers.taken()
        adds, visible = [], []
        for number in range(rounds):
            ids = np.arange(count + ADDED * number, count + ADDED * (number + 1))
            new = rng.integers(0, 256, (ADDED, 32), np.uint8)
            begin = time.perf_counter()
            index.apply(Changes(add=Additions(ids, new, np.zeros(ADDED, np.int32))), number + 2)
            added = time.perf_counter()
            found = index.search(new[-1:], 0).ids.tolist()
            visible.append(time.perf_counter() - added)
            adds.append(added - begin)
            assert found == [int(ids[-1])]
            time.sleep(pause)
        index.settle()
        during = readers.taken()
    index.close()
    start = [_restart(folder) for _ in range(3)]
    best = min(range(3), key=lambda one: start[one][0])
    return LifeReport(
        entries=count,
        radius=radius,
        add_ms=float(np.median(adds)) * 1000,
        visible_ms=max(visible) * 1000,
        p99_before_ms=float(np.quantile(before, 0.99)) * 1000,
        p99_while_ms=float(np.quantile(during, 0.99)) * 1000,
        save_s=save_s,
        start_s=start[best][0],
        open_s=start[best][1],
    )


class _Readers:
    """Threads that query without pause, and how long each query took."""

    def __init__(self, index: SegmentedIndex, queries: Codes, radius: int) -> None:
        self._index, self._queries, self._radius = index, queries, radius
        self._times: list[list[float]] = [[] for _ in range(READERS)]
        self._done = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(reader,)) for reader in range(READERS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def taken(self) -> list[float]:
        """Seconds of every query since the last call."""
        times, self._times = self._times, [[] for _ in range(READERS)]
        return [second for mine in times for second in mine]

    def _read(self, reader: int) -> None:
        turn = reader
        while not self._done.is_set():
            turn = (turn + 1) % len(self._queries)
            begin = time.perf_counter()
            self._index.search(self._queries[turn : turn + 1], self._radius)
            self._times[reader].append(time.perf_counter() - begin)


def _restart(folder: Path) -> tuple[float, float]:
    """(start, open) of a new process, seconds."""
    program = f"from {__name__} import open_and_answer; open_and_answer({str(folder)!r})"
    command = [sys.executable, "-c", program]
    begin = time.monotonic()
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    said = json.loads(run.stdout)
    # The monotonic clock is one for all processes.
    return float(said["answered"]) - begin, float(said["open_s"])


def open_and_answer(folder: str) -> None:
    """The new process: opens the index and answers one query."""
    begin = time.perf_counter()
    with SegmentedIndex.open(Path(folder), SPACE, "code", background=False) as index:
        query = np.zeros((1, 32), np.uint8)
        index.search(query, 31)
        said = {"open_s": time.perf_counter() - begin, "answered": time.monotonic()}
        sys.stdout.write(json.dumps(said))


def measure(entries: int, radius: int, data: str) -> dict[str, object]:
    """Every figure, on ``random`` or ``clustered`` codes."""
    # Not above: the new process must import no more than an index needs.
    from evaluation.base.provenance import machine
    from evaluation.speed.index.code_sets import clustered_codes, correlated_seeds, random_codes

    rng = np.random.default_rng(1)
    if data == "random":
        codes = random_codes(entries, rng)
    else:
        codes = clustered_codes(correlated_seeds(SEEDS, rng), entries, rng)
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder), codes, radius)
    return {"machine": machine(), **report.to_json()}
