"""What the losses reward and punish."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from embeddings.training import loss

pytestmark = pytest.mark.slow


def unit(seed: int, rows: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(rows, 64, generator=generator))


def test_copies_that_stand_together_cost_less_than_copies_that_do_not() -> None:
    left, right = unit(0), unit(1)
    assert loss.info_nce(left, left, 0.05) < 0.01 < loss.info_nce(left, right, 0.05)


def test_a_stranger_near_a_copy_costs() -> None:
    left = unit(0)
    crowded = left.clone()
    crowded[1] = functional.normalize(left[0] + 0.1 * left[1], dim=0)
    assert loss.info_nce(crowded, crowded, 0.05) > loss.info_nce(left, left, 0.05)


def test_strangers_that_spread_have_more_entropy_than_strangers_that_crowd() -> None:
    spread = unit(0)
    crowded = functional.normalize(spread + 3 * spread[:1])
    assert loss.koleo(spread) < loss.koleo(crowded)


def test_identical_strangers_give_a_finite_loss_and_gradient() -> None:
    same = torch.ones(4, 64, requires_grad=True)
    value = loss.koleo(functional.normalize(same))
    value.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
    assert torch.isfinite(value)
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_balanced_independent_bits_cost_least() -> None:
    generator = torch.Generator().manual_seed(0)
    fair = torch.where(torch.rand(512, 32, generator=generator) > 0.5, 1.0, -1.0)
    repeated = fair[:, :1].expand(-1, 32)
    constant = torch.ones(512, 32)
    assert loss.decorrelation(fair) < loss.decorrelation(repeated) < loss.decorrelation(constant)


def test_soft_signs_keep_the_sign_and_have_unit_length() -> None:
    descriptors = unit(2) * 7
    signs = loss.soft_signs(descriptors, 1.0)
    assert torch.equal(signs > 0, descriptors > 0)
    assert signs.norm(dim=1) == pytest.approx(torch.ones(16), abs=1e-5)


def test_the_scale_of_a_descriptor_does_not_change_its_soft_signs() -> None:
    descriptors = unit(3)
    torch.testing.assert_close(
        loss.soft_signs(descriptors, 1.0), loss.soft_signs(100 * descriptors, 1.0)
    )


def along(*rows: list[float]) -> torch.Tensor:
    return functional.normalize(torch.tensor(rows))


def test_a_view_is_drawn_to_what_is_remembered_of_its_image() -> None:
    """And away from what is remembered of others, which itself does not move."""
    memory = along([1.0, 0.0], [0.0, 1.0])
    view = along([1.0, 1.0]).requires_grad_()
    value = loss.against_memory(view, memory, torch.tensor([0]), 0.5)
    assert value.item() == pytest.approx(math.log(2))
    value.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
    assert view.grad is not None
    assert view.grad[0, 0] < 0 < view.grad[0, 1]


def test_one_radius_for_all_is_what_counts() -> None:
    """Ranks do not: a pair beyond the bound costs though it is nearest, a stranger within it costs
    though the copy is nearer."""
    left, right = along([1.0, 0.0], [0.0, 1.0]), along([1.0, 0.1], [0.1, 1.0])
    kept = loss.by_one_radius(left, right, 0.5, 0.05)
    assert kept.item() < 0.01
    beyond = loss.by_one_radius(left, right, 0.999, 0.05)
    assert beyond.item() > 0.3
    near = along([1.0, 0.8], [0.8, 1.0])
    within = loss.by_one_radius(near, near, 0.5, 0.05)
    assert within.item() > 10


def test_a_false_match_weighs_three_times_a_miss() -> None:
    """Of a copy, and of a pair of images one of whose views meet, just at the bound."""
    across = 0.5
    left = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    right = torch.tensor([[across, 0.0, 0.0], [0.0, across, 0.0]])
    missed = loss.by_one_radius(left, right, across, 0.05)
    assert missed.item() == pytest.approx(math.log(2), abs=1e-3)
    crossed = torch.tensor([[1.0, 0.0, 0.0], [across, 1.0, 0.0]])
    false = loss.by_one_radius(crossed, torch.eye(3)[:2], across, 0.05)
    assert false.item() == pytest.approx(3 * math.log(2), abs=1e-3)
