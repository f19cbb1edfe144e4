"""The networks on a CPU: OpenVINO graphs built straight from a checkpoint's tensors.

A graph runtime runs this network several times faster than torch on a CPU, and building the graph
here keeps torch, ONNX files and converters off the machines that only hash and serve. OpenVINO
was chosen over ONNX Runtime by measuring: docs/benchmarks.md has the figures. Precision is pinned
to float32: on CPUs with bfloat16 units OpenVINO would otherwise use them, and codes would depend
on the machine.

It knows the table in ``architecture``; not files, images' origins, or what codes are used for.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from embeddings.network.architecture import (
    LITE0,
    LOCATOR_ANSWER,
    LOCATOR_DOWN,
    LOCATOR_UP,
    MIDDLE,
    Block,
    Layer,
)
from embeddings.network.checkpoint import Checkpoint, ModelInfo
from embeddings.network.looks import Look, middle_part
from embeddings.network.preparing.locating import SIDE
from embeddings.network.runtimes.cpu_graph import CpuGraph
from embeddings.network.tensors import Tensors

_POOL_FLOOR: Final = 1e-4  # as in network.pool: keeps the power's root away from zero


def _convolve(node: Any, layer: Layer, tensors: Tensors) -> Any:
    weight = tensors[f"{layer.name}.weight"]
    geometry: dict[str, Any] = {
        "strides": [layer.stride, layer.stride],
        "pads_begin": [0, 0],
        "pads_end": [0, 0],
        "dilations": [1, 1],
        "auto_pad": "same_upper",
    }
    if layer.groups == 1:
        node = op.convolution(node, op.constant(weight), **geometry)
    else:
        grouped = weight.reshape(layer.groups, -1, *weight.shape[1:])
        node = op.group_convolution(node, op.constant(grouped), **geometry)
    node = op.add(node, op.constant(tensors[f"{layer.name}.bias"].reshape(1, -1, 1, 1)))
    return op.clamp(node, 0.0, 6.0) if layer.activated else node


def run_entry(node: Any, entry: Block, tensors: Tensors) -> Any:
    """``node``, (n, inputs, h, w), through one entry of the table."""
    before = node
    for layer in entry.layers:
        node = _convolve(node, layer, tensors)
    return op.add(before, node) if entry.residual else node


def image_input(side: int, mean: float, scale: float) -> tuple[Any, Any]:
    """A graph's parameter ``images``, uint8 (n, s, s, 3), and it normalised as (n, 3, s, s)."""
    images = op.parameter([-1, side, side, 3], np.uint8, name="images")
    node = op.divide(op.subtract(op.convert(images, "f32"), _scalar(mean)), _scalar(scale))
    return images, op.transpose(node, op.constant(np.array([0, 3, 1, 2], np.int64)))


def enlarged(node: Any, side: int) -> Any:
    """``node``, (n, c, h, w), at ``side`` pixels a side, as ``network.enlarged`` does it."""
    axes, sizes = (op.constant(np.array(pair, np.int64)) for pair in ([2, 3], [side, side]))
    return op.interpolate(node, sizes, "linear_onnx", "sizes", axes=axes)


def _pool(node: Any, power: float) -> Any:
    raised = op.power(op.maximum(node, _scalar(_POOL_FLOOR)), _scalar(power))
    return op.power(_mean(raised), _scalar(1 / power))


def _mean(node: Any) -> Any:
    return op.reduce_mean(node, op.constant(np.array([2, 3], np.int64)), keep_dims=False)


def _scalar(value: float) -> Any:
    return op.constant(np.float32(value))


def linear(node: Any, name: str, tensors: Tensors) -> Any:
    """``node``, (n, inputs), through the linear layer ``name``."""
    product = op.matmul(node, op.constant(tensors[f"{name}.weight"]), False, True)
    return op.add(product, op.constant(tensors[f"{name}.bias"]))


