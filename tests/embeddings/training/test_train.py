"""A run trains, resumes to the same end, and becomes a checkpoint the product can load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from embeddings.network import checkpoint
from embeddings.network.checkpoint import DEFAULT_CHECKPOINT
from embeddings.network.encoder import load_encoder
from embeddings.network.preparing.locating import Locate
from embeddings.network.runtimes.torch_module import enlarged
from embeddings.training import publish, train
from embeddings.training.batches.data import read_shards
from embeddings.training.batches.inputs import as_input
from embeddings.training.locator import read_locator
from embeddings.training.origin import OriginError, keep, origin
from embeddings.training.recipe import RECIPE, read
from embeddings.training.trainer import Trainer
from evaluation.corpora.samples import photograph, photograph_names

pytestmark = pytest.mark.slow

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
    "frozen": 12,
    "drawn": 4,
    "kept": 2,
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


def run(corpus: Path, out: Path, recipe: Path, *more: str) -> None:
    train.main(
        [
            *("--corpus", str(corpus), "--out", str(out)),
            *("--locator", str(DEFAULT_CHECKPOINT)),
            *("--recipe", str(recipe), "--threads", "1", *more),
        ]
    )


def test_a_run_ends_in_a_checkpoint_that_encodes(corpus: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, steps=4)
    run(corpus, tmp_path / "run", recipe)
    trained = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(np.isfinite(tensor).all() for tensor in trained.values())
    before = (tmp_path / "run" / "state.safetensors").read_bytes()
    run(corpus, tmp_path / "run", recipe)  # it has ended: nothing is left to do
    assert (tmp_path / "run" / "state.safetensors").read_bytes() == before
    publish.main(
        [
            *("weights", "--run", str(tmp_path / "run")),
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


def test_weights_are_published_on_the_way_to_a_run(corpus: Path, tmp_path: Path) -> None:
    """A quarter of the way from the checkpoint the run went on from."""
    recipe = tiny_recipe(tmp_path, steps=1)
    run(corpus, tmp_path / "run", recipe, "--start", str(DEFAULT_CHECKPOINT))
    publish.main(
        [
            *("weights", "--run", str(tmp_path / "run")),
            *("--start", str(DEFAULT_CHECKPOINT), "--share", "0.25"),
            *("--out", str(tmp_path / "model.safetensors"), "--recipe", str(recipe)),
            *("--locator", str(DEFAULT_CHECKPOINT)),
            *("--data", "drawings"),
        ]
    )
    start, end = checkpoint.load().tensors, load_file(tmp_path / "run" / "weights.safetensors")
    published = checkpoint.load(tmp_path / "model.safetensors").tensors
    for name in ("head.weight", "head.bias"):
        expected = (0.75 * start[name] + 0.25 * end[name]).astype(np.float16)
        np.testing.assert_allclose(published[name], expected, rtol=1e-3)  # its last bit or less
        assert (expected != start[name]).any()


def test_a_run_is_not_published_on_the_way_from_elsewhere(corpus: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, steps=1)
    run(corpus, tmp_path / "run", recipe)
    with pytest.raises(OriginError, match="another start"):
        publish.main(
            [
                *("weights", "--run", str(tmp_path / "run")),
                *("--start", str(DEFAULT_CHECKPOINT), "--share", "0.5"),
                *("--out", str(tmp_path / "model.safetensors"), "--recipe", str(recipe)),
                *("--locator", str(DEFAULT_CHECKPOINT), "--data", "drawings"),
            ]
        )


def test_what_a_run_that_came_to_nothing_left_is_not_the_next_ones(
    corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "metrics.jsonl").write_text('{"step": 80}\n', encoding="utf-8")
    (out / "weights.safetensors").write_bytes(b"of another recipe")
    run(corpus, out, tiny_recipe(tmp_path, steps=1))
    assert (out / "metrics.jsonl").read_text(encoding="utf-8") == ""
    assert load_file(out / "weights.safetensors")


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (["--start", str(DEFAULT_CHECKPOINT)], "--start and --share go together"),
        (["--share", "0.5"], "--start and --share go together"),
        (["--start", str(DEFAULT_CHECKPOINT), "--share", "1.5"], "between 0 and 1, not 1.5"),
        (["--start", str(DEFAULT_CHECKPOINT), "--share", "nan"], "between 0 and 1, not nan"),
    ],
)
def test_a_start_without_a_share_of_the_way_is_refused(
    start: list[str],
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        publish.main(
            [
                *("weights", "--run", str(tmp_path), *start),
                *("--out", str(tmp_path / "model.safetensors")),
                *("--locator", str(DEFAULT_CHECKPOINT), "--data", "drawings"),
            ]
        )
    assert named in capsys.readouterr().err


def test_a_run_is_not_resumed_with_another_recipe(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "run", tiny_recipe(tmp_path, steps=1))
    kept = (tmp_path / "run" / "state.safetensors").read_bytes()
    with pytest.raises(OriginError, match=r"recipe\.optimiser\.steps"):
        run(corpus, tmp_path / "run", tiny_recipe(tmp_path, steps=2))
    assert (tmp_path / "run" / "state.safetensors").read_bytes() == kept


def test_a_run_is_published_only_as_what_it_was_trained_as(tmp_path: Path) -> None:
    """Behind its own locator, at its own detail, on the way from its own start."""
    recipe = read(tiny_recipe(tmp_path, steps=4))
    locator = read_locator(DEFAULT_CHECKPOINT)
    keep(origin(recipe, [], locator, locator), tmp_path, begun=False)
    larger = replace(recipe, network=replace(recipe.network, input_size=96))
    publish.check_origin(tmp_path, larger, locator, locator)
    publish.check_origin(tmp_path, larger, locator, None)
    finer = replace(recipe, data=replace(recipe.data, detail=64))
    moved = {name: tensor + 1 for name, tensor in locator.items()}
    for claimed, named in (
        ((finer, locator, None), "another recipe.data.detail$"),
        ((recipe, moved, None), "another locator$"),
        ((recipe, locator, moved), "another start$"),
    ):
        with pytest.raises(OriginError, match=named):
            publish.check_origin(tmp_path, *claimed)


def begun(trainer: Trainer) -> Trainer:
    """``trainer`` with views of every image, all of them drawn here."""
    data = trainer.data()
    trainer.begin(data[place] for place in range(len(data)))
    return trainer


def test_a_stopped_run_resumes_where_it_was(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Saved and taken up again, a trainer with the same views makes the same next step."""
    torch.manual_seed(0)
    recipe = read(tiny_recipe(tmp_path, steps=4))
    images = read_shards(corpus)
    first = begun(Trainer(recipe, images, everywhere, tmp_path))
    for _ in range(4):  # the epoch's last: the next step begins another, as a resumed run does
        first.train_step()
    first.save()
    second = Trainer(recipe, images, everywhere, tmp_path)
    second.resume()
    second.pool = first.pool
    assert second.step == 4
    for trainer in (first, second):
        trainer.train_step()
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    for name, tensor in first.average.items():
        torch.testing.assert_close(tensor, second.average[name])


