"""A sweep of the index, read and turned into a machine's size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.base.errors import ReportError
from evaluation.notebooks.execution import FOLDER
from evaluation.speed.index import index_speed

FILE = FOLDER / "data" / "index_speed.json"


def _row(entries: int, radius: int, p50: float, **other: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "data": "clustered", "entries": entries, "radius": radius, "engine": "lookalike",
        "batch": 1, "threads": 1, "p50_ms": p50, "p99_ms": 2 * p50, "flat_ratio_p50": 9.0,
        "recall": 1.0, "matches": 0.5, "bytes_per_code": 100.0, "build_s": 1.0,
    }  # fmt: skip
    return row | other


@pytest.fixture
def sweep(tmp_path: Path) -> index_speed.Sweep:
    rows = [
        _row(10_000, 31, 0.1),
        _row(1_000_000, 31, 1.0),
        _row(1_000_000, 40, 5.0),
        _row(1_000_000, 31, 0.001, engine="faiss flat"),
        _row(1_000_000, 31, 0.001, data="random"),
        _row(1_000_000, 31, 0.001, threads=2),
    ]
    path = tmp_path / "sweep.json"
    head = {"machine": "a machine", "date": "2026-01-01", "bytes_read_per_second": 1e10}
    path.write_text(json.dumps({**head, "rows": rows}))
    return index_speed.read(path)


def test_a_size_between_two_points_lies_between_them(sweep: index_speed.Sweep) -> None:
    """On log axes: a hundred times the entries took ten times as long, so ten take 3.2."""
    sized = index_speed.size(sweep, 100_000, 31, queries_per_second=1_000)
    assert sized.p50_ms == pytest.approx(10**-0.5)
    assert sized.p99_ms == pytest.approx(2 * 10**-0.5)
    assert sized.codes == 200_000
    assert sized.memory_mib == pytest.approx(200_000 * 100 / 2**20)
    # 2,000 searches a second of 0.316 ms keep 0.63 of a core busy: two, each half idle.
    assert sized.cores == 2
    assert index_speed.size(sweep, 10_000, 31, 1, indexes=1).cores == 1


def test_beyond_what_was_measured_nothing_is_said(sweep: index_speed.Sweep) -> None:
    with pytest.raises(ReportError, match="measured were 10,000 to 1,000,000"):
        index_speed.size(sweep, 2_000_000, 31, 1)
    with pytest.raises(ReportError, match="radius 48 was not measured"):
        index_speed.size(sweep, 10_000, 48, 1)
    assert index_speed.reaches(sweep, 500_000)
    assert not index_speed.reaches(sweep, 9_999)


def test_what_is_no_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be read"):
        index_speed.read(tmp_path / "none.json")
    for text in ("", "[]", "{}", '{"rows": [{}]}', '{"machine": "", "date": "", "rows": []}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(ReportError, match="not a sweep"):
            index_speed.read(tmp_path / "x.json")


def test_the_sweep_beside_the_notebooks_is_one() -> None:
    sweep = index_speed.read(FILE)
    assert sweep.bytes_read_per_second > 1e9
    ours = sweep.rows[sweep.rows["engine"] == "lookalike"]
    assert (ours["recall"] == 1).all()
    assert ours["entries"].nunique() > 3
    assert ours["radius"].nunique() > 3
    assert index_speed.radius_compared(sweep) in set(ours["radius"])
    assert index_speed.reaches(sweep, 1_000_000)
