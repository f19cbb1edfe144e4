"""The imagery network in torch, for training: the twin of the graph that the product runs.

It knows the table in ``architecture`` and the tensors of an imagery checkpoint; not pictures.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embeddings.network.architecture import LITE0
from embeddings.network.imagery_checkpoint import MOMENTS, PLAIN, SEEN, ImageryCheckpoint
from embeddings.network.runtimes.torch_module import InvertedResidual
from embeddings.network.runtimes.torch_network import convolutions, copy_into, of_layers
from embeddings.network.tensors import Tensors


class ImageryTwin(nn.Module):
    """EfficientNet-Lite0 under the two heads of the imagery score."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = nn.ModuleList(InvertedResidual(e.layers, e.residual) for e in LITE0)
        self.evidence = nn.Linear(SEEN, 1)
        self.certainty = nn.Linear(PLAIN, 1)

    def early(self, images: Tensor, entries: int) -> tuple[Tensor, Tensor]:
        """The first ``entries`` of the table: their features, and the moments they give."""
        return self._run(images, range(entries))

    def late(self, features: Tensor, moments: Tensor, entries: int) -> Tensor:
        """What the heads see, (n, ``SEEN``), of what ``early`` gave with the same ``entries``."""
        _, rest = self._run(features, range(entries, len(self.entries)))
        return torch.cat((moments, rest), 1)

    def logits(self, seen: Tensor) -> Tensor:
        """Float (n, ``SEEN``) to logits, float (n,)."""
        logits: Tensor = self.evidence(seen) * self.certainty(seen[:, :PLAIN]).sigmoid()
        return logits[:, 0]

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float (n,), of normalised images, float (n, 3, s, s)."""
        _, moments = self._run(images, range(len(self.entries)))
        return self.logits(moments)

    def _run(self, features: Tensor, places: range) -> tuple[Tensor, Tensor]:
        moments = [features.new_empty((len(features), 0))]
        for place in places:
            features = self.entries[place](features)
            if place in MOMENTS:
                # The root's slope is infinite at nought: a channel may be silent everywhere.
                squares = features.square().mean((2, 3))
                moments += [features.mean((2, 3)), squares.clamp(min=1e-12).sqrt()]
        return features, torch.cat(moments, 1)


def _names(network: ImageryTwin) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {
        f"{name}.{part}": getattr(getattr(network, name), part)
        for name in ("evidence", "certainty")
        for part in ("weight", "bias")
    }
    for entry, module in zip(LITE0, network.entries, strict=True):
        named |= of_layers(entry.layers, convolutions(module))
    return named


def fill(network: ImageryTwin, tensors: Tensors) -> ImageryTwin:
    """Copy a checkpoint's tensors into ``network``; what ``tensors`` lacks stays as it was."""
    copy_into(tensors, _names(network))
    return network


def tensors_of(network: ImageryTwin) -> dict[str, NDArray[np.float32]]:
    """The tensors of ``network`` as an imagery checkpoint names them."""
    return {name: p.detach().float().cpu().numpy().copy() for name, p in _names(network).items()}


class TwinLogits:
    """An imagery checkpoint in torch behind ``imagery.Logits``."""

    def __init__(self, checkpoint: ImageryCheckpoint) -> None:
        self._info = checkpoint.info
        self._network = fill(ImageryTwin(), checkpoint.tensors).eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32 (n,), of uint8 (n, s, s, 3)."""
        batch = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        logits: Tensor = self._network((batch - self._info.mean) / self._info.scale)
        return logits.numpy()
