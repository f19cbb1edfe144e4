"""The network in torch behind the encoder's interface: what CUDA devices run.

It knows how a checkpoint's tensors fill ``network.Lite0``; not how images are prepared.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.architecture import LITE0
from embeddings.checkpoint import Checkpoint, Tensors
from embeddings.errors import DeviceError
from embeddings.network import Lite0


def _names(network: Lite0) -> dict[str, torch.Tensor]:
    """Tensor names of a checkpoint to the parameters they fill."""
    named: dict[str, torch.Tensor] = {
        "middle_power": network.middle_power,
        "last_power": network.last_power,
        "head.weight": network.head.weight,
        "head.bias": network.head.bias,
        "photographic.weight": network.photographic.weight,
        "photographic.bias": network.photographic.bias,
        "texture.weight": network.texture.weight,
    }
    for entry, module in zip(LITE0, network.entries, strict=True):
        convolutions = [part for part in module.modules() if isinstance(part, torch.nn.Conv2d)]
        for layer, convolution in zip(entry.layers, convolutions, strict=True):
            assert convolution.bias is not None
            named[f"{layer.name}.weight"] = convolution.weight
            named[f"{layer.name}.bias"] = convolution.bias
    return named


def fill(network: Lite0, tensors: Tensors) -> Lite0:
    """Copy a checkpoint's tensors into ``network``; what ``tensors`` lacks stays as it was."""
    with torch.no_grad():
        for name, parameter in _names(network).items():
            if name in tensors:
                parameter.copy_(torch.from_numpy(np.asarray(tensors[name], np.float32)))
    return network


def tensors_of(network: Lite0) -> dict[str, NDArray[np.float32]]:
    """The tensors of ``network`` as a checkpoint names them."""
    return {
        name: parameter.detach().float().cpu().numpy().copy()
        for name, parameter in _names(network).items()
    }


class TorchNetwork:
    """A checkpoint in torch, float32. Safe to call from several threads."""

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError("device cuda was asked for, and torch sees no CUDA device")
        self._info, self._device = checkpoint.info, torch.device(device)
        network = fill(Lite0(), checkpoint.tensors).eval().requires_grad_(False)
        self._network = network.to(memory_format=torch.channels_last).to(self._device)

    @torch.inference_mode()
    def __call__(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Descriptors, float32 (n, 256), and logits, float32 (n,), of uint8 (n, s, s, 3)."""
        # TensorFloat-32 keeps ten bits of mantissa: too few for the code to agree with the CPU's.
        # What is not named is switched off, cuDNN itself included.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            batch = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2).float()
            outputs = self._network((batch - self._info.mean) / self._info.scale)
        return outputs.descriptors.cpu().numpy(), outputs.photographic.cpu().numpy()
