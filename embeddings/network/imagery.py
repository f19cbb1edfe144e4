"""Whether a picture is a photograph: the imagery score, from a small network of its own.

The code's network was taught to overlook how a picture was made, which is what tells the two apart;
so this is another one, with weights and bounds in a file of their own (``imagery_checkpoint``).
Every picture is prepared in one way, whatever file it came in: brought to a moderate size and
through JPEG at one quality, so that the codec it was sent in says nothing.

It knows pixels and the score; not what a bank does with it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embeddings.cores import available_cores
from embeddings.network.imagery_checkpoint import IMAGERY_CHECKPOINT, ImageryInfo, load

_BATCH: Final = 16  # beyond it a CPU gains nothing and activations leave the cache
_LONGEST: Final = 2  # times the detail: a strip must not cost much more than a square


class ImageryModel(Protocol):
    """Says of pictures whether they are photographs. Safe to call from several threads."""

    @property
    def info(self) -> ImageryInfo:
        """The model behind it."""
        ...

    def photographic(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Probability that each of ``images`` is a photograph, float32 (n,); each image is
        uint8 (h, w, 3), and the sizes may differ.
        """
        ...


class Logits(Protocol):
    """Prepared pictures in, logits out: ``ImageryModel``, and its twin in training."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32 (n,), of uint8 (n, s, s, 3)."""
        ...


class NetworkImagery:
    """``ImageryModel`` over any network."""

    def __init__(self, info: ImageryInfo, network: Logits) -> None:
        self._info, self._network = info, network

    @property
    def info(self) -> ImageryInfo:
        """The model behind it."""
        return self._info

    def photographic(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Probability that each of ``images``, uint8 (h, w, 3), is a photograph: float32 (n,)."""
        out = np.empty(len(images), np.float32)
        for start in range(0, len(images), _BATCH):
            rows = slice(start, start + _BATCH)
            squares = np.stack([prepare(image, self._info) for image in images[rows]])
            out[rows] = 1 / (1 + np.exp(-self._network(squares).astype(np.float64)))
        return out


def prepare(image: NDArray[np.uint8], info: ImageryInfo) -> NDArray[np.uint8]:
    """``image``, uint8 (h, w, 3), as the network takes it: uint8 (side, side, 3).

    Shrunk to ``detail``, through JPEG, and squashed: nothing of the picture is cut off. A picture
    smaller than that is not enlarged before the JPEG: what it lacks must show.
    """
    height, width = image.shape[:2]
    scale = min(1.0, info.detail / min(height, width))
    longest = _LONGEST * info.detail
    size = (
        max(1, min(round(width * scale), longest)),
        max(1, min(round(height * scale), longest)),
    )
    picture = Image.fromarray(np.ascontiguousarray(image))
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=info.quality, subsampling="4:2:0")
    with Image.open(buffer, formats=("JPEG",)) as compressed:
        compressed.load()
        square = compressed.resize(
            (info.side, info.side), Image.Resampling.BILINEAR, reducing_gap=1.0
        )
    return np.asarray(square)


def load_imagery(path: Path = IMAGERY_CHECKPOINT, workers: int | None = None) -> NetworkImagery:
    """The imagery score of the checkpoint at ``path``, on the CPU, beside an encoder on any device.

    ``workers``: threads that will score at the same time, each call on one core; by default as many
    as there are cores. Raises ``CheckpointError``.
    """
    # OpenVINO is loaded only where something is scored.
    from embeddings.network.runtimes.imagery_network import ImageryNetwork

    checkpoint, cores = load(path), available_cores()
    streams = cores if workers is None else min(workers, cores)
    return NetworkImagery(checkpoint.info, ImageryNetwork(checkpoint, streams))
