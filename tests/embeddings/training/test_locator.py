"""The locator learns, and becomes tensors that the product can load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from embeddings.checkpoint import SHAPES
from embeddings.locating import CELLS, SIDE, WHOLE, Part
from embeddings.network import Locator
from embeddings.torch_network import locator_tensors
from embeddings.training import locator
from embeddings.training.data import read_shards


def test_a_run_ends_in_tensors_a_checkpoint_takes(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "locator.safetensors"
    locator.main(
        [
            *("--corpus", str(corpus), "--out", str(out)),
            *("--samples", "200", "--epochs", "1", "--threads", "1"),
        ]
    )
    tensors = locator.read_locator(out)
    assert tensors.keys() == {name for name in SHAPES if name.startswith("locator.")}
    assert all(tensor.shape == SHAPES[name] for name, tensor in tensors.items())
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
    assert "wholes" in capsys.readouterr().out


def test_the_same_seed_draws_the_same_pages(corpus: Path) -> None:
    images = read_shards(corpus)
    for one, other in zip(locator.draw(images, 3, 4), locator.draw(images, 3, 4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_tells_a_bright_picture_from_a_dark_page() -> None:
    """Pages a child could read: after a hundred steps most cells are right."""
    rng = np.random.default_rng(2)
    seen = rng.integers(0, 60, (256, SIDE, SIDE, 3), np.uint8)
    answers = np.zeros((256, CELLS, CELLS), np.uint8)
    for page, answer in zip(seen, answers, strict=True):
        top, left = rng.integers(0, CELLS // 2, 2)
        answer[top : top + 12, left : left + 12] = 255
        page[4 * top : 4 * top + 48, 4 * left : 4 * left + 48] += 150
    network = locator.fit((seen[:240], answers[:240]), epochs=20)
    assert locator.measure(network, (seen[240:], answers[240:])).pages > 0.8


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
    [(WHOLE, 1.0), (Part(0, 0, 0.5, 1), 0.5), (Part(2, 2, 3, 3), 0.0)],
)
def test_overlap_is_shared_over_joint_area(other: Part, shared: float) -> None:
    assert locator.overlap(WHOLE, other) == pytest.approx(shared)
