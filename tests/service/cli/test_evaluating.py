"""``lookalike evaluate`` and ``bench`` reach the measurements and write what they found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.corpora import samples

pytestmark = pytest.mark.slow

Command = Callable[..., Any]


def test_a_report_is_printed_and_written(lookalike: Command, tmp_path: Path) -> None:
    drawn = samples.drawing_names()[:5]
    for sample in (*samples.photographs(), *map(samples.drawing, drawn)):
        path = tmp_path / "images" / sample.kind / f"{sample.name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        sample.image.reduce(3).save(path)
    said = lookalike("evaluate", "--images", "images", "--json", "r.json", "--out", "report")
    assert said.code == 0
    assert said.err.splitlines() == [
        "written: report/report.txt, report/report.json",
        "written: r.json",
    ]
    assert max(map(len, said.out.splitlines())) <= 100
    assert "pdq" in said.out
    written = json.loads((tmp_path / "r.json").read_text())
    assert written["counts"]["images"] == len(drawn) + len(samples.photograph_names())
    assert written == json.loads((tmp_path / "report" / "report.json").read_text())
    assert (tmp_path / "report" / "report.txt").read_text().split() == said.out.split()


def test_images_that_are_not_there_are_one_line(lookalike: Command) -> None:
    said = lookalike("evaluate", "--images", "nowhere")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error (corpus): nowhere")
    assert len(said.err.splitlines()) == 1


def test_encoding_is_measured_part_by_part(lookalike: Command, tmp_path: Path) -> None:
    said = lookalike("bench", "encode", "--repeats", "1", "--json", "encode.json")
    assert said.code == 0
    report = json.loads((tmp_path / "encode.json").read_text())
    parts = {"decode", "digests", "pdq", "structure", "prepare", "network", "imagery"}
    assert set(report["parts"]) == parts
    assert report["ratio"] == report["whole"] / report["network"]
    assert abs(report["pixels"] - 1_000_000) < 10_000
    for part in report["parts"]:
        assert part in said.out
    gains = report["side_by_side"]["gains"]
    both = {"bytes to fingerprint", "the machine itself"}
    assert {gain["part"] for gain in gains} == {*report["parts"], *both}
    assert all(set(gain["threads"]) == {"1", "2", "4"} for gain in gains)
    whole = [gain["processes"] for gain in gains if gain["part"] in both]
    assert [set(processes) for processes in whole] == [{"1", "2"}] * 4
    assert max(map(len, said.out.splitlines()[11:])) <= 80


def test_the_index_is_measured_beside_flat_and_agrees_with_it(
    lookalike: Command, tmp_path: Path
) -> None:
    said = lookalike(
        "bench",
        "index",
        "--entries",
        "2000",
        "--radius",
        "20",
        "--queries",
        "64",
        "--json",
        "i.json",
    )
    assert said.code == 0
    assert max(map(len, said.out.splitlines()[1:])) <= 100
    rows = json.loads((tmp_path / "i.json").read_text())["rows"]
    assert {row["engine"] for row in rows} == {"faiss flat", "lookalike"}
    assert {(row["recall"], row["wrong"]) for row in rows} == {(1.0, 0)}
    assert lookalike("bench", "index", "--peer", "abacus").code == 2


@pytest.mark.slow
def test_imports_are_measured_until_they_are_in_force(lookalike: Command, tmp_path: Path) -> None:
    said = lookalike("bench", "import", "--entries", "4000", "--json", "imports.json")
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    steps = json.loads((tmp_path / "imports.json").read_text())["steps"]
    changed = {step["name"]: step["changed"] for step in steps}
    assert changed == {
        "csv, first version": 4000,
        "csv, 1,000 changes": 1000,
        "csv, rolled back": 1000,
        "vic, first version": 4000,
        "ncmec, first version": 4000,
    }
    assert all(step["in_force"] > 0 and step["peak_mb"] > 0 for step in steps)
    assert lookalike("bench", "import", "--format", "abacus").code == 2
