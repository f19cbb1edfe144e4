"""``lookalike evaluate --parquet`` writes the numbers that notebooks measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evaluation.corpora.sample_corpus import sample_corpus
from evaluation.notebooks.workbench import open_workbench
from evaluation.showing import frames

pytestmark = pytest.mark.slow

Command = Callable[..., Any]


def test_the_command_and_a_notebook_give_the_same_numbers(
    lookalike: Command, tmp_path: Path
) -> None:
    corpus = sample_corpus(small=True)
    for place, item in enumerate(corpus.items):
        path = tmp_path / "images" / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(corpus.read(place))
    said = lookalike("evaluate", "--images", "images", "--parquet", "recall.parquet")
    assert said.code == 0
    assert said.err.splitlines() == ["written: recall.parquet"]
    written = frames.load(tmp_path / "recall.parquet")
    bench = open_workbench()  # whose model and signals a notebook measures
    in_memory = frames.evaluate(corpus, bench.hashers)
    pd.testing.assert_frame_equal(written, in_memory, check_exact=True)
    assert written.attrs["spaces"] == ["pdq", bench.space, f"{bench.space} score"]
    assert written.attrs["command"].startswith("lookalike")
    assert written.attrs["counts"] == in_memory.attrs["counts"]


def test_where_it_cannot_be_written_nothing_is_measured(lookalike: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = lookalike("evaluate", "--images", "nowhere", "--parquet", "file/recall.parquet")
    assert said.code == 1
    assert said.err.startswith("error (report): ")
