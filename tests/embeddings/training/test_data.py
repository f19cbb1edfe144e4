"""Batches depend on the seed and the step alone, and hold what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embeddings.network.preparing.locating import Locate
from embeddings.training.batches.data import Curriculum, PairBatches, read_shards

pytestmark = pytest.mark.slow

CURRICULUM = Curriculum(0.2, 1.0, 0.5)

Draw = Callable[..., PairBatches]


@pytest.fixture
def batches(corpus: Path, everywhere: Locate) -> Draw:
    return lambda seed=1, first=0: PairBatches(
        read_shards(corpus), everywhere, 48, 6, 12, CURRICULUM, seed, first
    )


def test_every_image_of_every_shard_is_read(corpus: Path) -> None:
    images = read_shards(corpus)
    assert len(images) == 24
    assert sum(image.kind == "photo" for image in images) == 8


def test_the_same_step_draws_the_same_wherever_it_began(batches: Draw) -> None:
    whole, resumed = batches()[7], batches(first=5)[2]
    np.testing.assert_array_equal(whole.images, resumed.images)
    np.testing.assert_array_equal(whole.left, resumed.left)
    np.testing.assert_array_equal(whole.right, resumed.right)


def test_another_seed_draws_something_else(batches: Draw) -> None:
    assert not np.array_equal(batches()[0].right, batches(seed=2)[0].right)


def test_an_epoch_shows_each_image_at_most_once(batches: Draw) -> None:
    data = batches()
    epoch = np.concatenate([data[step].images for step in range(4)])
    assert len(np.unique(epoch)) == len(epoch) == 24


def test_a_last_batch_holds_what_is_left_of_an_epoch(corpus: Path, everywhere: Locate) -> None:
    data = PairBatches(read_shards(corpus), everywhere, 48, 10, 12, CURRICULUM, 1)
    epoch = [data[step].images for step in range(data.an_epoch)]
    assert [len(images) for images in epoch] == [10, 10, 4]
    assert len(np.unique(np.concatenate(epoch))) == 24


def test_copies_differ_from_what_they_are_copies_of(batches: Draw) -> None:
    batch = batches()[11]
    assert batch.left.shape == batch.right.shape == (6, 48, 48, 3)
    apart = np.abs(batch.left.astype(int) - batch.right).mean((1, 2, 3))
    assert (apart > 0).all()


@pytest.mark.parametrize(("progress", "strength"), [(0, 0.2), (0.25, 0.6), (0.5, 1.0), (1, 1.0)])
def test_strength_rises_and_then_stays(progress: float, strength: float) -> None:
    assert CURRICULUM.at(progress) == pytest.approx(strength)


def test_copies_grow_strong_over_the_training_not_over_what_is_drawn_before_it(
    corpus: Path, everywhere: Locate
) -> None:
    asked: list[float] = []

    class Noted(Curriculum):
        def at(self, progress: float) -> float:
            asked.append(progress)
            return super().at(progress)

    data = PairBatches(read_shards(corpus), everywhere, 16, 12, 6, Noted(0.2, 1.0, 0.5), 1)
    for step in range(6):  # of which the first two fill the pool
        data[step]
    assert asked == [0, 0, 0, 0.25, 0.5, 0.75]
