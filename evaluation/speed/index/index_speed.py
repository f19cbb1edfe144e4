"""A sweep of the index as a frame, and what it says of the machine one needs.

Reads what ``sweep_index`` writes. Between measured points times are interpolated, on log axes;
beyond them nothing is said. It knows nothing of how a sweep is measured or drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from evaluation.base.errors import ReportError

COLUMNS: Final = (
    "data", "entries", "radius", "engine", "batch", "threads", "p50_ms", "p99_ms",
    "flat_ratio_p50", "recall", "matches", "bytes_per_code", "build_s",
)  # fmt: skip
"""Of the rows of a sweep; see ``bench_index.IndexRow``."""

_BUSY: Final = 0.5
"""Share of a core's time that queries may take: beyond it they wait for each other."""


@dataclass(frozen=True)
class Sweep:
    """What was measured, on what."""

    machine: str
    date: str
    bytes_read_per_second: float
    """By one core, from memory: the floor of any scan."""
    rows: pd.DataFrame
    """With ``COLUMNS``."""


@dataclass(frozen=True)
class Sizing:
    """What a list of a size and a traffic ask of a machine."""

    entries: int
    codes: int
    """Codes and PDQ hashes together: each is a row of an index."""
    memory_mib: float
    """Of the indexes alone."""
    p50_ms: float
    """Of one query of one index."""
    p99_ms: float
    cores: int
    """For searching alone, at half of their time."""


def read(path: Path) -> Sweep:
    """The sweep in a JSON file. Raises ``ReportError`` if it is none."""
    try:
        values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = pd.DataFrame.from_records(values["rows"])[list(COLUMNS)]
        return Sweep(
            str(values["machine"]),
            str(values["date"]),
            float(values["bytes_read_per_second"]),
            rows,
        )
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path}: not a sweep of the index ({error!r})") from error


def radius_compared(sweep: Sweep) -> int:
    """The radius at which most sizes were measured, bits."""
    return _commonest(sweep, "radius", "entries")


def entries_compared(sweep: Sweep) -> int:
    """The number of entries at which most radii were measured."""
    return _commonest(sweep, "entries", "radius")


def _commonest(sweep: Sweep, column: str, counted: str) -> int:
    number = sweep.rows.groupby(column)[counted].nunique()
    return int(number.index[int(number.to_numpy().argmax())])


def reaches(sweep: Sweep, entries: int) -> bool:
    """Whether ``entries`` lie between the sizes that were measured."""
    rows = sweep.rows[sweep.rows["radius"] == radius_compared(sweep)]
    return bool(rows["entries"].min() <= entries <= rows["entries"].max())


def size(
    sweep: Sweep,
    entries: int,
    radius: int,
    queries_per_second: float,
    *,
    indexes: int = 2,
    data: str = "clustered",
) -> Sizing:
    """What ``entries`` and so many queries a second take, in ``indexes`` (PDQ and a code: 2).

    ``data``: ``clustered``, as real codes are, or ``random``. Raises ``ReportError`` where the
    sweep does not reach.
    """
    rows = sweep.rows[(sweep.rows["engine"] == "lookalike") & (sweep.rows["data"] == data)]
    rows = rows[(rows["batch"] == 1) & (rows["threads"] == 1)]
    at = rows[rows["radius"] == radius].drop_duplicates("entries", keep="last")
    at = at.sort_values("entries")
    if at.empty:
        known = sorted(set(rows["radius"]))
        raise ReportError(f"radius {radius} was not measured, only {known}")
    sizes = at["entries"].to_numpy(float)
    if not sizes[0] <= entries <= sizes[-1]:
        raise ReportError(f"{entries:,} entries: measured were {sizes[0]:,.0f} to {sizes[-1]:,.0f}")

    def between(column: str) -> float:
        values = np.log(at[column].to_numpy(float))
        return float(np.exp(np.interp(np.log(entries), np.log(sizes), values)))

    p50 = between("p50_ms")
    busy = queries_per_second * indexes * p50 / 1000
    return Sizing(
        entries,
        entries * indexes,
        between("bytes_per_code") * entries * indexes / 2**20,
        p50,
        between("p99_ms"),
        max(1, int(np.ceil(busy / _BUSY))),
    )
