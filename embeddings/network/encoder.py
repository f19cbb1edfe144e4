"""From checked images to codes: one interface, a CPU and a CUDA implementation behind it.

It knows how an image is prepared for the network and what the network's outputs mean; not where
images come from, nor how codes are searched. torch is imported only when a CUDA device is asked
for and there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings import codes
from embeddings.cores import available_cores
from embeddings.errors import DeviceError
from embeddings.network import reference_looks
from embeddings.network.checkpoint import DEFAULT_CHECKPOINT, ModelInfo, load
from embeddings.network.preparing import locating, trimming
from embeddings.network.preparing.locating import Locate

DEVICES: Final = ("auto", "cpu", "cuda")

_BATCH: Final = 16  # beyond it a CPU gains nothing and activations leave the cache


@dataclass(frozen=True)
class Encoded:
    """What the network says of n images."""

    codes: NDArray[np.uint8]
    """uint8 (n, 32)."""
    descriptors: NDArray[np.float32]
    """float32 (n, 256); the code is the sign."""


class Encoder(Protocol):
    """Turns images into codes of one code space. Safe to call from several threads."""

    @property
    def info(self) -> ModelInfo:
        """The model behind it."""
        ...

    @property
    def device(self) -> str:
        """What runs it, as ``/v1/status`` and ``doctor`` show it."""
        ...

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        """Codes to ask with, of ``images``, each uint8 (h, w, 3); the sizes may differ."""
        ...

    def encode_references(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        """Codes to list, each the mean of several looks (``reference_looks``); slower."""
        ...


class Network(Protocol):
    """Prepared images in, raw outputs out."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors, float32 (n, 256), of uint8 (n, s, s, 3)."""
        ...

    def locate(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much of each cell is the picture's, float32 (n, 24, 24), of uint8 (n, 96, 96, 3)."""
        ...


def prepare(images: Sequence[NDArray[np.uint8]], detail: int, locate: Locate) -> NDArray[np.uint8]:
    """``images``, each uint8 (h, w, 3), as the network takes them: uint8 (n, detail, detail, 3).

    Margins of one colour are left out, of a page all but the picture it shows, and that picture's
    margins. What a page shows is found by one call of ``locate`` for all images.
    """
    if not images:
        return np.empty((0, detail, detail, 3), np.uint8)
    parts = [trimming.trimmed(image) for image in images]
    squares = np.stack([squashed(part, detail) for part in parts])
    for found in locating.pictures(squares, [part.shape[:2] for part in parts], locate):
        picture = squashed(trimming.trimmed(found.box.of(parts[found.row])), detail)
        if not locating.is_empty(picture, found.part):
            squares[found.row] = picture
    return squares


def squashed(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``image``, uint8 (h, w, 3), as uint8 (side, side, 3).

    Squashed, not cropped: nothing that has content may be overlooked. Shrinking averages what it
    drops.
    """
    if image.shape[:2] == (side, side):
        return image
    # A gap of 1 first averages blocks of whole pixels, which halves the time of large images.
    resized = Image.fromarray(np.ascontiguousarray(image)).resize(
        (side, side), Image.Resampling.BILINEAR, reducing_gap=1.0
    )
    return np.asarray(resized)


class NetworkEncoder:
    """An encoder over any ``Network``."""

    def __init__(self, info: ModelInfo, network: Network, device: str, batch: int = _BATCH) -> None:
        """``batch``: most images handed to the network at once."""
        self._info, self._network, self._device, self._batch = info, network, device, batch

    @property
    def info(self) -> ModelInfo:
        """The model behind it."""
        return self._info

    @property
    def device(self) -> str:
        """What runs it."""
        return self._device

    def prepare(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """``images``, each uint8 (h, w, 3), as the network takes them: uint8 (n, s, s, 3)."""
        return prepare(images, self._info.detail, self._network.locate)

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        """Codes of ``images``, each uint8 (h, w, 3); the sizes may differ."""
        descriptors = np.empty((len(images), codes.CODE_BITS), np.float32)
        for start in range(0, len(images), self._batch):
            rows = slice(start, start + self._batch)
            descriptors[rows] = self._network(self.prepare(images[rows]))
        return Encoded(codes.from_descriptors(descriptors), descriptors)

    def encode_references(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        """Codes to list: of each image the mean over its reference looks."""
        descriptors = np.empty((len(images), codes.CODE_BITS), np.float32)
        for row, image in enumerate(images):
            # One image at a time: its looks fill a batch.
            looks = reference_looks.looks(self.prepare([image])[0])
            descriptors[row] = reference_looks.averaged(self._network(looks))
        return Encoded(codes.from_descriptors(descriptors), descriptors)


def load_encoder(
    device: str = "auto", path: Path = DEFAULT_CHECKPOINT, workers: int | None = None
) -> NetworkEncoder:
    """The encoder of the checkpoint at ``path``.

    ``device`` is ``cpu``, ``cuda`` or ``auto`` (CUDA where torch and a device are there, else the
    CPU). ``workers``: threads that will encode at the same time on a CPU, each call on one core; by
    default as many as there are cores. Raises ``CheckpointError`` or ``DeviceError``.
    """
    if device not in DEVICES:
        raise DeviceError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    checkpoint = load(path)
    if device == "cuda" or (device == "auto" and _cuda_is_there()):
        from embeddings.network.runtimes.torch_network import TorchNetwork

        return NetworkEncoder(checkpoint.info, TorchNetwork(checkpoint, "cuda"), "cuda (torch)")
    from embeddings.network.runtimes.openvino_graph import OpenVinoNetwork

    cores = available_cores()
    streams = cores if workers is None else min(workers, cores)
    return NetworkEncoder(
        checkpoint.info, OpenVinoNetwork(checkpoint, streams), "cpu (OpenVINO, float32)"
    )


def _cuda_is_there() -> bool:
    # Asking torch costs seconds and hundreds of megabytes, so ask the driver's files first.
    if not Path("/proc/driver/nvidia/version").exists() or not importlib.util.find_spec("torch"):
        return False
    import torch

    return torch.cuda.is_available()
