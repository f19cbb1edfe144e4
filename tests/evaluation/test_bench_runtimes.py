"""The benchmark of runtimes times the same network in each of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from embeddings.network.checkpoint import load
from embeddings.network.looks import LOOKS, Look
from embeddings.network.runtimes.torch_network import network_of
from evaluation.speed.runtimes import _onnx_runtime


@pytest.mark.parametrize("looks", [("whole",), LOOKS])
@pytest.mark.filterwarnings("ignore")  # torch and its exporter deprecate the tracing they share
def test_what_is_exported_says_what_the_network_says(looks: tuple[Look, ...]) -> None:
    """For any number of images."""
    shipped = load()
    checkpoint = replace(shipped, info=replace(shipped.info, looks=looks))
    exported = _onnx_runtime(checkpoint)
    detail = checkpoint.info.detail
    for count in (1, 3):
        images = np.random.default_rng(count).normal(size=(count, 3, detail, detail))
        pixels = images.astype(np.float32)
        with torch.inference_mode():
            expected = network_of(checkpoint)(torch.from_numpy(pixels)).descriptors
        found = np.asarray(exported(pixels))[0]
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-2)
