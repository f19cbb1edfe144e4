"""A small, fixed measurement of copy detection to watch while training.

Images held out of training: the first half are references, each sought by three strong copies;
copies of the second half are outsiders. It knows codes and distances; the full evaluation is
``evaluation``'s.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings import codes
from embeddings.edits import sampling
from embeddings.encoder import prepare
from embeddings.locating import Locate
from embeddings.network import Lite0, enlarged
from embeddings.training.data import TrainingImage
from embeddings.training.inputs import as_input

_COPIES = 3


class Monitor:
    """References, copies and outsiders, drawn once."""

    def __init__(
        self, images: list[TrainingImage], locate: Locate, detail: int, side: int, seed: int
    ) -> None:
        """``detail``: pixels a side images are brought down to; ``side``: and enlarged to."""
        self.side = side
        rng = np.random.default_rng((seed, 3))
        half = len(images) // 2
        self.references = prepare([np.asarray(i.open()) for i in images[:half]], detail, locate)
        copies = [
            np.asarray(
                sampling.sample(image.open(), images[place - 1].open(), rng, 0.8, image.kind)
            )
            for _ in range(_COPIES)
            for place, image in enumerate(images)
        ]
        self.copies = prepare(copies, detail, locate)

    def measure(self, network: Lite0) -> dict[str, float]:
        """Recall when 1% of outsiders are falsely matched, recall at 48 bits, and recall at 1."""
        references = _codes(network, self.references, self.side)
        copies = _codes(network, self.copies, self.side)
        half = len(references)
        # (copies, images, references): the first half of the images are the references.
        away = codes.distances(copies, references).reshape(_COPIES, -1, half)
        true = away[:, np.arange(half), np.arange(half)]
        outside = np.sort(away[:, half:].min(2), axis=None)
        # The largest radius at which at most 1% of the outsiders are matched.
        radius = outside[int(len(outside) * 0.01)] - 1
        return {
            "recall_at_1_percent": float((true <= radius).mean()),
            "radius_at_1_percent": float(radius),
            "recall_at_48_bits": float((true <= 48).mean()),
            "recall_at_1": float((true <= away[:, :half].min(2)).mean()),
        }


def _codes(network: Lite0, images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    device = network.head.weight.device
    with torch.inference_mode():
        rows = [
            network(enlarged(as_input(images[start : start + 64]).to(device), side)).descriptors
            for start in range(0, len(images), 64)
        ]
    return codes.from_descriptors(torch.cat(rows).cpu().numpy())
