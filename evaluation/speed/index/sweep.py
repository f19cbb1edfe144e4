"""The index measured over sizes and radii, for the charts.

``lookalike-eval index-sweep`` does it.

Each point is a run of ``bench`` with fewer queries. Beside them stands the machine's own
floor: how fast it reads memory. It knows which points to measure; not how.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from evaluation.base.provenance import machine
from evaluation.speed.index.bench import run
from evaluation.speed.index.engines import PEERS

SIZES: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
RADII: Final = (0, 8, 16, 24, 31, 40, 48, 56, 64, 72, 80, 96)


def read_bandwidth(megabytes: int = 512, repeats: int = 9) -> float:
    """Bytes a second that one core reads of an array too large for caches: the median."""
    array = np.ones(megabytes << 17, np.int64)
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        array.max()
        taken.append(time.perf_counter() - begin)
    return array.nbytes / float(np.median(taken))


DATA: Final = ("random", "clustered")
RIVALS: Final = ("multihash", "ivf", "hnsw", "usearch")


def sweep(
    out: Path,
    points: Iterable[tuple[int, int]],
    radius: int,
    queries: int,
    data: Sequence[str],
    rivals: Iterable[str],
    seeds: Path | None,
) -> None:
    """Measure each of ``points``, (entries, radius), and add it to the file ``out`` at once.

    ``radius``: bits at which ``usearch``, which knows no radius, is measured too. ``seeds``: codes
    to cluster round, a file of NumPy's.
    """
    around = None if seeds is None else np.load(seeds, allow_pickle=False)
    rows: list[dict[str, object]] = []
    if out.exists():
        rows += json.loads(out.read_text())["rows"]
    for entries, bits in points:
        # Graphs know no radius: one of them is enough.
        known = [name for name in rivals if bits == radius or name != "usearch"]
        # MultiHash opens as many buckets as exactness takes: minutes a query beyond this.
        peers = [name for name in known if name in PEERS and (name != "multihash" or bits < 64)]
        report = run(
            entries,
            bits,
            queries=queries,
            data=data,
            peers=peers,
            seeds=around,
            batches=False,
            progress=_say,
        )
        rows += (asdict(row) for row in report.rows)
        written = {
            "machine": machine(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "bytes_read_per_second": read_bandwidth(),
            "rows": rows,
        }
        out.write_text(json.dumps(written, indent=1) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
