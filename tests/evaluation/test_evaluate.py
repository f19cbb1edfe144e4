"""The whole measurement, on the project's own pictures and with encoders whose answer is known."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
import tarfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from evaluation.base import terminal
from evaluation.base.errors import ReportError
from evaluation.base.hashers import DescriptorHasher, Hasher, Hashes, Images, PdqHasher, Space
from evaluation.base.results import EditRow, Estimate, EvaluationResult
from evaluation.copies.evaluate import evaluate
from evaluation.corpora import samples
from evaluation.corpora.corpus import Corpus, open_corpus
from evaluation.showing import report

pytestmark = pytest.mark.slow


def _thumbnails(images: Images) -> NDArray[np.float32]:
    rows = []
    for image in images:
        small = Image.fromarray(image).convert("L").resize((12, 12), Image.Resampling.BOX)
        rows.append(np.asarray(small, np.float32).ravel())
    values = np.stack(rows)
    return np.asarray(values - values.mean(axis=1, keepdims=True), np.float32)


class _Constant:
    """The same code for every picture."""

    def __init__(self, radius: int | None = None) -> None:
        self.spaces = (Space("constant", "code", radius),)

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        values = np.zeros((len(images), 32), np.uint8)
        return {"constant": Hashes(values, np.ones(len(images), bool))}

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        return self(images)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photographs, 24 drawings, a damaged file; folders tell their kind."""
    path = tmp_path_factory.mktemp("corpus") / "pictures.tar"
    with tarfile.open(path, "w") as tar:
        for sample in [*samples.photographs(), *islice(samples.drawings(), 24)]:
            small = sample.image.copy()
            small.thumbnail((160, 160))
            buffer = io.BytesIO()
            small.save(buffer, "PNG")
            member = tarfile.TarInfo(f"{sample.kind}/{sample.name}.png")
            member.size = buffer.tell()
            tar.addfile(member, io.BytesIO(buffer.getvalue()))
        member = tarfile.TarInfo("photo/damaged.png")
        member.size = 20
        tar.addfile(member, io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(12)))
    return path


@pytest.fixture(scope="module")
def corpus(archive: Path) -> Corpus:
    return open_corpus(archive)


@pytest.fixture(scope="module")
def result(corpus: Corpus) -> EvaluationResult:
    hashers: list[Hasher] = [PdqHasher(), DescriptorHasher("thumbnail", _thumbnails)]
    return evaluate(corpus, hashers, samples=50, edits_per_family=2)


def test_every_part_is_reported_for_every_space(result: EvaluationResult) -> None:
    parts = {(row.space, row.kind, row.family) for row in result.rows}
    assert parts == {
        (space, kind, family)
        for space in ("pdq", "thumbnail")
        for kind in ("all", "photo", "nonphoto")
        for family in ("all", "mild", "heavy", "chains")
    }
    whole = {row.space: row for row in result.rows if (row.kind, row.family) == ("all", "all")}
    assert whole["pdq"].queries == result.counts.queries
    assert whole["pdq"].outside == result.counts.outside_queries
    references = result.counts.references
    assert whole["pdq"].pairs == (
        result.counts.queries * (references - 1) + result.counts.outside_queries * references
    )
    assert {row.spaces for row in result.joint} == {
        ("pdq",),
        ("thumbnail",),
        ("pdq", "thumbnail"),
    }


def test_what_is_shipped_is_measured_at_its_own_radii_and_peers_are_not(
    result: EvaluationResult, corpus: Corpus
) -> None:
    """PDQ alone agrees with its row at 31 bits; beside a code that flags all, all is flagged."""
    alone = {(row.kind, row.family): row for row in result.shipped}
    assert {row.spaces for row in result.shipped} == {("pdq",)}
    for row in result.rows:
        if row.space == "pdq":
            at = next(one for one in row.at_radii if one.radius == 31)
            shipped = alone[row.kind, row.family]
            assert (shipped.radii, shipped.queries) == ((31,), row.queries)
            assert shipped.recall.value == pytest.approx(at.recall.value)
            assert shipped.false_queries.value == pytest.approx(at.false_queries)
    everything = evaluate(corpus, [PdqHasher(), _Constant(radius=0)], samples=5)
    assert {row.spaces for row in everything.shipped} == {("pdq", "constant")}
    assert {(row.recall.value, row.false_queries.value) for row in everything.shipped} == {(1, 1)}
    assert "pdq ≤ 31 bits or constant ≤ 0 bits" in report.as_text(everything)


def test_few_copies_of_an_edit_show_no_interval(result: EvaluationResult) -> None:
    """From a few copies that are all found, 1.00-1.00 would promise too much."""
    sure = Estimate(1.0, 1.0, 1.0)
    edits = tuple(
        EditRow(space, "all", "mild", f"seen-{queries}", queries, sure)
        for space in result.provenance.spaces
        for queries in (9, 10)
    )
    text = report.as_text(dataclasses.replace(result, edits=edits))
    assert re.search(r"seen-9 +9 +1\.000 +1\.000$", text, re.MULTILINE)
    assert re.search(r"seen-10 +10 +1\.000 1\.00-1\.00 +1\.000 1\.00-1\.00$", text, re.MULTILINE)


