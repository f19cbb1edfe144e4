"""Tidy frames: the same numbers as the report's, from a folder, a notebook or the command line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from embeddings.codes import from_descriptors
from evaluation.base.errors import ReportError
from evaluation.base.hashers import Hasher, Hashes, Images, PdqHasher, Space
from evaluation.base.results import EvaluationResult
from evaluation.copies.evaluate import evaluate
from evaluation.corpora.corpus import open_corpus
from evaluation.corpora.sample_corpus import sample_corpus
from evaluation.showing import frames


class _Means:
    """A code that is quick to make: signs of mean colours against the picture's own."""

    spaces = (Space("means", "code", 40),)

    def __call__(self, images: Images) -> Mapping[str, Hashes]:
        rows = []
        for image in images:
            height, width = image.shape[0] // 8 * 8, image.shape[1] // 8 * 8
            cells = image[:height, :width].reshape(8, height // 8, 8, width // 8, 3)
            means = cells.mean(axis=(1, 3)).astype(np.float32)
            four = np.concatenate([means, means.mean(axis=2, keepdims=True)], axis=2).ravel()
            rows.append(four - np.median(four))
        codes = from_descriptors(np.stack(rows))
        return {"means": Hashes(codes, np.ones(len(codes), bool))}

    def listed(self, images: Images) -> Mapping[str, Hashes]:
        return self(images)


HASHERS: list[Hasher] = [PdqHasher(), _Means()]


@pytest.fixture(scope="module")
def result() -> EvaluationResult:
    return evaluate(sample_corpus(small=True), HASHERS, samples=20)


@pytest.fixture(scope="module")
def frame(result: EvaluationResult) -> pd.DataFrame:
    return frames.tidy(result)


def test_every_number_of_the_report_is_a_row(frame: pd.DataFrame, result: EvaluationResult) -> None:
    assert list(frame.columns) == list(frames.COLUMNS)
    by = frame.set_index(["flagged_by", "kind", "family", "edit", "metric", "at"])["value"]
    for row in result.rows:
        part = (row.space, row.kind, row.family, "all")
        assert by[(*part, "recall at 1", math.nan)].item() == row.first.value
        for at in row.at_radii:
            assert by[(*part, "recall", float(at.radius))].item() == at.recall.value
            false = by[(*part, "false rate per pair", float(at.radius))].item()
            assert false == at.false_pairs
        for rate in row.at_pair_rates:
            found = by[(*part, "recall at rate per pair", rate.rate)].item()
            assert found == rate.recall.value
    shipped = frame[frame["metric"] == "recall as shipped"]
    assert set(shipped["flagged_by"]) == {"pdq or means"}
    assert set(shipped["radius"]) == {"31+40"}
    assert len(frame[frame["metric"] == "recall of edit"]) == len(result.edits)
    chosen = frame[frame["metric"] == "recall, radii chosen"]
    assert len(chosen) == len(result.joint)


def test_a_folder_gives_the_numbers_of_the_samples(frame: pd.DataFrame, tmp_path: Path) -> None:
    """What a notebook measures in memory is what the command line measures on files."""
    corpus = sample_corpus(small=True)
    for place, item in enumerate(corpus.items):
        path = tmp_path / item.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(corpus.read(place))
    from_files = frames.evaluate(open_corpus(tmp_path), HASHERS, samples=20)
    pd.testing.assert_frame_equal(from_files, frame, check_exact=True)


def test_a_file_keeps_the_frame_and_its_origin(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "recall.parquet"
    frames.save(frame, path)
    again = frames.load(path)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    assert again.attrs == frame.attrs
    for name in ("command", "data", "spaces", "date", "machine", "software", "seed", "counts"):
        assert name in again.attrs
    origin = frames.origin(again, ["data", "seed"])
    assert dict(origin) == {"data": "the shipped samples", "seed": "0"}


def test_what_is_no_such_file_is_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="not a readable Parquet"):
        frames.load(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(ReportError, match="not a readable Parquet"):
        frames.load(tmp_path / "text.parquet")
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "bare.parquet")
    with pytest.raises(ReportError, match="where its numbers come from"):
        frames.load(tmp_path / "bare.parquet")
    with pytest.raises(ReportError, match="cannot be written"):
        frames.save(frame, tmp_path / "none" / "x.parquet")


def test_a_result_of_nothing_is_a_frame_too(result: EvaluationResult) -> None:
    empty = dataclasses.replace(result, rows=(), edits=(), joint=(), shipped=())
    assert list(frames.tidy(empty).columns) == list(frames.COLUMNS)
    assert len(frames.tidy(empty)) == 0
