"""Views wait, old ones give way to new ones, and steps are made of images that are alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embeddings.training.batches.data import PairBatch
from embeddings.training.batches.pool import Pool, in_runs

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def batch(images: list[int], shade: int) -> PairBatch:
    """Left views all of ``shade``, right views of the next."""
    shape = (len(images), 8, 8, 3)
    return PairBatch(
        np.full(shape, shade, np.uint8),
        np.full(shape, shade + 1, np.uint8),
        np.array([image % 2 == 0 for image in images]),
        np.array(images),
    )


def seen(pool: Pool, image: int) -> set[tuple[int, int]]:
    """The shades of left and right views that may be taken of ``image``."""
    taken = (pool.take(np.array([image]), np.random.default_rng(seed)) for seed in range(60))
    return {(int(left[0, 0, 0, 0]), int(right[0, 0, 0, 0])) for left, right in taken}


def test_it_is_full_once_there_is_a_pair_of_every_image() -> None:
    pool = Pool(3, 2, 8, CPU)
    pool.put(batch([0, 1], 10))
    assert not pool.full
    pool.put(batch([2], 10))
    assert pool.full
    assert pool.photographs.tolist() == [True, False, True]


def test_any_kept_view_is_taken_and_none_that_is_not_there() -> None:
    pool = Pool(2, 3, 8, CPU)
    pool.put(batch([0, 1], 10))
    pool.put(batch([0], 20))
    assert seen(pool, 0) == {(10, 11), (10, 21), (20, 11), (20, 21)}
    assert seen(pool, 1) == {(10, 11)}


def test_new_views_take_the_place_of_the_oldest() -> None:
    pool = Pool(1, 2, 8, CPU)
    for shade in (10, 20, 30):
        pool.put(batch([0], shade))
    assert {left for left, _ in seen(pool, 0)} == {20, 30}


def test_alike_images_share_runs_and_each_is_there_once() -> None:
    """Three descriptors, each of eight images: runs of four never mix them."""
    memory = torch.eye(3)[torch.arange(24) % 3]
    order = in_runs(memory, 4, np.random.default_rng(1))
    assert sorted(order) == list(range(24))
    assert all(len(set(run % 3)) == 1 for run in order.reshape(6, 4))


def test_runs_differ_from_epoch_to_epoch() -> None:
    memory = torch.nn.functional.normalize(torch.randn(40, 8, generator=torch.Generator()))
    first, second = (in_runs(memory, 4, np.random.default_rng(seed)) for seed in (1, 2))
    assert sorted(first) == sorted(second)
    assert not np.array_equal(first, second)


def test_what_is_left_over_makes_a_shorter_run() -> None:
    assert sorted(in_runs(torch.eye(5), 4, np.random.default_rng(0))) == [0, 1, 2, 3, 4]
