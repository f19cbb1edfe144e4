"""What the rows beyond one Hamming distance compare, and that they come from the shipped model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from embeddings import codes
from embeddings.encoder import load_encoder
from evaluation import extras, samples
from evaluation.corpus import open_corpus


def _descriptors(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 256)).astype(np.float32)


def test_hamming_counts_differing_signs() -> None:
    """In steps, as the code's own distance says."""
    queries, references = _descriptors(0, 5), _descriptors(1, 7)
    expected = codes.distances(codes.from_descriptors(queries), codes.from_descriptors(references))
    assert (extras.hamming(queries, references) == extras.STEPS * expected).all()


def test_asymmetric_is_hamming_for_a_query_equally_sure_of_every_bit() -> None:
    """All weights are 1 then."""
    queries, references = np.sign(_descriptors(0, 5)), _descriptors(1, 7)
    assert (extras.asymmetric(queries, references) == extras.hamming(queries, references)).all()


def test_asymmetric_forgives_the_bits_a_query_is_unsure_of() -> None:
    """A flip of its weakest bits costs less than one of its strongest, and both are in range."""
    query = _descriptors(0, 1)
    order = np.argsort(np.abs(query[0]))
    weak, strong = query.copy(), query.copy()
    weak[0, order[:40]] *= -1
    strong[0, order[-40:]] *= -1
    forgiven, held = extras.asymmetric(query, np.concatenate((weak, strong)))[0]
    assert forgiven < 40 * extras.STEPS < held
    assert extras.asymmetric(query, query)[0, 0] == 0
    assert extras.asymmetric(query, -query)[0, 0] == 256 * extras.STEPS


def test_crops_are_the_whole_and_five_that_overlap() -> None:
    """Together the crops cover the image."""
    rgb = np.zeros((10, 20, 3), np.uint8)
    whole, *parts = extras.crops(rgb)
    assert whole is rgb
    assert [part.shape for part in parts] == [(6, 12, 3)] * 5
    for part in parts:
        part[:] = 1
    assert rgb.all()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> extras.ExtrasResult:
    folder = tmp_path_factory.mktemp("images")
    for sample in [*samples.photographs(), *islice(samples.drawings(), 9)]:
        small = sample.image.convert("RGB")
        small.thumbnail((160, 160))
        small.save(Path(folder) / f"{sample.name}.png")
    return extras.measure(open_corpus(folder), load_encoder("cpu"))


def test_every_way_is_a_row(result: extras.ExtrasResult) -> None:
    """With what it costs: codes of a query, codes of a reference."""
    rows = {row.name: row for row in result.rows}
    assert len(rows) == 8
    plain = rows["Hamming distance, one view"]
    assert (plain.query_codes, plain.reference_codes) == (1, 1)
    assert rows["several codes a reference"].reference_codes == 6
    assert rows["query views"].query_codes > 1
    assert rows["PDQ, eight variants"].recall_of["heavy"] > rows["PDQ"].recall_of["heavy"]
    for row in result.rows:
        assert 0 <= row.recall <= 1
        assert 0 < row.µap <= 1
        assert set(row.recall_of) == {"mild", "heavy", "chains"}


def test_the_table_fits_a_terminal(result: extras.ExtrasResult) -> None:
    """A hundred columns."""
    from rich.console import Console

    console = Console(width=100)
    with console.capture() as captured:
        console.print(extras.table(result))
    text = captured.get()
    assert "several codes a reference" in text
    assert "…" not in text
