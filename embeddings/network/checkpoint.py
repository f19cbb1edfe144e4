"""The checkpoint: weights, preprocessing and the name of the code space, in one file.

A checkpoint is a safetensors file. Its tensors are those of ``architecture`` (float16; computed
in float32): the network's, the heads' and the locator's; its metadata has one key, ``lookalike``,
whose JSON is a ``ModelInfo`` and the format's name. So whoever holds the file knows how to prepare
an image, what the code is called, which radii its makers recommend and on what it was trained and
measured. Nothing in it is executed.

It knows no tensor library and no image: ``runtime`` and ``network`` turn the tensors into a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from embeddings.codes import CODE_BITS
from embeddings.errors import CheckpointError
from embeddings.network.architecture import LITE0, LOCATOR, POOLED
from embeddings.network.looks import LOOKS, Look, are_looks
from embeddings.network.tensors import Tensors, check_shapes, digest_of, in_half, layer_shapes

FORMAT: Final = "lookalike-checkpoint-3"
_KEY: Final = "lookalike"
_WEIGHTS: Final = Path(__file__).parent / "weights"
DEFAULT_CHECKPOINT: Final = _WEIGHTS / "lite0-256-7.safetensors"
"""The checkpoint the product ships."""


@dataclass(frozen=True)
class ModelInfo:
    """What a checkpoint says of itself."""

    space: str
    """Name and version of the code space, such as ``lite0-256-7``."""
    detail: int
    """Pixels a side: what is encoded of an image is squashed to this square. Finer detail is the
    first that copies lose, and is left out."""
    input_size: int
    """Pixels a side to which the network enlarges that square: it was trained at about this
    scale."""
    mean: float
    """Subtracted from each 8-bit value, all channels alike."""
    scale: float
    """What the difference is divided by."""
    radii: Mapping[str, int]
    """Recommended radius, bits, for ``photographic``, ``non_photographic`` and ``any``."""
    metrics: Mapping[str, Any]
    """What was measured, on which data, with which command; see the model card."""
    data: str
    """What it was trained on and under which terms."""
    scores: Mapping[str, int] = field(default_factory=dict)
    """Recommended threshold of the score, inclusive, likewise; empty: this model's codes are
    matched by distance alone. See ``embeddings.codes``."""
    candidates: int = 0
    """Bits: codes within this radius are scored."""
    looks: tuple[Look, ...] = ("whole",)
    """What the network looks at of an image, at its full time each; what it pools is averaged."""


@dataclass(frozen=True)
class Checkpoint:
    """A model as read from a file."""

    info: ModelInfo
    tensors: Tensors


def _shapes() -> dict[str, tuple[int, ...]]:
    return {
        "middle_power": (),
        "last_power": (),
        "head.weight": (CODE_BITS, POOLED),
        "head.bias": (CODE_BITS,),
        **layer_shapes([*(layer for entry in LITE0 for layer in entry.layers), *LOCATOR]),
    }


SHAPES: Final = _shapes()
"""Every tensor of a checkpoint and its shape."""

_DIGESTS: Final = {
    "lite0-256-7": "73b85e6195d10df2246ce5cc21c685709bc687855649b4f857dcb477ffb6efbc"
}
"""Code space to the digest of its tensors, of files that were saved before these held it."""

_GONE: Final = frozenset({"photographic.weight", "photographic.bias", "texture.weight"})
"""Tensors that files may still hold: of a head that ``imagery`` took the place of."""


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write ``checkpoint`` to ``path``, tensors as float16. Raises ``CheckpointError``."""
    _check_looks(checkpoint.info.looks, path)
    check_shapes(checkpoint.tensors, SHAPES, path)
    half = in_half(checkpoint.tensors)
    if not all(np.isfinite(tensor).all() for tensor in half.values()):
        raise CheckpointError(f"{path}: a tensor does not fit float16")
    document = {"format": FORMAT, "digest": digest_of(half), **asdict(checkpoint.info)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(half, path, metadata={_KEY: json.dumps(document, sort_keys=True)})


def load(path: Path = DEFAULT_CHECKPOINT) -> Checkpoint:
    """Read a checkpoint. Raises ``CheckpointError`` naming what is missing or wrong."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            half = {name: file.get_tensor(name) for name in names if name not in _GONE}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable checkpoint: {error}") from error
    info, digest = _parse_info(metadata.get(_KEY), path)
    check_shapes(half, SHAPES, path)
    # A flipped bit gives other codes, which match nothing that is listed, and says nothing.
    if digest and digest != digest_of(half):
        raise CheckpointError(f"{path}: its tensors are not those it was saved with")
    tensors = {name: np.asarray(tensor, np.float32) for name, tensor in half.items()}
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(f"{path}: a tensor holds values that are not finite")
    return Checkpoint(info, tensors)


def _parse_info(text: str | None, path: Path) -> tuple[ModelInfo, str]:
    """What it says of the model, and the digest of its tensors; empty where none is known."""
    try:
        document = json.loads(text or "")
        if document.pop("format") != FORMAT:
            raise CheckpointError(f"{path}: its format is not {FORMAT}")
        document.pop("photographic_bounds", None)  # of a head that is gone
        digest = document.pop("digest", "")
        looks = _check_looks(document.pop("looks", ["whole"]), path)
        info = ModelInfo(looks=looks, **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: its metadata is not a model's: {error!r}") from error
    if set(info.radii) != {"photographic", "non_photographic", "any"}:
        raise CheckpointError(f"{path}: radii must be given for each imagery, not {info.radii}")
    if info.scores and (set(info.scores) != set(info.radii) or info.candidates <= 0):
        raise CheckpointError(f"{path}: scores must be given for each imagery, with candidates")
    return info, str(digest or _DIGESTS.get(info.space, ""))


def _check_looks(looks: object, path: Path) -> tuple[Look, ...]:
    if not are_looks(looks):
        raise CheckpointError(
            f"{path}: looks must be different ones of {', '.join(LOOKS)}, not {looks!r}"
        )
    return tuple(looks)
