"""How many images a second the network takes on a device, and how far its codes are from the CPU's

Random pixels in host memory to descriptors in host memory, uploads included, decoding not; and
codes of drawings that this project makes, in each precision against float32. It knows the network;
not indexes.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import torch

from embeddings import codes
from embeddings.network.checkpoint import load
from embeddings.network.encoder import prepare
from embeddings.network.runtimes.cuda_images import JpegPreparer
from embeddings.network.runtimes.cuda_network import SIZES, CudaNetwork, Precision
from embeddings.network.runtimes.torch_network import TorchNetwork
from evaluation.corpora.samples import drawings

_IMAGES: Final = 4096


@dataclass(frozen=True)
class EncodeRow:
    """The network in one precision."""

    model: str
    side: int
    """Pixels a side, as the network computes them."""
    precision: str
    batch: int
    images_per_second: float
    within_four: float
    """Share of drawings whose code is within 4 bits of float32's."""
    most_bits: int
    """Bits between the codes of the drawing that differs most."""


def encode_rows(device: str) -> list[EncodeRow]:
    """A row for each precision, at the largest batch."""
    checkpoint = load()
    side = checkpoint.info.detail
    reference = TorchNetwork(checkpoint, device)
    pictures = prepare([np.asarray(sample.image) for sample in drawings()], side, reference.locate)
    cuda = torch.device(device).type == "cuda"
    pictures = pictures if cuda else pictures[:4]
    expected = codes.from_descriptors(reference(pictures))
    images = np.random.default_rng().integers(
        0, 256, (_IMAGES if cuda else 2, side, side, 3), np.uint8
    )
    rows = []
    for precision in get_args(Precision):
        network = CudaNetwork(checkpoint, device, precision)
        apart = np.diag(codes.distances(codes.from_descriptors(network(pictures)), expected))
        times = []
        for _ in range(5 if cuda else 1):
            start = time.perf_counter()
            network(images)
            times.append(time.perf_counter() - start)
        rows.append(
            EncodeRow(
                checkpoint.info.space,
                checkpoint.info.input_size,
                precision,
                SIZES[-1] if cuda else len(images),
                len(images) / min(times),
                float((apart <= 4).mean()),
                int(apart.max()),
            )
        )
    return rows


def decoding_note(device: str) -> str:
    """How many JPEG files a second are decoded and shrunk, and by what, in words."""
    files = []
    for sample in drawings():
        file = io.BytesIO()
        sample.image.save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    files = files * 32 if torch.device(device).type == "cuda" else files[:4]
    checkpoint = load()
    locate = TorchNetwork(checkpoint, device).locate
    preparer = JpegPreparer(checkpoint.info.detail, locate, device=device)
    rates, on_device = [], 0
    for _ in range(3):
        start = time.perf_counter()
        prepared = preparer(files)
        on_device = prepared.on_device
        rates.append(len(prepared.pixels[:, 0, 0, 0].tolist()) / (time.perf_counter() - start))
    where = preparer.trouble or f"{on_device} of {len(files)} by the device's decoder"
    return f"JPEG files decoded and shrunk: {max(rates):.0f} a second ({where})"
