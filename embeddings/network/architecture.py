"""The shapes of EfficientNet-Lite0, of our head and of the locator, as tables.

The network is a stem, sixteen inverted-residual blocks, a last 1x1 convolution, and a head; every
batch norm is folded into the convolution before it, so a layer is a weight, a bias and, where
``activated``, a ReLU6. Convolutions pad as TensorFlow's SAME does (for stride 2 and an even side
one pixel more at the right and at the bottom): the ImageNet weights were trained so.

It knows no tensor library: ``network`` builds the table in torch, ``runtime`` in OpenVINO.
Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Layer:
    """One convolution with its folded batch norm."""

    name: str
    """Its tensors are ``NAME.weight`` (out, in / groups, k, k) and ``NAME.bias`` (out,)."""
    inputs: int
    outputs: int
    kernel: int
    stride: int
    groups: int
    activated: bool


@dataclass(frozen=True)
class Block:
    """Layers in a row; ``residual`` adds the block's input to its output."""

    layers: tuple[Layer, ...]
    residual: bool


def _block(name: str, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> Block:
    wide = inputs * expansion
    layers = (
        *((Layer(f"{name}.expand", inputs, wide, 1, 1, 1, True),) if expansion > 1 else ()),
        Layer(f"{name}.depthwise", wide, wide, kernel, stride, wide, True),
        Layer(f"{name}.project", wide, outputs, 1, 1, 1, False),
    )
    return Block(layers, residual=stride == 1 and inputs == outputs)


def _lite0() -> tuple[Block, ...]:
    # kernel, stride of the first, expansion, outputs, repeats
    stages = (
        (3, 1, 1, 16, 1),
        (3, 2, 6, 24, 2),
        (5, 2, 6, 40, 2),
        (3, 2, 6, 80, 3),
        (5, 1, 6, 112, 3),
        (5, 2, 6, 192, 4),
        (3, 1, 6, 320, 1),
    )
    blocks = [Block((Layer("stem", 3, 32, 3, 2, 1, True),), residual=False)]
    inputs = 32
    for kernel, stride, expansion, outputs, repeats in stages:
        for repeat in range(repeats):
            name = f"blocks.{len(blocks) - 1}"
            first = stride if repeat == 0 else 1
            blocks.append(_block(name, inputs, outputs, kernel, first, expansion))
            inputs = outputs
    blocks.append(Block((Layer("last", 320, 1280, 1, 1, 1, True),), residual=False))
    return tuple(blocks)


LITE0: Final = _lite0()
"""Stem, sixteen blocks, last convolution: eighteen entries."""

MIDDLE: Final = 12
"""Entries of ``LITE0`` up to the last at stride 16; the head pools their 112 channels too."""

POOLED: Final = 112 + 1280
"""Channels the head sees: the middle's and the last's, each pooled over the image."""


def _plain(name: str, inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> Layer:
    return Layer(f"locator.{name}", inputs, outputs, kernel, stride, 1, True)


LOCATOR_DOWN: Final = (
    (_plain("down.0", 3, 16, 2), _plain("down.1", 16, 32, 2), _plain("down.2", 32, 32)),
    (_plain("down.3", 32, 64, 2), _plain("down.4", 64, 64)),
    (_plain("down.5", 64, 96, 2), _plain("down.6", 96, 96), _plain("down.7", 96, 96)),
)
"""The locator on its way down: from 96 pixels a side to 24, 12 and 6 cells. See ``locating``."""

LOCATOR_UP: Final = (
    (_plain("up.0", 96, 64, kernel=1), _plain("up.1", 64, 64)),
    (_plain("up.2", 64, 32, kernel=1), _plain("up.3", 32, 32)),
)
"""And up again, to 12 and to 24 cells. The first of each pair runs before its cells are doubled;
what the way down had at that size is added, and the second runs over the sum."""

LOCATOR_ANSWER: Final = Layer("locator.answer", 32, 1, 1, 1, 1, False)
"""Logit of each of the 24 by 24 cells that it belongs to the picture."""

LOCATOR: Final = (*sum(LOCATOR_DOWN, ()), *sum(LOCATOR_UP, ()), LOCATOR_ANSWER)
"""All of the locator's layers."""
