"""FAISS's binary index on a GPU beside ours: k nearest, in the same run, where its wheel is there

FAISS's index knows no radius, no groups and no removal, so k nearest is all there is to compare.
Its distances are compared with ours: ties may be other ids. It knows both indexes; not bars.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from embeddings.codes import CODE_BITS, Codes
from evaluation.base.errors import WrongAnswerError
from index.gpu.calibration import Calibration
from index.gpu.resident import GpuIndex

K: Final = 10
_RUNS: Final = 7


@dataclass(frozen=True)
class PeerRow:
    """Both indexes on the same codes."""

    entries: int
    batch: int
    k: int
    ms: float
    """Ours, median."""
    faiss_ms: float
    ratio: float
    """How many times as fast ours is."""


def peer_rows(
    devices: Sequence[str],
    entries: int,
    batches: Sequence[int],
    calibration: Calibration,
    rng: np.random.Generator,
) -> tuple[list[PeerRow], str]:
    """A row for each batch size; or none, and why. Raises ``WrongAnswerError``."""
    try:
        faiss: Any = importlib.import_module("faiss")
    except ImportError:
        return [], "FAISS is not installed: nothing stands beside our figures"
    if not hasattr(faiss, "GpuIndexBinaryFlat"):
        return [], "this FAISS has no GpuIndexBinaryFlat: nothing stands beside our figures"
    codes = rng.integers(0, 256, (entries, 32), np.uint8)
    ours = GpuIndex(devices[:1], calibration)
    ours.add(np.arange(entries), codes, np.zeros(entries, np.int32))
    theirs = faiss.GpuIndexBinaryFlat(faiss.StandardGpuResources(), CODE_BITS)
    theirs.add(codes)
    rows = []
    for batch in batches:
        times: tuple[list[float], list[float]] = ([], [])
        for run in range(_RUNS + 2):
            asked: Codes = rng.integers(0, 256, (batch, 32), np.uint8)
            hits, mine = _taken(partial(ours.nearest, asked, K))
            (bits, _), their = _taken(partial(theirs.search, asked, K))
            if not np.array_equal(hits.distances.reshape(batch, K), bits):
                raise WrongAnswerError(f"FAISS has other distances than ours, batch {batch}")
            if run >= 2:
                times[0].append(mine)
                times[1].append(their)
        mine, their = (float(np.median(taken)) * 1000 for taken in times)
        rows.append(PeerRow(entries, batch, K, mine, their, their / mine))
    ours.close()
    return rows, ""


def _taken(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - start