def test_a_resumed_run_has_views_for_every_step_that_is_left(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Wherever in an epoch it stopped: one epoch fills the pool, and a batch is left for each."""
    steps = 12
    recipe = read(tiny_recipe(tmp_path, steps))
    trainer = Trainer(recipe, read_shards(corpus), everywhere, tmp_path)
    for step in range(steps):
        trainer.step = step
        data = trainer.data()
        drawn = [data._chosen(data.first + place) for place in range(len(data))]
        filling, left = drawn[: data.an_epoch], drawn[data.an_epoch :]
        assert sorted(np.concatenate(filling)) == list(range(len(trainer.images)))
        assert len(left) >= steps - step


def test_a_gpu_would_train_on_the_same_features(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Where the graph runtime is not used the network does all of it, in bfloat16."""
    recipe = read(tiny_recipe(tmp_path, steps=4))
    trainer = Trainer(recipe, read_shards(corpus), everywhere, tmp_path)
    views = torch.from_numpy(trainer.data()[0].left).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        here = trainer.forward(views).pooled
        trainer.frozen = None
        there = trainer.forward(views).pooled
    assert there.dtype == torch.float32
    assert (here - there).norm() / here.norm() < 0.1


def test_no_step_sees_a_copy_as_it_was_drawn(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Left views are as drawn, copies are edited on the device, in the same way for one step."""
    recipe = read(tiny_recipe(tmp_path, steps=4))
    trainer = begun(Trainer(recipe, read_shards(corpus), everywhere, tmp_path))
    order = np.arange(len(trainer.images))
    trainer._order = order
    images, left, right = trainer.take()
    trainer._order = order
    _, left_again, right_again = trainer.take()
    assert images.tolist() == [0, 1, 2, 3]
    assert torch.equal(left, left_again)
    assert torch.equal(right, right_again)
    assert torch.equal(left, left.round())
    assert all((view != view.round()).any() for view in right)


def test_a_run_may_start_from_a_checkpoint(
    corpus: Path, everywhere: Locate, tmp_path: Path
) -> None:
    """Its frozen entries are the checkpoint's too."""
    recipe = read(tiny_recipe(tmp_path, steps=4))
    start = checkpoint.load().tensors
    trainer = Trainer(recipe, read_shards(corpus), everywhere, tmp_path, start=start)
    images = np.random.default_rng(3).integers(0, 255, (2, 48, 48, 3), np.uint8)
    assert trainer.frozen is not None
    with torch.no_grad():
        pixels = enlarged(as_input(images), recipe.network.training_size)
        expected = trainer.network.early(pixels, recipe.network.frozen)
    assert (trainer.frozen(images) - expected).norm() / expected.norm() < 0.05
    torch.testing.assert_close(
        trainer.network.head.weight.detach(), torch.from_numpy(start["head.weight"])
    )
