"""How fast the index answers, beside FAISS Flat in the same process and the same minute.

Every query is distinct and goes to every engine in turn, Flat's scan first: it drives the others'
data from the caches, so theirs are cold. Times are per query; what counts is an engine's ratio to
Flat, since a busy machine slows both. Every answer is compared with Flat's. It knows nothing of
images or servers.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import Codes
from evaluation.base.provenance import machine
from evaluation.speed.index.code_sets import clustered_codes, correlated_seeds, near, random_codes
from evaluation.speed.index.engines import PEERS, Engine, Flat, OurIndex

BATCH: Final = 32
SEEDS: Final = 10_000

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class IndexRow:
    """One engine on one data set at one radius."""

    data: str
    """``random`` or ``clustered``."""
    entries: int
    radius: int
    """Bits, inclusive."""
    engine: str
    batch: int
    """Queries a call."""
    threads: int
    """The engine may use."""
    p50_ms: float
    """Milliseconds a query."""
    p99_ms: float
    flat_ratio_p50: float
    """How many times less than Flat's p50 it takes."""
    recall: float
    """Of the matches Flat finds, those found; 1 where there are none."""
    wrong: int
    """Matches that are none."""
    matches: float
    """True matches a query, on average."""
    bytes_per_code: float
    build_s: float


@dataclass(frozen=True)
class IndexReport:
    """Every row, and on what they were measured."""

    machine: str
    date: str
    rows: tuple[IndexRow, ...]

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return {
            "machine": self.machine,
            "date": self.date,
            "rows": [asdict(row) for row in self.rows],
        }


def run(
    entries: int,
    radius: int,
    queries: int = 1000,
    data: Sequence[str] = ("random", "clustered"),
    peers: Sequence[str] = (),
    seeds: Codes | None = None,
    threads: int = 2,
    batches: bool = True,
    progress: Progress = silent,
) -> IndexReport:
    """Measure the index, and any ``peers`` (see ``engines.PEERS``), on each kind of ``data``.

    ``seeds``: codes, uint8 (n, 32), that the clustered set gathers round; without them some
    are made up. ``threads``: for the rows that use more than one.
    """
    rows: list[IndexRow] = []
    for number, kind in enumerate(data):
        rng = np.random.default_rng([number, entries, radius])
        progress(f"{kind}: making {entries} codes")
        codes, asked = _codes(kind, entries, queries, radius, seeds, rng)
        engines = _built(entries, radius, peers, codes, progress)
        rows += _rows(kind, engines, codes, asked, radius, 1, 1, progress)
        if batches:
            chosen = {name: engines[name] for name in ("faiss flat", "lookalike")}
            _share(chosen, threads)
            rows += _rows(kind, chosen, codes, asked, radius, 1, threads, progress)[1:]
            rows += _rows(kind, chosen, codes, asked, radius, BATCH, threads, progress)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return IndexReport(machine(), date, tuple(rows))


def _codes(
    kind: str,
    entries: int,
    queries: int,
    radius: int,
    seeds: Codes | None,
    rng: np.random.Generator,
) -> tuple[Codes, Codes]:
    """Entries and queries.

    Half of the random queries are near an entry, each distance as likely.
    """
    if kind == "random":
        codes = random_codes(entries, rng)
        asked = random_codes(queries, rng)
        known = codes[rng.integers(0, entries, queries // 2)]
        asked[::2][: len(known)] = near(known, radius + 8, rng)
        return codes, asked
    if seeds is None:
        seeds = correlated_seeds(SEEDS, rng)
    return clustered_codes(seeds, entries, rng), clustered_codes(seeds, queries, rng)


@dataclass(frozen=True)
class _Built:
    engine: Engine
    seconds: float


def _built(
    entries: int, radius: int, peers: Sequence[str], codes: Codes, progress: Progress
) -> dict[str, _Built]:
    """Engines by name, Flat first."""
    engines: list[Engine] = [Flat(), OurIndex()]
    for name in peers:
        make, most = PEERS[name]
        if entries <= most:
            engines.append(make())
    built = {}
    for engine in engines:
        progress(f"building {engine.name}")
        start = time.perf_counter()
        engine.build(codes, radius)
        built[engine.name] = _Built(engine, time.perf_counter() - start)
    return built


def _share(engines: Mapping[str, _Built], threads: int) -> None:
    """Let our index use ``threads``; Flat stays on one, where it is quickest for one query."""
    ours = engines["lookalike"].engine
    assert isinstance(ours, OurIndex)
    ours.use(threads)


def _rows(
    kind: str,
    engines: Mapping[str, _Built],
    codes: Codes,
    asked: Codes,
    radius: int,
    batch: int,
    threads: int,
    progress: Progress,
) -> list[IndexRow]:
    """Time every engine on every query, in turn."""
    progress(f"{kind}: asking {len(asked)} queries, {batch} at a time, {threads} threads")
    times: dict[str, list[float]] = {name: [] for name in engines}
    found: dict[str, list[NDArray[np.int64]]] = {name: [] for name in engines}
    for built in engines.values():
        built.engine.search(asked[-batch:], radius)
    for start in range(0, len(asked) - batch + 1, batch):
        chunk = asked[start : start + batch]
        for name, built in engines.items():
            begin = time.perf_counter()
            answers = built.engine.search(chunk, radius)
            times[name].append((time.perf_counter() - begin) * 1000 / batch)
            found[name] += answers
    truth = found["faiss flat"]
    matches = sum(len(ids) for ids in truth)
    flat = float(np.median(times["faiss flat"]))
    rows = []
    for name, built in engines.items():
        hit = sum(len(np.intersect1d(a, b)) for a, b in zip(truth, found[name], strict=True))
        p50 = float(np.median(times[name]))
        rows.append(
            IndexRow(
                data=kind,
                entries=len(codes),
                radius=radius,
                engine=name,
                batch=batch,
                threads=min(threads, built.engine.threads),
                p50_ms=p50,
                p99_ms=float(np.quantile(times[name], 0.99)),
                flat_ratio_p50=flat / p50,
                recall=hit / matches if matches else 1.0,
                wrong=sum(len(ids) for ids in found[name]) - hit,
                matches=matches / len(truth),
                bytes_per_code=built.engine.nbytes() / len(codes),
                build_s=built.seconds,
            )
        )
    return rows
