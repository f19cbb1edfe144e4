"""What a run is watched by is the same on every machine, and tells copies from strangers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.network.checkpoint import load
from embeddings.network.looks import Look
from embeddings.network.preparing.locating import Locate
from embeddings.network.runtimes.torch_module import Lite0
from embeddings.network.runtimes.torch_network import fill
from embeddings.training.batches.data import drawn_ahead, read_shards
from embeddings.training.monitor import Monitor, Watched

pytestmark = pytest.mark.slow

DETAIL, SIDE = 112, 160


@pytest.fixture
def watched(corpus: Path, everywhere: Locate) -> Watched:
    return Watched(read_shards(corpus), everywhere, DETAIL, 7)


def drawn(watched: Watched) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    return [watched[chunk] for chunk in range(len(watched))]


def test_every_image_is_drawn_once_and_three_copies_of_it(watched: Watched) -> None:
    images, copies = (np.concatenate(parts) for parts in zip(*drawn(watched), strict=True))
    assert images.shape == (24, DETAIL, DETAIL, 3)
    assert copies.shape == (72, DETAIL, DETAIL, 3)
    assert len({copy.tobytes() for copy in copies}) == 72


@pytest.mark.parametrize("workers", [0, 2])
def test_any_number_of_processes_draws_the_same(watched: Watched, workers: int) -> None:
    for ours, theirs in zip(drawn(watched), drawn_ahead(watched, workers), strict=True):
        for left, right in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("looks", [("whole",), ("whole", "turned")])
def test_a_trained_network_finds_copies_and_an_untrained_one_does_not(
    watched: Watched, looks: tuple[Look, ...]
) -> None:
    monitor = Monitor(drawn(watched))
    trained = monitor.measure(fill(Lite0(looks, SIDE), load().tensors).eval())
    untrained = monitor.measure(Lite0(looks, SIDE).eval())
    assert trained["recall_at_1"] > 0.8
    assert untrained["recall_at_1"] < trained["recall_at_1"] - 0.2
    assert trained["recall_at_1_percent"] > untrained["recall_at_1_percent"]
