"""The imagery network's training: views alike for both kinds, sources held out, heads that fit."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embeddings.network import imagery_checkpoint
from embeddings.network.imagery import load_imagery
from embeddings.training.batches.data import TrainingImage, read_shards
from embeddings.training.imagery import head, train
from embeddings.training.imagery.folds import SourcesError, dealt, family
from embeddings.training.imagery.recipe import IMAGERY_RECIPE, read
from embeddings.training.imagery.views import RERENDERED, draw
from embeddings.training.recipe import RecipeError
from evaluation.imagery.measuring import measure_held_out

pytestmark = pytest.mark.slow


def test_views_are_drawn_from_one_seed_and_of_every_wear(corpus: Path) -> None:
    """What becomes a painting is no photograph any more; what was none never becomes one."""
    recipe = read(IMAGERY_RECIPE).worn
    images = read_shards(corpus)
    wears: Counter[str] = Counter()
    for seed in range(4):
        for place, image in enumerate(images):
            view, again = (draw(image, np.random.default_rng((seed, place)), recipe) for _ in "ab")
            assert view.image.tobytes() == again.image.tobytes()
            assert view.photographic == (image.kind == "photo" and view.style != RERENDERED)
            assert min(view.image.size) <= recipe.largest or view.wear == "usual"
            wears[view.wear] += 1
    assert wears.keys() == {"usual", "small", "blurred", "screen"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Wallpapers (github mut-ex/wallpapers)", "mut-ex"),
        ("Fluent emoji 3D (npm @lobehub/fluent-emoji-3d)", "@lobehub"),
        ("openclipart-png (Debian)", "openclipart-png"),
        ("gcompris-qt-data activity backgrounds and maps (Debian)", "gcompris-qt-data"),
        ("FrenzyExists wallpapers, Pixelart (github)", "frenzyexists"),
    ],
)
def test_sources_of_one_collection_are_a_family(source: str, expected: str) -> None:
    assert family(source) == expected


def test_families_stay_together_and_a_styles_lie_apart() -> None:
    sources = [f"pictures {letter} (github owner-{letter}/x)" for letter in "abcdef"]
    images = [
        TrainingImage(b"", "photo" if style == "drawing" else "nonphoto", style, source)
        for place, source in enumerate(sources)
        for style in [("painting", "drawing")[place % 2]] * (10 + place)
    ]
    folds = dealt(images, 3)
    of_source = {image.source: fold for image, fold in zip(images, folds, strict=True)}
    assert all(fold == of_source[one.source] for one, fold in zip(images, folds, strict=True))
    for start in (0, 1):
        assert len({of_source[source] for source in sources[start::2]}) == 3


def test_the_evidence_of_small_pictures_is_found_to_be_worth_less() -> None:
    """Where the first value says that evidence is chance, certainty falls; elsewhere it rises."""
    rng = np.random.default_rng(0)
    photographic = rng.random(4000) < 0.5
    small = rng.random(4000) < 0.5
    sense = np.where(small, 0.0, 2.0) * np.where(photographic, 1, -1)
    evidence = np.asarray(sense + rng.normal(size=4000), np.float32)
    rows = np.asarray(np.stack([small, rng.random(4000)], 1), np.float32)
    even = np.ones(4000, np.float32)
    _, _, worth = head.certainty(rows, evidence, photographic, even, 0.001)
    assert worth(rows[small]).mean() < worth(rows[~small]).mean() - 1


def test_bounds_leave_the_share_asked_for_beyond_the_far_one() -> None:
    rng = np.random.default_rng(0)
    photographic = rng.random(5000) < 0.5
    probability = np.asarray(
        np.clip(rng.normal(np.where(photographic, 0.7, 0.3), 0.2), 0, 1), np.float32
    )
    low, high = head.bounds(probability, photographic, 0.02)
    assert np.mean(probability[photographic] <= low) == pytest.approx(0.02, abs=0.002)
    assert np.mean(probability[~photographic] >= high) == pytest.approx(0.02, abs=0.002)
    certain = np.where(photographic, np.float32(0.99), np.float32(0.01))
    assert head.bounds(certain, photographic, 0.02) == pytest.approx((0.01, 0.99))


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [("even = 0.25", "odd = 0.25", "even"), ("side = 160", 'side = "160"', "side")],
)
def test_a_recipe_that_lacks_a_key_is_refused(
    tmp_path: Path, before: str, after: str, named: str
) -> None:
    text = IMAGERY_RECIPE.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "recipe.toml").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(RecipeError, match=named):
        read(tmp_path / "recipe.toml")


def test_a_fit_ends_in_a_checkpoint_that_scores_and_in_scores_to_measure(
    corpus: Path, tmp_path: Path
) -> None:
    """And a second run takes what the first kept of its views. One family of sources is too few."""
    recipe = tmp_path / "recipe.toml"
    text = IMAGERY_RECIPE.read_text(encoding="utf-8")
    recipe.write_text(text.replace("side = 160", "side = 64"), encoding="utf-8")
    out, scores = tmp_path / "imagery.safetensors", tmp_path / "scores.csv"
    alone = ["fit", "--corpus", str(corpus), "--work", str(tmp_path / "alone")]
    alone += ["--out", str(out), "--scores", str(scores), "--recipe", str(recipe)]
    with pytest.raises(SourcesError, match="more sources"):
        train.main(alone)
    corpus = _of_many_sources(corpus, tmp_path / "corpus")
    arguments = [
        *("fit", "--corpus", str(corpus), "--work", str(tmp_path / "work"), "--out", str(out)),
        *("--scores", str(scores), "--recipe", str(recipe), "--data", "samples"),
    ]
    train.main(arguments)
    first = out.read_bytes()
    kept = tmp_path / "work" / "usual" / "moments.npy"
    before = kept.stat().st_mtime_ns
    train.main(arguments)
    assert out.read_bytes() == first
    assert kept.stat().st_mtime_ns == before
    train.main(["figures", "--checkpoint", str(out), "--metrics", json.dumps({"auroc": 0.5})])
    info = imagery_checkpoint.load(out).info
    assert (info.metrics, info.data, info.side) == ({"auroc": 0.5}, "samples", 64)
    images = [np.asarray(image.open()) for image in read_shards(corpus)]
    assert load_imagery(out).photographic(images).shape == (len(images),)
    with scores.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["wear"] for row in rows)["usual"] == len(images)
    measured = measure_held_out(scores, replace(info, bounds=(0.4, 0.6)), samples=5)
    assert measured.images == len(images)


def _of_many_sources(corpus: Path, folder: Path) -> Path:
    """The corpus, each picture of a source of its own."""
    shutil.copytree(corpus, folder)
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "source": f"own{place}"} for place, row in enumerate(rows))
    return folder
