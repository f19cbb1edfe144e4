"""Tensors of checkpoint files: the shapes they must have, and float16 as they are stored.

It knows no network: a checkpoint's module says which tensors it holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import CheckpointError
from embeddings.network.architecture import Layer

Tensors = Mapping[str, NDArray[np.float32]]
"""Tensor name to float32 array."""

Shapes = Mapping[str, tuple[int, ...]]
"""Tensor name to shape."""


def layer_shapes(layers: Iterable[Layer]) -> dict[str, tuple[int, ...]]:
    """The weights and biases of convolutions."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in layers:
        inputs = layer.inputs // layer.groups
        shapes[f"{layer.name}.weight"] = (layer.outputs, inputs, layer.kernel, layer.kernel)
        shapes[f"{layer.name}.bias"] = (layer.outputs,)
    return shapes


def in_half(tensors: Tensors) -> dict[str, NDArray[np.float16]]:
    """``tensors`` as a file holds them; what does not fit becomes infinite."""
    # safetensors writes an array's memory as it lies, whatever its strides say.
    with np.errstate(over="ignore"):
        return {name: np.asarray(tensor, np.float16, order="C") for name, tensor in tensors.items()}


def digest_of(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256, 64 hex digits, of the tensors' names, types and values, whatever their order."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(name.encode() + b"\0" + str(tensors[name].dtype).encode() + b"\0")
        sha.update(tensors[name].tobytes())
    return sha.hexdigest()


def check_shapes(tensors: Mapping[str, NDArray[Any]], shapes: Shapes, path: Path) -> None:
    """Raise ``CheckpointError`` naming the first tensor that is missing, new or misshapen."""
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(shapes.keys() | found.keys()):
        if shapes.get(name) != found.get(name):
            raise CheckpointError(
                f"{path}: tensor {name} is {found.get(name)}, not {shapes.get(name)}"
            )
