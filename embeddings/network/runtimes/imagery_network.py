"""The imagery network on a CPU: an OpenVINO graph built straight from its checkpoint's tensors.

EfficientNet-Lite0 with two linear heads over the means and root mean squares of what several of its
entries put out. ``evidence`` speaks for a photograph or against one; ``certainty`` says how much
that is worth: on small, blurred or screenshotted pictures less, which moves the probability towards
a half. Precision is pinned to float32, as for codes: a score must not depend on the machine.

It knows a checkpoint's tensors; not how pictures are prepared (``imagery``). It runs on the CPU
beside an encoder on any device.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from embeddings.network.architecture import LITE0
from embeddings.network.imagery_checkpoint import MOMENTS, PLAIN, ImageryCheckpoint
from embeddings.network.runtimes.cpu_graph import CpuGraph
from embeddings.network.runtimes.openvino_graph import image_input, linear, run_entry
from embeddings.network.tensors import Tensors


def seen(node: Any, tensors: Tensors) -> Any:
    """What the heads see of normalised images: float (n, 3, s, s) to (n, ``SEEN``)."""
    moments: list[Any] = []
    for place, entry in enumerate(LITE0):
        node = run_entry(node, entry, tensors)
        if place in MOMENTS:
            moments += moments_of(node)
    return op.concat(moments, 1)


def moments_of(node: Any) -> tuple[Any, Any]:
    """Mean and root mean square over the image: float (n, c, h, w) to two of (n, c)."""
    axes = op.constant(np.array([2, 3], np.int64))
    squares = op.reduce_mean(op.multiply(node, node), axes, keep_dims=False)
    return op.reduce_mean(node, axes, keep_dims=False), op.sqrt(squares)


def build(checkpoint: ImageryCheckpoint) -> ov.Model:
    """The graph: ``images``, uint8 (n, s, s, 3), to logits (n, 1) that they are photographs."""
    info, tensors = checkpoint.info, checkpoint.tensors
    images, node = image_input(info.side, info.mean, info.scale)
    moments = seen(node, tensors)
    first, last, step, axis = (op.constant(np.array([n], np.int64)) for n in (0, PLAIN, 1, 1))
    plain = op.slice(moments, first, last, step, axis)
    certainty = op.sigmoid(linear(plain, "certainty", tensors))
    logits = op.multiply(linear(moments, "evidence", tensors), certainty)
    return ov.Model([logits], [images], info.name)


class ImageryNetwork:
    """The compiled graph. Safe to call from several threads."""

    def __init__(self, checkpoint: ImageryCheckpoint, streams: int) -> None:
        """``streams``: calls that may run side by side, each on one core; more wait in line."""
        self._logits = CpuGraph(partial(build, checkpoint), streams)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32 (n,), of uint8 (n, s, s, 3)."""
        return self._logits(images)[:, 0]
