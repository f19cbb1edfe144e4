"""The benchmark of devices checks what it times, says when there is none, and judges by bars."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from evaluation.base.errors import NoGpuError, WrongAnswerError
from evaluation.speed.gpu import bench, encode, table
from evaluation.speed.gpu.bench import bars
from evaluation.speed.gpu.encode import EncodeRow
from evaluation.speed.gpu.peer import PeerRow
from evaluation.speed.gpu.search import SearchRow, filled, timed
from index.contract.hits import first
from index.contract.interface import Hits
from index.gpu.calibration import load
from index.gpu.resident import GpuIndex
from service.cli.app import build

pytestmark = pytest.mark.slow


def test_the_miniature_measures_everything_and_claims_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [EncodeRow("m", 224, "float16", 2, 1.0, 1.0, 1)]
    with (
        mock.patch.object(bench, "encode_rows", return_value=rows),
        mock.patch.object(bench, "RADII", (31,)),
        mock.patch.object(bench, "NEIGHBOURS", (10,)),
    ):
        files = tmp_path / "all.json", tmp_path / "calibration.json"
        table.main(["--cpu", "--json", str(files[0]), "--calibration", str(files[1])])
    shown = capsys.readouterr().out
    assert "mean nothing" in shown
    assert "r = 31" in shown
    document = json.loads(files[0].read_text())
    assert (document["miniature"], document["bars"]) == (True, [])
    assert {row["batch"] for row in document["searches"]} == {1, 16}
    assert all(row["planted"] and row["checked"] and row["ms"] > 0 for row in document["searches"])
    assert load(files[1]).device == "cpu"
    assert max(map(len, shown.splitlines())) <= 100


def test_what_was_measured_is_kept_when_the_rest_fails(tmp_path: Path) -> None:
    """A device lent for minutes is taken back in the middle."""
    files = tmp_path / "all.json", tmp_path / "calibration.json"
    with (
        mock.patch.object(bench, "encode_rows", side_effect=KeyboardInterrupt),
        mock.patch.object(bench, "RADII", (31,)),
        mock.patch.object(bench, "NEIGHBOURS", (10,)),
        pytest.raises(KeyboardInterrupt),
    ):
        table.main(["--cpu", "--json", str(files[0]), "--calibration", str(files[1])])
    document = json.loads(files[0].read_text())
    assert {row["entries"] for row in document["searches"]} == {2_000, 9_000}
    assert document["encoder"] == []
    assert load(files[1]).device == "cpu"


def test_it_needs_only_what_a_bare_machine_with_torch_has() -> None:
    """No FAISS, numba, OpenVINO, no server: the program runs from a clone."""
    absent = (
        "faiss", "numba", "openvino", "scipy", "fastapi", "sqlalchemy", "alembic",
        "typer", "pydantic", "orjson", "httpx", "prometheus_client", "uvicorn",
    )  # fmt: skip
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}));"
        "from evaluation.speed.gpu.table import main; main(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--calibration" in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device_it_says_so_by_name() -> None:
    with pytest.raises(NoGpuError, match="--cpu"):
        bench.run()
    answer = CliRunner().invoke(build(), ["bench", "gpu"])
    assert answer.exit_code == 1
    assert "no_gpu" in answer.output


@pytest.mark.parametrize("kind", ["radius", "nearest"])
@pytest.mark.parametrize("fault", ["none", "one missing", "one bit off"])
def test_a_wrong_answer_is_never_timed(kind: str, fault: str) -> None:
    index = GpuIndex(["cpu", "cpu"])
    filled(index, 700)
    search, nearest = index.search, index.nearest

    def faulty(codes: np.ndarray, value: int) -> Hits:
        hits = search(codes, value) if kind == "radius" else nearest(codes, value)
        if fault == "one missing":
            return first(hits, max(int(np.diff(hits.offsets).max()) - 1, 0))
        return Hits(hits.offsets, hits.ids, hits.groups, hits.distances + 1)

    rng = np.random.default_rng(2)
    if fault == "none":
        times, checked, planted = timed(index, 3, kind, 9, 2, rng)
        assert (len(times), checked, planted) == (2, 4, 12)
        return
    name = "search" if kind == "radius" else "nearest"
    with mock.patch.object(index, name, faulty), pytest.raises(WrongAnswerError):
        timed(index, 3, kind, 9, 2, rng)


def measured(entries: int, batch: int, ms: float, read: float, floor: float) -> SearchRow:
    return SearchRow(entries, batch, "radius", 31, ms, ms, 1.0, read, floor, 2, 3)


def test_bars_are_judged_by_the_worst_figure() -> None:
    searches = [
        measured(100_000_000, 1, 1, 0.9, 0.1),
        measured(100_000_000, 1, 1, 0.7, 0.1),
        measured(100_000_000, 4, 1, 0.8, 0.1),
        measured(1_000_000_000, 16, 19.9, 1, 0.1),
        measured(1_000_000_000, 4096, 900, 1, 0.61),
    ]
    peers = [PeerRow(9, 1, 10, 1, 1, 1.1), PeerRow(9, 256, 10, 1, 1, 2.9)]
    encoder = [EncodeRow("m", 224, "bfloat16", 256, 20_000, 0.5, 11)]
    judged = [(bar.what, bar.verdict) for bar in bars(searches, peers, encoder)]
    assert judged == [
        ("100M codes, batch 1, radius search", "fail"),
        ("100M codes, batch 4, radius search", "pass"),
        ("1B codes, batch 16", "pass"),
        ("batch 4096", "pass"),
        ("FAISS, batch 256 and above", "fail"),
        ("FAISS, batch 1", "pass"),
        ("encoder, bfloat16", "pass"),
        ("encoder, bfloat16", "fail"),
        ("encoder, float16", "not measured"),
        ("encoder, float16", "not measured"),
    ]
    assert {bar.verdict for bar in bars([], [], [])} == {"not measured"}


def test_precisions_are_compared_with_float32() -> None:
    rows = {row.precision: row for row in encode.encode_rows("cpu")}
    assert rows["float32"].most_bits == 0
    assert rows["float16"].within_four == 1.0
    assert min(row.images_per_second for row in rows.values()) > 0
