"""The benchmark of the index asks every engine the same queries and counts what they miss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from embeddings.codes import distances, unpack
from evaluation.corpora.corpus import open_corpus
from evaluation.showing import plot_index
from evaluation.speed.index import life
from evaluation.speed.index.bench import run
from evaluation.speed.index.code_sets import (
    JITTER,
    clustered_codes,
    correlated_seeds,
    near,
    of_images,
    random_codes,
)
from evaluation.speed.index.engines import Flat, MultiHash, OurIndex

pytestmark = pytest.mark.slow


def test_every_engine_answers_the_same_queries_and_ours_misses_nothing() -> None:
    report = run(3000, 31, queries=32, peers=("multihash", "ivf", "hnsw"), threads=2)
    rows = {(row.data, row.engine, row.batch, row.threads): row for row in report.rows}
    assert {data for data, *_ in rows} == {"random", "clustered"}
    for (data, engine, batch, threads), row in rows.items():
        assert (row.entries, row.radius) == (3000, 31)
        assert row.wrong == 0
        assert row.p99_ms >= row.p50_ms > 0
        assert row.build_s >= 0
        if engine in ("faiss flat", "lookalike", "faiss multihash"):
            assert row.recall == 1.0, (data, engine, batch, threads)
        if engine == "faiss flat":
            assert row.flat_ratio_p50 == 1.0
            assert row.matches > 0
    assert rows["random", "lookalike", 32, 2].matches > 0
    written = json.loads(json.dumps(report.to_json()))
    assert set(written) == {"machine", "date", "rows"}
    assert set(written["rows"][0]) >= {
        *("data", "entries", "radius", "engine", "p50_ms", "p99_ms"),
        *("flat_ratio_p50", "recall", "bytes_per_code", "build_s"),
    }


@pytest.mark.parametrize("engine", [Flat, OurIndex, MultiHash])
def test_exact_engines_find_a_code_at_the_radius_and_not_beyond(
    engine: type[Flat | OurIndex | MultiHash],
) -> None:
    codes = random_codes(500, np.random.default_rng(1))
    planted = unpack(codes[:2]).copy()
    planted[0, :31] ^= 1
    planted[1, :32] ^= 1
    built = engine()
    built.build(codes, 31)
    found = built.search(np.packbits(planted, axis=1), 31)
    assert [ids.tolist() for ids in found] == [[0], []]
    assert built.nbytes() >= 0


def test_near_codes_lie_within_the_most_flips_and_use_all_of_them() -> None:
    codes = random_codes(400, np.random.default_rng(2))
    moved = near(codes, 20, np.random.default_rng(3))
    apart = np.array([distances(a[None], b[None])[0, 0] for a, b in zip(codes, moved, strict=True)])
    assert apart.min() == 0
    assert apart.max() == 20
    assert 8 < apart.mean() < 12


def test_clustered_codes_gather_round_their_seeds_and_made_up_seeds_are_uneven() -> None:
    rng = np.random.default_rng(4)
    seeds = correlated_seeds(50, rng)
    codes = clustered_codes(seeds, 300, rng)
    nearest = distances(codes, seeds).min(axis=1)
    assert nearest.max() <= JITTER
    made, even = correlated_seeds(400, rng), random_codes(400, rng)
    pairs = np.triu_indices(400, 1)
    assert 120 < distances(made, made)[pairs].mean() < 136
    assert distances(made, made)[pairs].std() > 14
    assert distances(even, even)[pairs].std() < 9


class _Stub:
    """An encoder that says how bright a picture is."""

    def encode(self, images: list[np.ndarray]) -> object:
        from embeddings.network.encoder import Encoded

        codes = np.array([[image.mean()] * 32 for image in images]).astype(np.uint8)
        zeros = np.zeros((len(images), 256), np.float32)
        return Encoded(codes, zeros)


def test_seeds_of_images_are_the_images_and_their_views(tmp_path: Path) -> None:
    from PIL import Image

    for name, grey in (("a.png", 40), ("b.png", 200)):
        Image.new("RGB", (48, 48), (grey, grey, grey)).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"not an image")
    codes = of_images(open_corpus(tmp_path), _Stub(), 3, 2, seed=1)  # type: ignore[arg-type]
    assert codes.shape == (6, 32)
    assert [int(codes[0, 0]), int(codes[3, 0])] == [40, 200]


def test_updates_and_restarts_are_timed(tmp_path: Path) -> None:
    codes = random_codes(2000, np.random.default_rng(5))
    report = life.run(tmp_path, codes, 31, rounds=1, pause=0.05)
    assert report.entries == 2000
    assert 0 < report.open_s < report.start_s
    assert min(report.add_ms, report.visible_ms, report.p99_before_ms, report.save_s) > 0


def test_charts_are_drawn_of_what_was_swept(tmp_path: Path) -> None:
    rows = [
        row
        for entries in (500, 1000)
        for row in run(entries, 31, queries=6, batches=False).to_json()["rows"]  # type: ignore[attr-defined]
    ]
    sweep = {"bytes_read_per_second": 1e10, "rows": rows}
    for path in plot_index.draw(sweep, tmp_path, 31, 1000):
        text = path.read_text()
        assert "<svg" in text
        assert "lookalike" in text
