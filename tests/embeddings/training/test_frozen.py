"""What the trainer runs faster answers what torch would."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from embeddings.network.runtimes.torch_module import Lite0, enlarged
from embeddings.network.runtimes.torch_network import fill
from embeddings.training.batches.inputs import as_input
from embeddings.training.frozen import FrozenEntries, Pointwise, quicken
from embeddings.training.imagenet import MEAN, SCALE, imagenet_tensors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Smooth noise: uint8 (2, 64, 64, 3)."""
    coarse = np.random.default_rng(5).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(8, 1).repeat(8, 2)


def test_frozen_entries_are_the_networks_first_entries(images: np.ndarray) -> None:
    """They agree to bfloat16's precision, which the processor may use."""
    tensors = imagenet_tensors()
    frozen = FrozenEntries(tensors, 7, 64, 96, MEAN, SCALE, 1)
    with torch.no_grad():
        expected = fill(Lite0(), tensors).early(enlarged(as_input(images), 96), 7)
    features = frozen(images)
    assert features.shape == expected.shape
    assert features.is_contiguous(memory_format=torch.channels_last)
    error = (features - expected).norm() / expected.norm()
    assert error < 0.05


def test_a_quickened_network_gives_nearly_the_same_descriptors(images: np.ndarray) -> None:
    """The 1x1 convolutions lose bfloat16's precision and nothing else."""
    plain, quick = (
        fill(Lite0(side=64), imagenet_tensors()).to(memory_format=torch.channels_last)
        for _ in range(2)
    )
    quicken(quick, bfloat16=True)
    with torch.no_grad():
        expected, found = (network(as_input(images)).pooled for network in (plain, quick))
    assert (found - expected).norm() / expected.norm() < 0.05


def test_quickening_keeps_parameters_and_leaves_depthwise_convolutions_alone() -> None:
    """Names and tensors stay, so that states are saved and resumed as before."""
    network = Lite0()
    before = dict(network.named_parameters())
    quicken(network, bfloat16=True)
    after = dict(network.named_parameters())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    for convolution in convolutions:
        assert isinstance(convolution, Pointwise) == (convolution.kernel_size == (1, 1))


def test_without_bfloat16_units_a_quickened_network_answers_the_very_same(
    images: np.ndarray,
) -> None:
    """Its convolutions stay torch's own."""
    plain, quick = (fill(Lite0(side=64), imagenet_tensors()) for _ in range(2))
    quicken(quick, bfloat16=False)
    with torch.no_grad():
        expected, found = (network(as_input(images)).pooled for network in (plain, quick))
    assert torch.equal(found, expected)


def test_a_pointwise_convolution_learns() -> None:
    """Its gradients are those of the float32 convolution, to bfloat16's precision."""
    torch.manual_seed(0)
    plain = nn.Conv2d(16, 8, 1)
    quick = nn.Conv2d(16, 8, 1)
    quick.load_state_dict(plain.state_dict())
    quicken(nn.Sequential(quick), bfloat16=True)
    features = torch.randn(2, 16, 5, 5).to(memory_format=torch.channels_last)
    target = torch.randn(2, 8, 5, 5)
    for convolution in (plain, quick):
        (convolution(features) - target).square().sum().backward()
    for name in ("weight", "bias"):
        expected, found = getattr(plain, name).grad, getattr(quick, name).grad
        assert (found - expected).norm() / expected.norm() < 0.05
