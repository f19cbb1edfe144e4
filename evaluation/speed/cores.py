"""How much more several threads, or processes, fingerprint than one, part by part.

Each part is repeated by one, two and four threads in turn, round after round, so that a busy
machine slows all alike and their ratio stays true; whole fingerprints by one and by two processes
as well. What a part does not gain from a second thread is time in which only one thread can work,
most of it while holding the interpreter's lock: its *serial share*, by Amdahl's law.

Two processors of a virtual machine may be one core of the real one, or lose it to a neighbour for a
while. So in the same rounds the machine itself is measured: products of small matrices, which share
nothing and wait for nothing. What they gain from a second thread or process is the most that
anything can. It knows how to keep cores busy; the parts are ``encode``'s.
"""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from typing import Final

import numpy as np
from threadpoolctl import ThreadpoolController

from embeddings.cores import available_cores
from embeddings.files.images import ImageLimits, decode
from embeddings.fingerprint import Fingerprinter
from embeddings.hashes import digests, pdq, structure
from embeddings.network.encoder import NetworkEncoder, load_encoder
from embeddings.network.imagery import load_imagery
from evaluation.speed.encode import PIXELS, jpeg_photographs

THREADS: Final = (1, 2, 4)
PROCESSES: Final = (1, 2)
SIZES: Final = (PIXELS, 256 * 256)
"""Pixels of the photographs: of small ones, more of the time is Python's."""
WHOLE: Final = "bytes to fingerprint"
MACHINE: Final = "the machine itself"

Work = Sequence[Callable[[], object]]
"""The same work on several images."""


@dataclass(frozen=True)
class Gain:
    """One part, side by side."""

    part: str
    pixels: int
    """Of an image, about."""
    milliseconds: float
    """Of one image on one thread."""
    threads: Mapping[int, float]
    """Threads to how many times as much as one they do."""
    processes: Mapping[int, float] = field(default_factory=dict)
    """Likewise; empty where it was not measured: for all but the whole and the machine."""

    def serial(self, cores: int) -> float:
        """The share, 0 to 1, of one thread's time that a second one cannot use on ``cores``."""
        return serial_share(self.threads[2], min(2, cores))


@dataclass(frozen=True)
class CoresReport:
    """What a machine's cores do for fingerprints."""

    cores: int
    rounds: int
    gains: tuple[Gain, ...]

    def to_json(self) -> dict[str, object]:
        """The same as plain values, with each part's serial share."""
        gains = [asdict(gain) | {"serial": gain.serial(self.cores)} for gain in self.gains]
        return {"cores": self.cores, "rounds": self.rounds, "gains": gains}


def serial_share(gain: float, workers: int) -> float:
    """The share of work that is done by one at a time, where ``workers`` do ``gain`` times as much
    as one: Amdahl's law, within 0..1. One worker shows nothing: 0."""
    if workers < 2:
        return 0.0
    return min(1.0, max(0.0, (workers / gain - 1) / (workers - 1)))


def run(encoder: NetworkEncoder, rounds: int = 5, seconds: float = 0.2) -> CoresReport:
    """Measure every part for ``seconds`` with each number of threads, ``rounds`` times."""
    gains = []
    limits = ImageLimits()
    on_cpu = encoder.device.startswith("cpu")
    for pixels in SIZES:
        files = jpeg_photographs(pixels)
        rates: dict[str, list[dict[int, float]]] = {}
        with _one_thread_a_product():
            for _ in range(rounds):
                for name, work in _parts(encoder, files, limits).items():
                    round_ = {threads: together(work, threads, seconds) for threads in THREADS}
                    rates.setdefault(name, []).append(round_)
        processes = _processes(pixels, rounds, 2 * seconds) if on_cpu else {}
        for name, rounds_ in rates.items():
            one = statistics.median(round_[1] for round_ in rounds_)
            times = {n: statistics.median(r[n] / r[1] for r in rounds_) for n in THREADS}
            gains.append(Gain(name, pixels, 1000 / one, times, processes.get(name, {})))
    return CoresReport(available_cores(), rounds, tuple(gains))


def together(work: Work, threads: int, seconds: float) -> float:
    """Pieces of work a second that so many threads finish together."""
    start, until = threading.Barrier(threads), 0.0
    finished = [0] * threads

    def repeat(number: int) -> None:
        nonlocal until
        if start.wait() == 0:
            until = time.perf_counter() + seconds
        start.wait()
        for turn in count(number):
            if time.perf_counter() >= until:
                return
            work[turn % len(work)]()
            finished[number] += 1

    running = [threading.Thread(target=repeat, args=(number,)) for number in range(threads)]
    began = time.perf_counter()
    for one in running:
        one.start()
    for one in running:
        one.join()
    return sum(finished) / (time.perf_counter() - began)


def _parts(encoder: NetworkEncoder, files: Sequence[bytes], limits: ImageLimits) -> dict[str, Work]:
    imagery = load_imagery()
    fingerprinter = Fingerprinter([encoder], imagery, limits)
    images = [decode(data, limits).rgb for data in files]
    prepared = [encoder.prepare([image])[0] for image in images]
    return {
        "decode": [partial(decode, data, limits) for data in files],
        "digests": [partial(digests.digests, data) for data in files],
        "pdq": [partial(pdq.pdq, image) for image in images],
        "structure": [partial(structure.structure, image) for image in images],
        "prepare": [partial(encoder.prepare, [image]) for image in images],
        "network": [partial(encoder.encode, [small]) for small in prepared],
        "imagery": [partial(imagery.photographic, [image]) for image in images],
        WHOLE: [partial(fingerprinter.fingerprint, data) for data in files],
        MACHINE: [_products],
    }


def _products() -> None:
    """Work for about a millisecond that stays in a core's own caches."""
    one = np.full((128, 128), 0.5, np.float32)
    out = np.empty_like(one)
    for _ in range(16):
        np.dot(one, one, out)


def _one_thread_a_product() -> AbstractContextManager[object]:
    limiter: AbstractContextManager[object] = ThreadpoolController().limit(
        limits=1, user_api="blas"
    )
    return limiter


def _processes(pixels: int, rounds: int, seconds: float) -> dict[str, dict[int, float]]:
    """Of the whole and of the machine: processes to how many times as much as one they do."""
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(pixels)) for _ in range(max(PROCESSES))]
        for worker in workers:
            worker.recv()  # it is ready
        gains: dict[str, dict[int, list[float]]] = {WHOLE: {}, MACHINE: {}}
        for _ in range(rounds):
            for name, found in gains.items():
                rates = {}
                for number in PROCESSES:
                    for worker in workers[:number]:
                        worker.send((name, seconds))
                    rates[number] = sum(worker.recv() for worker in workers[:number])
                for number, rate in rates.items():
                    found.setdefault(number, []).append(rate / rates[1])
        return {
            name: {number: statistics.median(several) for number, several in found.items()}
            for name, found in gains.items()
        }


@contextmanager
def _worker(pixels: int) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, pixels), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed
    try:
        yield ours
    finally:
        ours.close()
        process.join()


def _work(orders: Connection, pixels: int) -> None:
    """Do one part for as many seconds as is ordered, and answer how many times a second."""
    parts = _parts(load_encoder("cpu"), jpeg_photographs(pixels), ImageLimits())
    for name in (WHOLE, MACHINE):
        parts[name][0]()
    orders.send(0.0)
    with _one_thread_a_product():
        while True:
            try:
                name, seconds = orders.recv()
            except EOFError:
                return
            orders.send(together(parts[name], 1, seconds))
