"""What a trainer on a CPU runs faster than torch: layers that are not trained, 1x1 convolutions.

Entries that keep their weights need no gradient: the product's graph runtime takes a third of
torch's time for them. Where the CPU has units for bfloat16, trained 1x1 convolutions run as matrix
products in it; depthwise convolutions stay in float32, whose backward pass torch runs several
times faster. Together a step of 64 pairs takes two thirds of its time (docs/training-log.md).

It knows the network's table and its layers; not losses, data or schedules.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from openvino import opset13 as op
from torch import Tensor, nn
from torch.nn import functional

from embeddings.network.architecture import LITE0
from embeddings.network.runtimes.openvino_graph import enlarged, image_input, run_entry
from embeddings.network.tensors import Tensors


class FrozenEntries:
    """The first entries of the network, with weights that never change."""

    def __init__(
        self,
        tensors: Tensors,
        entries: int,
        detail: int,
        side: int,
        mean: float,
        scale: float,
        threads: int,
    ) -> None:
        """``tensors`` hold at least those entries' weights; images are ``detail`` pixels square
        and enlarged to ``side``.
        """
        images, node = image_input(detail, mean, scale)
        node = enlarged(node, side)
        for entry in LITE0[:entries]:
            node = run_entry(node, entry, tensors)
        # Channels last, as torch wants them for what follows.
        node = op.transpose(node, op.constant(np.array([0, 2, 3, 1], np.int64)))
        self._compiled = ov.Core().compile_model(
            ov.Model([node], [images], "frozen"),
            "CPU",
            {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1},
        )

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """Features, float (n, c, h, w), channels last in memory, of uint8 (n, s, s, 3)."""
        results = self._compiled.create_infer_request().infer([images], share_inputs=True)
        features = np.array(results[self._compiled.output(0)], np.float32)
        return torch.from_numpy(features).permute(0, 3, 1, 2)


class Pointwise(nn.Conv2d):
    """A 1x1 convolution as a bfloat16 matrix product; weights and results are float32."""

    def forward(self, features: Tensor) -> Tensor:
        """Float (n, inputs, h, w), channels last in memory, to float (n, outputs, h, w)."""
        assert self.bias is not None
        count, inputs, height, width = features.shape
        rows = features.permute(0, 2, 3, 1).reshape(-1, inputs).bfloat16()
        weight = self.weight.view(self.out_channels, inputs).bfloat16()
        product = functional.linear(rows, weight, self.bias.bfloat16()).float()
        return product.view(count, height, width, -1).permute(0, 3, 1, 2)


def has_bfloat16_units() -> bool:
    """Whether this CPU multiplies bfloat16 itself: where it does not, torch takes ten times as long
    for it as for float32.
    """
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def quicken(network: nn.Module, bfloat16: bool) -> None:
    """Make no activation of ``network`` work in place and, if ``bfloat16``, every 1x1 convolution a
    ``Pointwise``; parameters stay as they are.
    """
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            # In place, autograd would copy every product back into the view it came from.
            module.inplace = False
        elif bfloat16 and _is_pointwise(module):
            module.__class__ = Pointwise


def _is_pointwise(module: nn.Module) -> bool:
    return type(module) is nn.Conv2d and module.kernel_size == (1, 1) and module.groups == 1
