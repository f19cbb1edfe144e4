"""The network in torch behind the encoder's interface: what CUDA devices run.

It knows how a checkpoint's tensors fill ``network.Lite0`` and ``network.Locator``; not how images
are prepared.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embeddings.errors import DeviceError
from embeddings.network.architecture import LITE0, LOCATOR, Layer
from embeddings.network.checkpoint import Checkpoint
from embeddings.network.runtimes.torch_module import Lite0, Locator
from embeddings.network.tensors import Tensors

FULL_FLOATS: Final = threading.RLock()
"""Held while cuDNN's settings differ from the process's: they are one for all threads.
TensorFloat-32 keeps ten bits of mantissa, too few for codes to agree with the CPU's."""


def convolutions(module: torch.nn.Module) -> list[torch.nn.Conv2d]:
    """Those of ``module``, in the order of its layers."""
    return [part for part in module.modules() if isinstance(part, torch.nn.Conv2d)]


def of_layers(layers: Iterable[Layer], found: Iterable[torch.nn.Conv2d]) -> dict[str, torch.Tensor]:
    """The tensors of ``layers`` by name; those ``found`` are theirs, in the same order."""
    named: dict[str, torch.Tensor] = {}
    for layer, convolution in zip(layers, found, strict=True):
        assert convolution.bias is not None
        named[f"{layer.name}.weight"] = convolution.weight
        named[f"{layer.name}.bias"] = convolution.bias
    return named


def _locator_names(locator: Locator) -> dict[str, torch.Tensor]:
    pairs = zip(locator.narrow, locator.merge, strict=True)
    parts = [locator.down, *(part for pair in pairs for part in pair), locator.answer]
    return of_layers(LOCATOR, [layer for part in parts for layer in convolutions(part)])


def _names(network: Lite0) -> dict[str, torch.Tensor]:
    """Tensor names of a checkpoint to the parameters they fill."""
    named: dict[str, torch.Tensor] = {
        "middle_power": network.middle_power,
        "last_power": network.last_power,
        "head.weight": network.head.weight,
        "head.bias": network.head.bias,
    }
    for entry, module in zip(LITE0, network.entries, strict=True):
        named |= of_layers(entry.layers, convolutions(module))
    return named


def network_of(checkpoint: Checkpoint) -> Lite0:
    """The checkpoint's network, float32, not to be trained."""
    info = checkpoint.info
    network = fill(Lite0(info.looks, info.input_size), checkpoint.tensors).eval()
    return network.requires_grad_(False)


def fill(network: Lite0, tensors: Tensors) -> Lite0:
    """Copy a checkpoint's tensors into ``network``; what ``tensors`` lacks stays as it was."""
    copy_into(tensors, _names(network))
    return network


def fill_locator(locator: Locator, tensors: Tensors) -> Locator:
    """Copy a checkpoint's tensors into ``locator``."""
    named = _locator_names(locator)
    copy_into({name: tensors[name] for name in named}, named)
    return locator


def copy_into(tensors: Tensors, named: Mapping[str, torch.Tensor]) -> None:
    """Copy ``tensors`` into the parameters of their names; what they lack stays as it was."""
    with torch.no_grad():
        for name, parameter in named.items():
            if name in tensors:
                parameter.copy_(torch.from_numpy(np.asarray(tensors[name], np.float32)))


def tensors_of(network: Lite0) -> dict[str, NDArray[np.float32]]:
    """The tensors of ``network`` as a checkpoint names them."""
    return _arrays(_names(network))


def locator_tensors(locator: Locator) -> dict[str, NDArray[np.float32]]:
    """The tensors of ``locator`` as a checkpoint names them."""
    return _arrays(_locator_names(locator))


def _arrays(named: Mapping[str, torch.Tensor]) -> dict[str, NDArray[np.float32]]:
    return {
        name: parameter.detach().float().cpu().numpy().copy() for name, parameter in named.items()
    }


class TorchLocator:
    """A checkpoint's locator in torch, float32. Safe to call from several threads."""

    def __init__(self, mean: float, scale: float, tensors: Tensors, device: str = "cpu") -> None:
        """``mean``, ``scale``: what is subtracted from each 8-bit value, and then divides it."""
        self._mean, self._scale, self._device = mean, scale, torch.device(device)
        locator = fill_locator(Locator(), tensors).eval().requires_grad_(False)
        self._locator = locator.to(memory_format=torch.channels_last).to(self._device)

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much of each cell is the picture's, float32 (n, 24, 24), of uint8 (n, 96, 96, 3)."""
        with FULL_FLOATS, torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            batch = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2).float()
            shares: Tensor = self._locator((batch - self._mean) / self._scale).sigmoid()
        return shares.cpu().numpy()


class TorchNetwork:
    """A checkpoint in torch, float32. Safe to call from several threads."""

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError("device cuda was asked for, and torch sees no CUDA device")
        self._info, self._device = checkpoint.info, torch.device(device)
        network = network_of(checkpoint)
        self._network = network.to(memory_format=torch.channels_last).to(self._device)
        self.locate = TorchLocator(
            checkpoint.info.mean, checkpoint.info.scale, checkpoint.tensors, device
        )

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors, float32 (n, 256), of uint8 (n, s, s, 3)."""
        assert images.shape[1:] == (self._info.detail, self._info.detail, 3), images.shape
        # What is not named is switched off, cuDNN itself included.
        with FULL_FLOATS, torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            batch = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2).float()
            outputs = self._network((batch - self._info.mean) / self._info.scale)
        descriptors: Tensor = outputs.descriptors
        return descriptors.cpu().numpy()
