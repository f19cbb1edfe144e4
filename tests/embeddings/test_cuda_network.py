"""The CUDA encoder's arithmetic gives nearly the CPU's codes; measured here without a device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from embeddings import codes
from embeddings.errors import DeviceError
from embeddings.network.checkpoint import Checkpoint, load
from embeddings.network.encoder import Encoded, NetworkEncoder, load_encoder
from embeddings.network.looks import LOOKS
from embeddings.network.runtimes.cuda_network import CudaNetwork, Precision, open_cuda_encoder
from embeddings.network.runtimes.openvino_graph import OpenVinoNetwork
from evaluation.corpora.samples import drawings, photographs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images() -> list[NDArray[np.uint8]]:
    return [np.asarray(sample.image) for sample in (*photographs(), *drawings())]


@pytest.fixture(scope="module")
def reference(images: list[NDArray[np.uint8]]) -> Encoded:
    return load_encoder("cpu").encode(images)


def encoded(precision: Precision, images: list[NDArray[np.uint8]]) -> Encoded:
    checkpoint = load()
    network = CudaNetwork(checkpoint, "cpu", precision)
    return NetworkEncoder(checkpoint.info, network, "test", batch=8).encode(images)


@pytest.mark.parametrize(("precision", "most"), [("float32", 1), ("float16", 4)])
def test_float32_and_float16_stay_within_four_bits_of_the_cpu(
    images: list[NDArray[np.uint8]], reference: Encoded, precision: Precision, most: int
) -> None:
    ours = encoded(precision, images)
    apart = np.diag(codes.distances(ours.codes, reference.codes))
    assert np.mean(apart <= most) >= 0.99
    assert apart.max() <= 2 * most


def test_bfloat16_strays_further_but_not_as_far_as_strangers_stand(
    images: list[NDArray[np.uint8]], reference: Encoded
) -> None:
    """Eight bits of mantissa are few: the reason why it is not the default."""
    apart = np.diag(codes.distances(encoded("bfloat16", images).codes, reference.codes))
    assert np.median(apart) <= 16
    assert apart.max() <= 40


def test_all_looks_are_pooled_as_on_the_cpu(images: list[NDArray[np.uint8]]) -> None:
    checkpoint = load()
    checkpoint = Checkpoint(replace(checkpoint.info, looks=LOOKS), checkpoint.tensors)
    ours, theirs = (
        NetworkEncoder(checkpoint.info, network, "test", batch=8).encode(images[::4])
        for network in (CudaNetwork(checkpoint, "cpu", "float32"), OpenVinoNetwork(checkpoint, 1))
    )
    assert np.diag(codes.distances(ours.codes, theirs.codes)).max() <= 2


def test_an_unknown_precision_and_a_missing_device_are_named() -> None:
    with pytest.raises(DeviceError, match="float8"):
        open_cuda_encoder("float8", device="cpu")  # type: ignore[arg-type]
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="no CUDA device"):
            open_cuda_encoder()
