"""What the rows beyond one Hamming distance compare, and that they come from the shipped model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from embeddings import codes
from embeddings.network.encoder import load_encoder
from evaluation.copies import extras
from evaluation.corpora import samples
from evaluation.corpora.corpus import open_corpus

pytestmark = pytest.mark.slow


def _descriptors(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 256)).astype(np.float32)


def test_rows_compare_as_the_code_s_own_page_says() -> None:
    queries, references = _descriptors(0, 5), _descriptors(1, 7)
    listed = codes.from_descriptors(references)
    bits = codes.distances(codes.from_descriptors(queries), listed)
    assert (extras.hamming(queries, references) == bits).all()
    scores = codes.scores(codes.quantised(queries), listed)
    assert (extras.scored(queries, references) == 8192 - np.maximum(scores, 0)).all()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> extras.ExtrasResult:
    folder = tmp_path_factory.mktemp("images")
    for sample in [*samples.photographs(), *islice(samples.drawings(), 10)]:
        small = sample.image.convert("RGB")
        small.thumbnail((160, 160))
        small.save(Path(folder) / f"{sample.name}.png")
    return extras.measure(open_corpus(folder), load_encoder("cpu"))


def test_every_way_is_a_row(result: extras.ExtrasResult) -> None:
    """With what it costs: codes of a query."""
    rows = {row.name: row for row in result.rows}
    assert len(rows) == 10
    assert rows["with looks, score"].query_codes == 1
    assert rows["with looks, query views"].query_codes > 1
    assert rows["with looks"].µap != rows["Hamming distance"].µap
    assert rows["PDQ, eight variants"].recall_of["heavy"] > rows["PDQ"].recall_of["heavy"]
    for row in result.rows:
        assert 0 <= row.recall <= 1
        assert 0 < row.µap <= 1
        assert set(row.recall_of) == set(row.µap_of) == {"mild", "heavy", "chains"}


def test_the_table_fits_a_terminal(result: extras.ExtrasResult) -> None:
    """A hundred columns."""
    from rich.console import Console

    console = Console(width=100)
    with console.capture() as captured:
        console.print(extras.table(result))
    text = captured.get()
    assert "with looks, query views, score" in text
    assert "…" not in text
