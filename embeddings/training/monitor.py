"""A small, fixed measurement of copy detection to watch while training.

Images held out of training: the first half are references, each sought by three strong copies;
copies of the second half are strangers. It knows codes and distances; the full evaluation is
``evaluation``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from embeddings import codes
from embeddings.edits import sampling
from embeddings.network.encoder import prepare
from embeddings.network.preparing.locating import Locate
from embeddings.network.runtimes.torch_module import Lite0
from embeddings.training.batches.data import TrainingImage
from embeddings.training.batches.inputs import as_input

_COPIES: Final = 3
_CHUNK: Final = 16


class Watched(Dataset[tuple[NDArray[np.uint8], NDArray[np.uint8]]]):
    """What is drawn of the images, a few images at a time; of each the same in any order."""

    def __init__(self, images: list[TrainingImage], locate: Locate, detail: int, seed: int) -> None:
        """``detail``: pixels a side images are brought down to."""
        self.images, self.locate, self.detail, self.seed = images, locate, detail, seed

    def __len__(self) -> int:
        return -(-len(self.images) // _CHUNK)

    def __getitem__(self, chunk: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The images, uint8 (n, s, s, 3), and their copies, uint8 (3n, s, s, 3), an image's
        together.
        """
        places = range(len(self.images))[chunk * _CHUNK : (chunk + 1) * _CHUNK]
        plain = [np.asarray(self.images[place].open()) for place in places]
        copies = [copy for place in places for copy in self._copies(place)]
        return prepare(plain, self.detail, self.locate), prepare(copies, self.detail, self.locate)

    def _copies(self, place: int) -> list[NDArray[np.uint8]]:
        rng = np.random.default_rng((self.seed, 3, place))
        image, other = self.images[place], self.images[place - 1]
        return [
            np.asarray(sampling.sample(image.open(), other.open(), rng, 0.8, image.kind))
            for _ in range(_COPIES)
        ]


class Monitor:
    """References, copies and strangers, drawn once."""

    def __init__(self, drawn: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> None:
        """``drawn``: all of a ``Watched``, in order."""
        images, copies = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        self.references, self.copies = images[: len(images) // 2], copies

    def measure(self, network: Lite0) -> dict[str, float]:
        """Recall when 1% of strangers are falsely matched, recall at 48 bits, and recall at 1."""
        references, copies = (_codes(network, each) for each in (self.references, self.copies))
        half = len(references)
        # (images, copies, references): the first half of the images are the references.
        away = codes.distances(copies, references).reshape(-1, _COPIES, half)
        inside = np.arange(half)
        true = away[inside, :, inside]
        away[inside, :, inside] = codes.CODE_BITS + 1
        outside = np.sort(away[half:].min(2), axis=None)
        # The largest radius at which at most 1% of the strangers are matched.
        radius = outside[int(len(outside) * 0.01)] - 1
        return {
            "recall_at_1_percent": float((true <= radius).mean()),
            "radius_at_1_percent": float(radius),
            "recall_at_48_bits": float((true <= 48).mean()),
            # Ties are misses: codes that are all one would else find everything.
            "recall_at_1": float((true < away[:half].min(2)).mean()),
        }


def _codes(network: Lite0, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    device = network.head.weight.device
    with torch.inference_mode():
        rows = [
            network(as_input(images[start : start + 64]).to(device)).descriptors
            for start in range(0, len(images), 64)
        ]
    return codes.from_descriptors(torch.cat(rows).cpu().numpy())