def test_kinds_and_families_add_up_to_the_whole(result: EvaluationResult) -> None:
    rows = {(row.kind, row.family): row.queries for row in result.rows if row.space == "pdq"}
    assert rows["photo", "all"] + rows["nonphoto", "all"] == rows["all", "all"]
    assert sum(rows["all", family] for family in ("mild", "heavy", "chains")) == rows["all", "all"]
    edits = [row for row in result.edits if row.space == "pdq" and row.kind == "all"]
    assert sum(row.queries for row in edits) == rows["all", "all"]


def test_a_damaged_picture_is_counted_and_left_out(result: EvaluationResult) -> None:
    assert sum(result.counts.skipped.values()) == 1
    assert result.counts.images == 35
    assert result.counts.references + result.counts.outsiders == 34
    assert result.counts.by_kind == {"photo": 10, "nonphoto": 24}


def test_pdq_finds_mild_copies_and_loses_chains(result: EvaluationResult) -> None:
    rows = {row.family: row for row in result.rows if row.space == "pdq" and row.kind == "all"}
    assert rows["mild"].average_precision.value > 0.75
    assert rows["chains"].average_precision.value < 0.4
    for row in result.rows:
        estimate = row.average_precision
        assert estimate.low <= estimate.high
        assert estimate.value - estimate.low >= -0.05
        recalls = [one.recall.value for one in row.at_radii]
        assert recalls == sorted(recalls)


def test_equal_seeds_measure_the_same_and_other_seeds_something_else(corpus: Corpus) -> None:
    def rows(seed: int) -> object:
        found = evaluate(corpus, [PdqHasher()], samples=20, seed=seed)
        return found.rows, found.edits, found.joint

    assert repr(rows(3)) == repr(rows(3))
    assert repr(rows(3)) != repr(rows(4))


def test_a_hash_that_is_the_same_for_everything_scores_as_badly_as_it_is(corpus: Corpus) -> None:
    """All ties, all decided for the worst: nothing is first, and no radius keeps to a rate."""
    found = evaluate(corpus, [_Constant()], samples=20)
    for row in found.rows:
        assert row.first.value == 0
        assert row.at_query_rate.radius == -1
        assert row.at_query_rate.recall.value == 0
        assert row.average_precision.value < 0.1
    assert all(row.recall.value == 0 for row in found.joint)


def test_a_corpus_of_one_kind_has_no_split(tmp_path: Path) -> None:
    for sample in islice(samples.drawings(), 12):
        small = sample.image.copy()
        small.thumbnail((80, 80))
        small.save(tmp_path / f"{sample.name}.png")
    found = evaluate(open_corpus(tmp_path), [PdqHasher()], samples=10)
    assert {row.kind for row in found.rows} == {"all"}
    assert "12 unlabelled" in report.as_text(found)


def test_the_report_fits_a_terminal_and_says_where_it_comes_from(
    archive: Path, tmp_path: Path
) -> None:
    stages: list[tuple[str, int, int]] = []
    out, file = tmp_path / "made" / "for it", tmp_path / "also" / "figures.json"
    found = report.evaluate_images(
        archive,
        out,
        file,
        progress=lambda *stage: stages.append(stage),
        hashers=[DescriptorHasher("thumbnail", _thumbnails)],
        samples=20,
        command="lookalike evaluate --images pictures.tar",
    )
    text = (out / "report.txt").read_text()
    assert text == report.as_text(found)
    assert max(len(line) for line in text.splitlines()) <= terminal.WIDTH
    assert "…" not in text
    for words in (
        "pictures.tar: 35 images",
        "1 unreadable_image",
        "photographs",
        "jpeg-5",
        "pdq or thumbnail",
        "command: lookalike evaluate",
        found.provenance.date,
    ):
        assert words in text
    figures = json.loads(file.read_text())
    assert figures == json.loads((out / "report.json").read_text())
    assert figures["provenance"]["spaces"] == ["pdq", "thumbnail"]
    assert figures["counts"]["references"] == found.counts.references
    assert {stage for stage, _, _ in stages} == {
        "editing and hashing", "comparing pdq", "comparing thumbnail", "summarising"
    }  # fmt: skip
    assert all(0 <= done <= total for _, done, total in stages)


def test_what_is_not_a_number_is_null_in_json(result: EvaluationResult) -> None:
    def numbers(value: object) -> list[float]:
        if isinstance(value, dict):
            return [one for item in value.values() for one in numbers(item)]
        if isinstance(value, list):
            return [one for item in value for one in numbers(item)]
        return [value] if isinstance(value, float) else []

    plain = result.to_json()
    assert all(math.isfinite(number) for number in numbers(plain))
    assert any(row.queries == 0 and math.isnan(row.recall.value) for row in result.edits)
    assert any(row["queries"] == 0 and row["recall"]["value"] is None for row in plain["edits"])


def test_a_report_that_cannot_be_written_is_refused_before_measuring(
    archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    stages: list[str] = []
    with pytest.raises(ReportError, match="cannot be written"):
        report.evaluate_images(
            archive, tmp_path / "file", progress=lambda stage, _d, _t: stages.append(stage)
        )
    assert not stages
