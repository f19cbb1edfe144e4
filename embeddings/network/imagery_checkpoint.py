"""The imagery checkpoint: the network that tells photographs from the rest, in one file of its own.

A safetensors file with the tensors of ``SHAPES`` (float16; computed in float32) and one metadata
key, ``lookalike-imagery``, whose JSON is an ``ImageryInfo``, the format's name and a digest of the
tensors: a file that was damaged is refused, not read. It is a file apart from the code's
checkpoint because its weights and bounds change without changing any code.

It knows no tensor library and no image: see ``imagery_network`` and ``imagery``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from embeddings.errors import CheckpointError
from embeddings.network.architecture import LITE0
from embeddings.network.tensors import Tensors, check_shapes, digest_of, in_half, layer_shapes

FORMAT: Final = "lookalike-imagery-1"
_KEY: Final = "lookalike-imagery"
IMAGERY_CHECKPOINT: Final = Path(__file__).parent / "weights" / "imagery-1.safetensors"
"""The imagery checkpoint the product ships."""

MOMENTS: Final = (0, 2, 4, 6, 9, 12, 15, 17)
"""Entries of ``LITE0`` whose outputs' means and root mean squares over the image are what the heads
see: early ones tell sharpness, grain and strokes, late ones what a picture shows and how."""

SEEN: Final = 2 * sum(LITE0[place].layers[-1].outputs for place in MOMENTS)
"""How many values that is: what evidence is drawn from."""

PLAIN: Final = 2 * sum(LITE0[place].layers[-1].outputs for place in MOMENTS[:3])
"""How many of them, the first, certainty is drawn from: those that tell sharpness. More would let
it learn which sources are hard."""


@dataclass(frozen=True)
class ImageryInfo:
    """What an imagery checkpoint says of itself."""

    name: str
    """Name and version, such as ``imagery-1``."""
    detail: int
    """Pixels to which a picture's shorter side is brought if it is longer."""
    quality: int
    """Of the JPEG compression that every picture then passes, whatever file it came in."""
    side: int
    """Pixels a side of the square that the network sees."""
    mean: float
    """Subtracted from each 8-bit value, all channels alike."""
    scale: float
    """What the difference is divided by."""
    bounds: tuple[float, float]
    """Probability up to which a picture is ``non_photographic``, and from which ``photographic``;
    between them ``uncertain``."""
    metrics: Mapping[str, Any]
    """What was measured, on which data, with which command; see the model card."""
    data: str
    """What it was trained on and under which terms."""


@dataclass(frozen=True)
class ImageryCheckpoint:
    """The imagery network as read from a file."""

    info: ImageryInfo
    tensors: Tensors


def _shapes() -> dict[str, tuple[int, ...]]:
    return {
        "evidence.weight": (1, SEEN),
        "evidence.bias": (1,),
        "certainty.weight": (1, PLAIN),
        "certainty.bias": (1,),
        **layer_shapes(layer for entry in LITE0 for layer in entry.layers),
    }


SHAPES: Final = _shapes()
"""Every tensor of an imagery checkpoint and its shape."""


def save(checkpoint: ImageryCheckpoint, path: Path) -> None:
    """Write ``checkpoint`` to ``path``, tensors as float16. Raises ``CheckpointError``."""
    check_shapes(checkpoint.tensors, SHAPES, path)
    half = in_half(checkpoint.tensors)
    _check_finite(half, path)
    document = {"format": FORMAT, "digest": digest_of(half), **asdict(checkpoint.info)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(half, path, metadata={_KEY: json.dumps(document, sort_keys=True)})


def load(path: Path = IMAGERY_CHECKPOINT) -> ImageryCheckpoint:
    """Read an imagery checkpoint. Raises ``CheckpointError`` naming what is missing or wrong."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            half = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable imagery checkpoint: {error}") from error
    try:
        document = json.loads(metadata.get(_KEY, ""))
        if document.pop("format") != FORMAT:
            raise CheckpointError(f"{path}: its format is not {FORMAT}")
        digest, (low, high) = document.pop("digest"), document.pop("bounds")
        info = ImageryInfo(bounds=(float(low), float(high)), **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: its metadata is not a model's: {error!r}") from error
    if not 0 <= info.bounds[0] <= info.bounds[1] <= 1:
        raise CheckpointError(f"{path}: bounds must rise within 0..1, not {info.bounds}")
    check_shapes(half, SHAPES, path)
    if digest != digest_of(half):
        raise CheckpointError(f"{path}: its tensors are not those it was saved with")
    _check_finite(half, path)
    return ImageryCheckpoint(info, {name: half[name].astype(np.float32) for name in half})


def _check_finite(tensors: Mapping[str, NDArray[Any]], path: Path) -> None:
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{path}: tensor {name} holds values that float16 cannot")
