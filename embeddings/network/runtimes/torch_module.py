"""The network in torch, for training and for CUDA.

It knows the table in ``architecture`` and the tensors of a checkpoint; not files, images, or what
codes are used for. The CPU product never imports it: see ``runtime``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import Conv2dNormActivation

from embeddings.codes import CODE_BITS
from embeddings.network.architecture import (
    LITE0,
    LOCATOR_ANSWER,
    LOCATOR_DOWN,
    LOCATOR_UP,
    MIDDLE,
    POOLED,
    Layer,
)
from embeddings.network.looks import Look, middle_part


class SamePadding(nn.Module):
    """Pad as TensorFlow's SAME: what a stride leaves over goes to the right and the bottom."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, images: Tensor) -> Tensor:
        """``images``, float (n, c, h, w), with zeros around them."""
        pads: list[int] = []
        for side in (images.shape[-1], images.shape[-2]):
            # Rounded up without a negative number: traced for ONNX, those are rounded to zero.
            steps = (side + self.stride - 1) // self.stride
            total = max((steps - 1) * self.stride + self.kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return functional.pad(images, pads)


def _convolution(layer: Layer) -> nn.Module:
    strided = layer.stride > 1
    convolution: nn.Module = Conv2dNormActivation(
        layer.inputs,
        layer.outputs,
        layer.kernel,
        layer.stride,
        padding=0 if strided else layer.kernel // 2,
        groups=layer.groups,
        norm_layer=None,
        activation_layer=nn.ReLU6 if layer.activated else None,
        bias=True,
    )
    if strided:
        return nn.Sequential(SamePadding(layer.kernel, layer.stride), convolution)
    return convolution


class InvertedResidual(nn.Module):
    """One entry of ``LITE0``."""

    def __init__(self, layers: tuple[Layer, ...], residual: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_convolution(layer) for layer in layers))
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        """Float (n, inputs, h, w) to float (n, outputs, h', w')."""
        out: Tensor = self.layers(features)
        return features + out if self.residual else out


class Outputs(NamedTuple):
    """What the network says of a batch."""

    descriptors: Tensor
    """Float (n, 256); the code is the sign."""
    photographic: Tensor
    """Float (n,): logit that the image is a photograph; asked of the network in training, where it
    keeps the two kinds apart, and left out of a checkpoint."""
    pooled: Tensor
    """Float (n, 1392): what the heads see."""


def pool(features: Tensor, power: Tensor) -> Tensor:
    """Generalised mean over the image. Float (n, c, h, w) and exponents (c,) or () to (n, c)."""
    exponent = power.view(1, -1, 1, 1)
    mean: Tensor = features.clamp(min=1e-4).pow(exponent).mean((2, 3))
    return mean.pow(1 / power)


def looked(images: Tensor, looks: Sequence[Look], side: int) -> Tensor:
    """All ``looks`` at n images, enlarged: float (n, 3, s, s) to (k n, 3, side, side), look by
    look.
    """
    part = middle_part(int(images.shape[-1]))
    ways: dict[Look, Callable[[], Tensor]] = {
        "whole": lambda: images,
        "mirrored": lambda: images.flip(3),
        "turned": lambda: images.transpose(2, 3).flip(2),
        "middle": lambda: images[:, :, part, part],
    }
    taken = [enlarged(ways[look](), side) for look in looks]
    return torch.cat(taken) if len(taken) > 1 else taken[0]


def enlarged(images: Tensor, side: int) -> Tensor:
    """Float (n, c, h, w) at ``side`` pixels a side."""
    return functional.interpolate(images, (side, side), mode="bilinear", align_corners=False)


class Lite0(nn.Module):
    """EfficientNet-Lite0 under the 256-bit head and the photographic head."""

    def __init__(self, looks: Sequence[Look] = ("whole",), side: int | None = None) -> None:
        """``looks``, ``side``: as ``ModelInfo.looks`` and ``input_size``. Only ``forward`` looks:
        ``early`` and ``late`` need neither.
        """
        super().__init__()
        self.looks, self.side = tuple(looks), side
        self.entries = nn.ModuleList(InvertedResidual(e.layers, e.residual) for e in LITE0)
        self.middle_power = nn.Parameter(torch.tensor(3.0))
        self.last_power = nn.Parameter(torch.tensor(3.0))
        self.head = nn.Linear(POOLED, CODE_BITS)
        self.photographic = nn.Linear(POOLED, 1)
        nn.init.zeros_(self.photographic.weight)

    def early(self, images: Tensor, entries: int = MIDDLE) -> Tensor:
        """The first ``entries`` of the table: float (n, 3, s, s), normalised, to features."""
        features = images
        for entry in self.entries[:entries]:
            features = entry(features)
        return features

    def late(self, features: Tensor, entries: int = MIDDLE) -> Outputs:
        """The rest of the table and the heads; ``features`` are ``early``'s."""
        return self._said(self._pooled(features, entries))

    def forward(self, images: Tensor) -> Outputs:
        """``images``: float (n, 3, s, s), normalised as the checkpoint says. What is pooled of all
        looks at an image is averaged.
        """
        assert self.side is not None, "the network was made without a side to enlarge to"
        features = looked(images, self.looks, self.side)
        # What is looked at is computed in the images' precision, the rest in the weights'.
        features = features.to(next(self.entries.parameters()).dtype)
        features = features.contiguous(memory_format=torch.channels_last)
        pooled = self._pooled(self.early(features), MIDDLE)
        return self._said(pooled.view(len(self.looks), -1, pooled.shape[1]).mean(0))

    def _pooled(self, features: Tensor, entries: int) -> Tensor:
        middle = features
        for place in range(entries, len(self.entries)):
            if place == MIDDLE:
                middle = features
            features = self.entries[place](features)
        parts = functional.relu(middle), features
        powers = self.middle_power, self.last_power
        return torch.cat([pool(part, power) for part, power in zip(parts, powers, strict=True)], 1)

    def _said(self, pooled: Tensor) -> Outputs:
        return Outputs(self.head(pooled), self.photographic(pooled)[:, 0], pooled)


class Locator(nn.Module):
    """Where the picture is on a page: see ``locating``."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Sequential(*(_convolution(layer) for layer in layers)) for layers in LOCATOR_DOWN
        )
        self.narrow = nn.ModuleList(_convolution(narrow) for narrow, _ in LOCATOR_UP)
        self.merge = nn.ModuleList(_convolution(merge) for _, merge in LOCATOR_UP)
        self.answer = _convolution(LOCATOR_ANSWER)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float (n, 24, 24), of float (n, 3, 96, 96), normalised as the checkpoint says."""
        features, passed = images, []
        for part in self.down:
            features = part(features)
            passed.append(features)
        for narrow, merge, before in zip(self.narrow, self.merge, passed[-2::-1], strict=True):
            doubled = functional.interpolate(narrow(features), scale_factor=2.0, mode="nearest")
            features = merge(doubled + before)
        logits: Tensor = self.answer(features)
        return logits[:, 0]
