"""Views that wait on the trainer's device, and which of them a step is made of.

Copies are drawn by processors, a few hundred a second each; a GPU trains on thousands. So the last
``kept`` pairs of views drawn of every image stay on the device, new ones take the place of the
oldest, and a step takes any left and any right view of its images: one drawing is seen a few times,
beside others each time.

A step's images come in *runs* of such as the network itself takes for alike: the hardest strangers.

It knows views and descriptors; not how views are drawn, nor what is asked of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embeddings.training.batches.data import PairBatch

_TAKEN: Final = -3.0
"""Stands below every cosine: that image is in a run already."""


class Pool:
    """The newest views of each image."""

    def __init__(self, images: int, kept: int, detail: int, device: torch.device) -> None:
        """Room for ``kept`` pairs of views of each of ``images``, ``detail`` pixels a side."""
        shape = (images, kept, detail, detail, 3)
        self._left = torch.empty(shape, dtype=torch.uint8, device=device)
        self._right = torch.empty(shape, dtype=torch.uint8, device=device)
        self._drawn = np.zeros(images, np.int64)
        self._device = device
        self.photographs = torch.zeros(images, dtype=torch.bool, device=device)
        """bool (images,)."""

    @property
    def full(self) -> bool:
        """Whether there is a pair of every image."""
        return bool(self._drawn.min() > 0)

    def put(self, batch: PairBatch) -> None:
        """Keep ``batch``'s views, each image's in the place of its oldest."""
        slots = self._drawn[batch.images] % self._left.shape[1]
        self._drawn[batch.images] += 1
        rows, places = (torch.from_numpy(each).to(self._device) for each in (batch.images, slots))
        self._left[rows, places] = torch.from_numpy(batch.left).to(self._device)
        self._right[rows, places] = torch.from_numpy(batch.right).to(self._device)
        self.photographs[rows] = torch.from_numpy(batch.photographs).to(self._device)

    def take(self, images: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A left and a right view of each of n ``images``: uint8 (n, s, s, 3) each."""
        there = np.minimum(self._drawn[images], self._left.shape[1])
        rows = torch.from_numpy(images).to(self._device)
        left, right = (torch.from_numpy(rng.integers(0, there)).to(self._device) for _ in range(2))
        return self._left[rows, left], self._right[rows, right]


def in_runs(memory: Tensor, run: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Every image once, int64 (images,), in runs of ``run`` that are alike.

    ``memory``: float (images, d), descriptors of unit length. Firsts come in random order, and each
    takes the nearest of what is left: so runs differ from epoch to epoch.
    """
    left = np.ones(len(memory), np.bool_)
    taken = torch.zeros(len(memory), dtype=torch.bool, device=memory.device)
    runs = []
    for first in rng.permutation(len(memory)):
        if left[first]:
            cosines = (memory @ memory[first]).masked_fill(taken, _TAKEN)
            cosines[first] = -_TAKEN  # whatever it says of itself, it leads its run
            nearest = cosines.topk(min(run, int(left.sum()))).indices
            taken[nearest] = True
            runs.append(nearest.cpu().numpy())
            left[runs[-1]] = False
    return np.concatenate([runs[place] for place in rng.permutation(len(runs))])
