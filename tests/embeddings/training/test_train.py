"""A run trains, resumes to the same end, and becomes a checkpoint the product can load."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from embeddings import checkpoint
from embeddings.checkpoint import DEFAULT_CHECKPOINT
from embeddings.encoder import load_encoder
from embeddings.locating import Locate
from embeddings.training import publish, train
from embeddings.training.data import read_shards
from embeddings.training.recipe import RECIPE, read
from evaluation.samples import photograph, photograph_names

TINY = {
    "detail": 48,
    "training_size": 48,
    "batch": 4,
    "run": 2,
    "held_out": 8,
    "input_size": 64,
    "steps": 4,
    "warm_up": 1,
    "pairs": 8,
    "imagery": 24,
    "frozen": 12,
    "refresh": 2,
}


def tiny_recipe(folder: Path, steps: int) -> Path:
    lines = [
        f"{key} = {(TINY | {'steps': steps})[key]}"
        if (key := line.split(" =")[0]) in TINY
        else line
        for line in RECIPE.read_text(encoding="utf-8").splitlines()
    ]
    path = folder / f"recipe-{steps}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run(corpus: Path, out: Path, recipe: Path) -> None:
    train.main(
        [
            *("--corpus", str(corpus), "--out", str(out)),
            *("--locator", str(DEFAULT_CHECKPOINT)),
            *("--recipe", str(recipe), "--threads", "1"),
        ]
    )


def test_a_run_ends_in_a_checkpoint_that_encodes(corpus: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, steps=4)
    run(corpus, tmp_path / "run", recipe)
    trained = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(np.isfinite(tensor).all() for tensor in trained.values())
    publish.main(
        [
            *("weights", "--run", str(tmp_path / "run"), "--corpus", str(corpus)),
            *("--out", str(tmp_path / "model.safetensors"), "--recipe", str(recipe)),
            *("--locator", str(DEFAULT_CHECKPOINT)),
            *("--data", "drawings"),
        ]
    )
    radii = {"photographic": 30, "non_photographic": 40, "any": 40}
    publish.main(
        [
            *("figures", "--checkpoint", str(tmp_path / "model.safetensors")),
            *("--radii", json.dumps(radii), "--metrics", json.dumps({"recall": 0.5})),
        ]
    )
    info = checkpoint.load(tmp_path / "model.safetensors").info
    assert info.radii == radii
    assert info.metrics == {"recall": 0.5}
    encoder = load_encoder("cpu", tmp_path / "model.safetensors")
    image = np.asarray(photograph(photograph_names()[0]).image)
    assert encoder.encode([image]).codes.shape == (1, 32)


def test_a_stopped_run_resumes_where_it_was(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Saved and taken up again, a trainer makes the same next step."""
    torch.manual_seed(0)
    recipe = read(tiny_recipe(tmp_path, steps=4))
    images = read_shards(corpus)
    first = train.Trainer(recipe, images, everywhere, tmp_path)
    first.start_head()
    batches = first.data(0)
    first.train_step(batches[0])
    first.save()
    second = train.Trainer(recipe, images, everywhere, tmp_path)
    second.resume()
    assert second.step == 1
    for trainer in (first, second):
        trainer.train_step(batches[1])
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    for name, tensor in first.average.items():
        torch.testing.assert_close(tensor, second.average[name])


def test_a_gpu_would_train_on_the_same_features(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Where the graph runtime is not used the network does all of it, in bfloat16."""
    recipe = read(tiny_recipe(tmp_path, steps=4))
    trainer = train.Trainer(recipe, read_shards(corpus), everywhere, tmp_path)
    trainer.start_head()
    batch = next(train.batches(trainer.data(0)))
    with torch.no_grad():
        here = trainer.forward(batch.left).pooled
        trainer.frozen = None
        there = trainer.forward(batch.left).pooled
    assert there.dtype == torch.float32
    assert (here - there).norm() / here.norm() < 0.1


def test_a_run_may_start_from_a_checkpoint(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Its frozen entries are the checkpoint's too."""
    recipe = read(tiny_recipe(tmp_path, steps=4))
    start = checkpoint.load().tensors
    trainer = train.Trainer(recipe, read_shards(corpus), everywhere, tmp_path, start=start)
    images = np.random.default_rng(3).integers(0, 255, (2, 48, 48, 3), np.uint8)
    assert trainer.frozen is not None
    with torch.no_grad():
        expected = trainer.network.early(trainer.as_input(images), recipe.network.frozen)
    assert (trainer.frozen(images) - expected).norm() / expected.norm() < 0.05
    torch.testing.assert_close(
        trainer.network.head.weight.detach(), torch.from_numpy(start["head.weight"])
    )
