"""What the imagery network's entries make of every view of the corpus, computed once, on the disk.

With ImageNet's weights, in the product's graph runtime. A folder holds a pass over the images: all
moments as a half-precision array, and what each view shows. A pass that was cut short is made again
from its beginning. It knows views and the network; not what is fitted to them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from embeddings.network.imagery import prepare
from embeddings.network.imagery_checkpoint import SEEN, ImageryInfo
from embeddings.network.runtimes.cpu_graph import cpu_options
from embeddings.network.runtimes.imagery_network import seen
from embeddings.network.runtimes.openvino_graph import image_input
from embeddings.network.tensors import Tensors
from embeddings.training.batches.data import TrainingImage
from embeddings.training.imagery.views import PassRecipe, Wear, draw

Progress = Callable[[str, int, int], None]

_BATCH: Final = 8


@dataclass(frozen=True)
class Views:
    """The views of one pass: one of each of n images."""

    images: NDArray[np.int64]
    """int64 (n,): places in the corpus."""
    moments: NDArray[np.float16]
    """float16 (n, ``SEEN``)."""
    photographic: NDArray[np.bool_]
    """bool (n,): of what the view shows; a photograph may have become a painting."""
    styles: tuple[str, ...]
    wears: tuple[Wear, ...]


def chosen(images: Sequence[TrainingImage], most: int, seed: int) -> NDArray[np.int64]:
    """Places of images, rising, of which ``most`` at most are of one source and style."""
    counted: Counter[tuple[str, str]] = Counter()
    kept = []
    for place in np.random.default_rng(seed).permutation(len(images)):
        key = images[place].source, images[place].style
        if counted[key] < most:
            counted[key] += 1
            kept.append(place)
    return np.sort(np.array(kept, np.int64))


def views_of(
    images: Sequence[TrainingImage],
    places: NDArray[np.int64],
    recipe: PassRecipe,
    info: ImageryInfo,
    tensors: Tensors,
    folder: Path,
    progress: Progress,
) -> Views:
    """One view of each image at ``places``, as kept in ``folder``, which is the pass's own."""
    shown = folder / "shown.json"
    if not shown.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(images, places, recipe, info, tensors, folder, progress)
    told = json.loads(shown.read_text(encoding="utf-8"))
    return Views(
        places,
        np.load(folder / "moments.npy"),
        np.array([photographic for photographic, _, _ in told], np.bool_),
        tuple(style for _, style, _ in told),
        tuple(wear for _, _, wear in told),
    )


def _make(
    images: Sequence[TrainingImage],
    places: NDArray[np.int64],
    recipe: PassRecipe,
    info: ImageryInfo,
    tensors: Tensors,
    folder: Path,
    progress: Progress,
) -> None:
    network = _compiled(info, tensors)
    told: list[tuple[bool, str, Wear]] = []
    moments = np.empty((len(places), SEEN), np.float16)
    for start in range(0, len(places), _BATCH):
        progress(f"views: {folder.name}", start, len(places))
        rows = slice(start, start + _BATCH)
        views = [
            draw(images[place], np.random.default_rng((recipe.seed, place)), recipe)
            for place in places[rows]
        ]
        squares = np.stack([prepare(np.asarray(view.image), info) for view in views])
        moments[rows] = network([squares])[network.output(0)]
        told += [(view.photographic, view.style, view.wear) for view in views]
    np.save(folder / "moments.npy", moments)
    # Last: its being there says that the array is whole.
    (folder / "shown.json").write_text(json.dumps(told), encoding="utf-8")


def _compiled(info: ImageryInfo, tensors: Tensors) -> ov.CompiledModel:
    images, node = image_input(info.side, info.mean, info.scale)
    model = ov.Model([seen(node, tensors)], [images], "seen")
    return ov.Core().compile_model(model, "CPU", cpu_options(1))
