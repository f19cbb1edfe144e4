"""What a training run is made of, kept beside it: a run goes on only with what it began with.

``origin.json`` in the run's folder holds the recipe, and digests of the images and their kinds, of
the locator and of the weights it starts from. It knows files and their digests; nothing of networks
or steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from embeddings.errors import EmbeddingError
from embeddings.network.tensors import Tensors
from embeddings.training.batches.data import TrainingImage
from embeddings.training.recipe import Recipe

FILE: Final = "origin.json"


class OriginError(EmbeddingError):
    """A run is not made of what it should be, or nothing says what of."""


def origin(
    recipe: Recipe, images: list[TrainingImage], locator: Tensors, start: Tensors | None
) -> dict[str, Any]:
    """What the run is made of, by dotted name; ``start`` is ``None`` from ImageNet's weights."""
    # As it will be read again: JSON has lists for tuples.
    document = _flat("recipe", json.loads(json.dumps(asdict(recipe))))
    document["images"] = _digest(part for image in images for part in _parts(image))
    document["locator"] = digest(locator)
    document["start"] = "imagenet" if start is None else digest(start)
    return document


def keep(document: Mapping[str, Any], folder: Path, begun: bool) -> None:
    """Write ``document`` into a new run's folder, or compare it with that of a ``begun`` one.

    Raises ``OriginError`` with the names of what differs, or if the run's own is not there.
    """
    if not begun:
        # What a run that came to nothing left here is of no account.
        text = json.dumps(document, indent=1) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")
        return
    before = _read(folder)
    if other := _unlike(document, before, before.keys() | document.keys()):
        raise OriginError(
            f"{folder}: this run began with another {', '.join(other)}; resume it as it began, or "
            "begin a new one in another folder, from its weights once they are published (--start)"
        )


def differing(document: Mapping[str, Any], folder: Path) -> list[str]:
    """The names in ``document``, sorted, of what the run in ``folder`` did not begin with.

    Raises ``OriginError`` if nothing says what it began with.
    """
    return _unlike(document, _read(folder), document.keys())


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise OriginError(f"{path} is not there to say what this run began with") from error
    except (ValueError, TypeError) as error:
        raise OriginError(f"{path} cannot be read: {error}") from error


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if one.get(name) != other.get(name))


def _flat(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401  # walks any JSON-like value
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf
        for inner, part in value.items()
        for key, leaf in _flat(f"{name}.{inner}", part).items()
    }


def _parts(image: TrainingImage) -> tuple[bytes, bytes]:
    return image.data, image.kind.encode()


def digest(tensors: Tensors) -> str:
    """The SHA-256 of ``tensors`` and their names, in any order."""
    return _digest(
        part for name in sorted(tensors) for part in (name.encode(), tensors[name].tobytes())
    )


def _digest(parts: Iterable[bytes]) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(hashlib.sha256(part).digest())  # so that no two lists of parts run together
    return sha.hexdigest()
