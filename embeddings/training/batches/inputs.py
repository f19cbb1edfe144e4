"""How prepared images become the network's input while training. It knows the ImageNet scaling."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embeddings.training.imagenet import MEAN, SCALE


def as_input(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (n, s, s, 3) as the network takes it: float (n, 3, s, s), channels last in memory."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() - MEAN) / SCALE