def _pooled(info: ModelInfo, tensors: Tensors) -> tuple[Any, Any]:
    """``images`` and what the head sees: pooled (n, 1392)."""
    images, node = image_input(info.detail, info.mean, info.scale)
    node = op.concat([_looked(node, look, info) for look in info.looks], 0)
    middle = node
    for place, entry in enumerate(LITE0):
        if place == MIDDLE:
            middle = node
        node = run_entry(node, entry, tensors)
    powers = float(tensors["middle_power"]), float(tensors["last_power"])
    pooled = op.concat([_pool(middle, powers[0]), _pool(node, powers[1])], 1)
    return images, _averaged(pooled, len(info.looks))


def _looked(node: Any, look: Look, info: ModelInfo) -> Any:
    """One look at ``node``, (n, c, detail, detail), enlarged to (n, c, side, side)."""
    if look == "mirrored":
        node = _reversed(node, 3, info.detail)
    elif look == "turned":
        # What was the last column becomes the first row.
        turned = op.transpose(node, op.constant(np.array([0, 1, 3, 2], np.int64)))
        node = _reversed(turned, 2, info.detail)
    elif look == "middle":
        part = middle_part(info.detail)
        bounds = (op.constant(np.array([end] * 2, np.int64)) for end in (part.start, part.stop))
        node = op.slice(
            node, *bounds, op.constant(np.array([1, 1], np.int64)),
            op.constant(np.array([2, 3], np.int64)),
        )  # fmt: skip
    return enlarged(node, info.input_size)


def _reversed(node: Any, axis: int, length: int) -> Any:
    places = op.constant(np.arange(length - 1, -1, -1, dtype=np.int64))
    return op.gather(node, places, op.constant(np.int64(axis)))


def _averaged(rows: Any, looks: int) -> Any:
    """The mean of each image's rows: (looks n, c), look by look, to (n, c)."""
    grouped = op.reshape(rows, op.constant(np.array([looks, -1, _width(rows)], np.int64)), False)
    return op.reduce_mean(grouped, op.constant(np.array([0], np.int64)), keep_dims=False)


def _width(rows: Any) -> int:
    return int(rows.get_output_partial_shape(0)[1].get_length())


def build(checkpoint: Checkpoint) -> ov.Model:
    """The graph: ``images``, uint8 (n, s, s, 3), to descriptors (n, 256)."""
    info, tensors = checkpoint.info, checkpoint.tensors
    images, pooled = _pooled(info, tensors)
    return ov.Model([linear(pooled, "head", tensors)], [images], info.space)


def build_locator(checkpoint: Checkpoint) -> ov.Model:
    """The locator: ``images``, uint8 (n, 96, 96, 3), to shares (n, 1, 24, 24), 0..1."""
    info, tensors = checkpoint.info, checkpoint.tensors
    images, node = image_input(SIDE, info.mean, info.scale)
    passed = []
    for layers in LOCATOR_DOWN:
        for layer in layers:
            node = _convolve(node, layer, tensors)
        passed.append(node)
    for (narrow, merge), before in zip(LOCATOR_UP, passed[-2::-1], strict=True):
        doubled = _doubled(_convolve(node, narrow, tensors))
        node = _convolve(op.add(doubled, before), merge, tensors)
    return ov.Model([op.sigmoid(_convolve(node, LOCATOR_ANSWER, tensors))], [images], "locator")


def _doubled(node: Any) -> Any:
    """``node``, (n, c, h, w), with every cell as two by two."""
    axes = op.constant(np.array([2, 3], np.int64))
    scales = op.constant(np.array([2, 2], np.float32))
    return op.interpolate(
        node, scales, "nearest", "scales", nearest_mode="floor",
        coordinate_transformation_mode="asymmetric", axes=axes,
    )  # fmt: skip


class OpenVinoNetwork:
    """The compiled graphs. Safe to call from several threads."""

    def __init__(self, checkpoint: Checkpoint, streams: int) -> None:
        """``streams``: calls that may run side by side, each on one core; more wait in line."""
        self._descriptors = CpuGraph(partial(build, checkpoint), streams)
        self._locator = CpuGraph(partial(build_locator, checkpoint), streams)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors, float32 (n, 256), of uint8 (n, s, s, 3)."""
        return self._descriptors(images)

    def locate(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much of each cell is the picture's, float32 (n, 24, 24), of uint8 (n, 96, 96, 3)."""
        return self._locator(images)[:, 0]
