"""Edits of whole batches: repeatable, within range, gentle where they should be, all different."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from embeddings.network.encoder import squashed
from embeddings.training.batches.device_edits import edited
from evaluation.corpora.samples import photograph, photograph_names

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def views() -> Tensor:
    """Sixteen times the same photograph, float (16, 3, 64, 64)."""
    image = squashed(np.asarray(photograph(photograph_names()[0]).image), 64)
    return torch.from_numpy(np.stack([image] * 16)).permute(0, 3, 1, 2).float()


def apply(views: Tensor, strength: float, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    others = views.flip(2)
    return edited(views, others, torch.full((len(views),), strength), generator)


def test_the_same_numbers_give_the_same_views(views: Tensor) -> None:
    assert torch.equal(apply(views, 0.7), apply(views, 0.7))
    assert not torch.equal(apply(views, 0.7), apply(views, 0.7, seed=2))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_views_keep_their_shape_and_range(views: Tensor, strength: float) -> None:
    for seed in range(8):
        out = apply(views, strength, seed)
        assert out.shape == views.shape
        assert out.is_contiguous(memory_format=torch.channels_last)
        assert torch.isfinite(out).all()
        assert out.min() >= 0
        assert out.max() <= 255


def test_what_is_given_is_left_as_it_was(views: Tensor) -> None:
    before = views.clone()
    apply(views, 1.0)
    assert torch.equal(views, before)


def test_each_view_is_edited_in_its_own_way(views: Tensor) -> None:
    out = apply(views, 1.0)
    assert all(not torch.equal(out[0], other) for other in out[1:])


def test_stronger_edits_change_more(views: Tensor) -> None:
    def change(strength: float) -> float:
        seeds = range(6)
        return sum((apply(views, strength, s) - views).abs().mean().item() for s in seeds) / 6

    gentle, half, heavy = change(0.0), change(0.5), change(1.0)
    assert gentle < half < heavy
    assert gentle < 25 < heavy
