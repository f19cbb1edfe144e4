"""A calibration is read as it was written, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.contract.errors import DamagedFileError
from index.gpu import open_gpu_index
from index.gpu.calibration import DEFAULT, Calibration, load, save


def test_it_is_read_as_it_was_written_and_used(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    measured = Calibration("H200", 48, ((31, 4), (70, 8)), 1)
    save(measured, path)
    assert load(path) == measured
    assert open_gpu_index("cpu", path).shards[0].engine.calibration == measured


def test_so_many_planes_are_read_first_that_few_codes_survive() -> None:
    assert [DEFAULT.planes(radius) for radius in (0, 31, 32, 48, 49, 64, 65, 256)] == [
        *(4, 4, 5, 5, 7, 7, 8, 8)
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"matrix_from": 0},
        {"matrix_from": "many"},
        {"tile": 9},
        {"first": [[31, 6]]},
        {"first": [[48, 4], [31, 5]]},
        {"first": 3},
        {"more": 1},
    ],
)
def test_values_that_none_can_have_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "calibration.json"
    save(DEFAULT, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DamagedFileError, match=r"calibration\.json"):
        load(path)
    path.write_text("{")
    with pytest.raises(DamagedFileError):
        load(path)
    with pytest.raises(DamagedFileError):
        load(tmp_path / "missing.json")
