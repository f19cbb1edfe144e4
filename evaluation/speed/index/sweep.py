"""The index measured over sizes and radii, for the charts.

``python -m evaluation.speed.index.sweep`` does it.

Each point is a run of ``bench_index`` with fewer queries. Beside them stands the machine's own
floor: how fast it reads memory. It knows which points to measure; not how.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
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


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "out", type=Path, help="JSON file to write, or to add to, after every point"
    )
    parser.add_argument("--seeds", type=Path, help="codes to cluster round: a .npy file")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--radii", type=int, nargs="*", default=list(RADII))
    parser.add_argument("--radius", type=int, default=31, help="at which sizes are compared")
    parser.add_argument(
        "--entries", type=int, default=1_000_000, help="at which radii are compared"
    )
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--data", nargs="*", default=["random", "clustered"])
    parser.add_argument("--peers", nargs="*", default=["multihash", "ivf", "hnsw", "usearch"])
    options = parser.parse_args()
    seeds = None if options.seeds is None else np.load(options.seeds, allow_pickle=False)
    points = [(entries, options.radius) for entries in options.sizes]
    points += [(options.entries, radius) for radius in options.radii]
    rows: list[dict[str, object]] = []
    if options.out.exists():
        rows += json.loads(options.out.read_text())["rows"]
    for entries, radius in points:
        # Graphs know no radius: one of them is enough.
        known = [name for name in options.peers if radius == options.radius or name != "usearch"]
        # MultiHash opens as many buckets as exactness takes: minutes a query beyond this.
        peers = [name for name in known if name in PEERS and (name != "multihash" or radius < 64)]
        report = run(
            entries,
            radius,
            queries=options.queries,
            data=options.data,
            peers=peers,
            seeds=seeds,
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
        options.out.write_text(json.dumps(written, indent=1) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    _main()
