"""The locator learns, and becomes tensors that the product can load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from embeddings.errors import CheckpointError
from embeddings.network.checkpoint import SHAPES
from embeddings.network.preparing.locating import CELLS, SIDE, WHOLE, ImageShare
from embeddings.network.runtimes.torch_module import Locator
from embeddings.network.runtimes.torch_network import locator_tensors
from embeddings.training import locator
from embeddings.training.batches.data import read_shards
from embeddings.training.recipe import RECIPE, LocatorRecipe

pytestmark = pytest.mark.slow


def test_a_run_ends_in_tensors_a_checkpoint_takes(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = tmp_path / "new" / "locator.safetensors", tmp_path / "recipe.toml"
    text = RECIPE.read_text(encoding="utf-8")
    small = text.replace("samples = 120000", "samples = 100").replace("epochs = 5", "epochs = 1")
    recipe.write_text(small, encoding="utf-8")
    locator.main(
        [
            *("--corpus", str(corpus), "--out", str(out)),
            *("--recipe", str(recipe), "--threads", "1"),
        ]
    )
    tensors = locator.read_locator(out)
    assert tensors.keys() == {name for name in SHAPES if name.startswith("locator.")}
    assert all(tensor.shape == SHAPES[name] for name, tensor in tensors.items())
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
    assert "wholes" in capsys.readouterr().out


def test_the_same_seed_draws_the_same_pages(corpus: Path) -> None:
    images = read_shards(corpus)
    for one, other in zip(*(locator.draw(images, 112, (3,), 4) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_tells_a_bright_picture_from_a_dark_page() -> None:
    """Pages a child could read, of which half a hundred steps are enough."""
    rng = np.random.default_rng(2)
    seen = rng.integers(0, 60, (144, SIDE, SIDE, 3), np.uint8)
    answers = np.zeros((144, CELLS, CELLS), np.uint8)
    for page, answer in zip(seen, answers, strict=True):
        top, left = rng.integers(0, CELLS // 2, 2)
        answer[top : top + 12, left : left + 12] = 255
        page[4 * top : 4 * top + 48, 4 * left : 4 * left + 48] += 150
    recipe = LocatorRecipe(samples=128, epochs=12, batch=32, rate=3e-3, held_out=0.1)
    network = locator.fit((seen[:128], answers[:128]), recipe, seed=1)
    assert locator.measure(network, (seen[128:], answers[128:])).pages > 0.8


def test_a_file_without_a_locator_is_refused_before_any_training(tmp_path: Path) -> None:
    save_file({"head.bias": np.zeros(256, np.float32)}, tmp_path / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"locator\.down\.0\.weight"):
        locator.read_locator(tmp_path / "weights.safetensors")


def test_folding_batch_norms_changes_nothing_but_their_being() -> None:
    torch.manual_seed(1)
    network = locator.normalised(Locator())
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias)
                module.running_mean = torch.randn(module.num_features)
                module.running_var = torch.rand(module.num_features) + 0.5
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        before = network.eval()(images)
        after = locator.folded(network)(images)
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-3)
    assert {name for name in SHAPES if name.startswith("locator.")} == set(locator_tensors(network))


@pytest.mark.parametrize(
    ("other", "shared"),
    [(WHOLE, 1.0), (ImageShare(0, 0, 0.5, 1), 0.5), (ImageShare(2, 2, 3, 3), 0.0)],
)
def test_overlap_is_shared_over_joint_area(other: ImageShare, shared: float) -> None:
    assert locator.overlap(WHOLE, other) == pytest.approx(shared)
