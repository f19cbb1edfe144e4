"""What a training run is made of, kept beside it: a run goes on only with what it began with.

``origin.json`` in the run's folder holds the recipe, and digests of the images, of the locator and
of the weights it starts from. It knows files and their digests; nothing of networks or steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from embeddings.checkpoint import Tensors
from embeddings.training.data import TrainingImage
from embeddings.training.recipe import Recipe

FILE: Final = "origin.json"


class OriginError(ValueError):
    """A run was to be resumed with something else than it began with."""


def origin(
    recipe: Recipe, images: list[TrainingImage], locator: Tensors, start: Tensors | None
) -> dict[str, Any]:
    """What the run is made of, by dotted name; ``start`` is ``None`` from ImageNet's weights."""
    document = _flat("recipe", asdict(recipe))
    document["images"] = _digest(image.data for image in images)
    document["locator"] = _of_tensors(locator)
    document["start"] = "imagenet" if start is None else _of_tensors(start)
    return document


def keep(document: dict[str, Any], folder: Path) -> None:
    """Write ``document`` into a new run's folder, or compare it with the one that is there.

    Raises ``OriginError`` with the names of what differs.
    """
    path = folder / FILE
    if not path.exists():
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    names = sorted(before.keys() | document.keys())
    other = [name for name in names if before.get(name) != document.get(name)]
    if other:
        raise OriginError(
            f"{folder}: this run began with another {', '.join(other)}; resume it as it began, or "
            "begin a new one in another folder, from its weights once they are published (--start)"
        )


def _flat(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401  # walks any JSON-like value
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf
        for inner, part in value.items()
        for key, leaf in _flat(f"{name}.{inner}", part).items()
    }


def _of_tensors(tensors: Tensors) -> str:
    return _digest(
        part for name in sorted(tensors) for part in (name.encode(), tensors[name].tobytes())
    )


def _digest(parts: Iterable[bytes]) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(hashlib.sha256(part).digest())  # so that no two lists of parts run together
    return sha.hexdigest()
