"""The recipe: every number that shapes training, read from one TOML file.

It knows the file's keys and their types; not what they do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from embeddings.errors import EmbeddingError
from embeddings.looks import LOOKS, Look, are_looks

RECIPE: Final = Path(__file__).parent / "recipe.toml"
"""The recipe of a run that names no other."""


class RecipeError(EmbeddingError):
    """A recipe file that lacks a key, has one too many, or a value of the wrong type."""


@dataclass(frozen=True)
class DataRecipe:
    """``[data]``: what a step sees."""

    detail: int
    batch: int
    drawn: int
    kept: int
    on_device: float
    run: int
    weak: float
    strong: float
    ramp: float
    held_out: int


@dataclass(frozen=True)
class NetworkRecipe:
    """``[network]``: what is trained."""

    frozen: int
    training_size: int
    input_size: int
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class OptimiserRecipe:
    """``[optimiser]``: how it is trained."""

    steps: int
    backbone_rate: float
    early_rate: float
    head_rate: float
    warm_up: int
    weight_decay: float
    average: float


@dataclass(frozen=True)
class LossRecipe:
    """``[loss]``: what is asked of the codes."""

    temperature: float
    sharpness: float
    sharpest: float
    memory: float
    forgetting: float
    together: float
    threshold: int
    koleo: float
    decorrelation: float
    photographic: float


@dataclass(frozen=True)
class HeadRecipe:
    """``[head]``: the closed-form head it starts from."""

    pairs: int
    shrinkage: float
    imagery: int


@dataclass(frozen=True)
class LocatorRecipe:
    """``[locator]``: the network that finds pictures on pages, trained by itself."""

    samples: int
    epochs: int
    batch: int
    rate: float
    held_out: float


@dataclass(frozen=True)
class Recipe:
    """One training run."""

    space: str
    seed: int
    data: DataRecipe
    network: NetworkRecipe
    optimiser: OptimiserRecipe
    loss: LossRecipe
    head: HeadRecipe
    locator: LocatorRecipe


_Section = TypeVar("_Section")


def read(path: Path) -> Recipe:
    """The recipe in ``path``. Raises ``RecipeError`` naming the key."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        space, seed = str(document.pop("space")), int(document.pop("seed"))
        recipe = Recipe(
            space,
            seed,
            _section(DataRecipe, document.pop("data")),
            _network(document.pop("network")),
            _section(OptimiserRecipe, document.pop("optimiser")),
            _section(LossRecipe, document.pop("loss")),
            _section(HeadRecipe, document.pop("head")),
            _section(LocatorRecipe, document.pop("locator")),
        )
    except KeyError as error:
        raise RecipeError(f"{path}: {error} is missing") from error
    if document:
        raise RecipeError(f"{path}: unknown keys {sorted(document)}")
    return recipe


def _network(values: dict[str, Any]) -> NetworkRecipe:
    section = _section(NetworkRecipe, values)
    if not are_looks(section.looks):
        raise RecipeError(
            f"NetworkRecipe.looks must be different ones of {', '.join(LOOKS)}, "
            f"not {section.looks!r}"
        )
    return replace(section, looks=tuple(section.looks))


def _section(kind: type[_Section], values: dict[str, Any]) -> _Section:
    expected = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass by construction
    if values.keys() != expected.keys():
        raise RecipeError(f"{kind.__name__}: keys {sorted(values.keys() ^ expected.keys())}")
    for name, value in values.items():
        if expected[name] == "int" and not isinstance(value, int):
            raise RecipeError(f"{kind.__name__}.{name} must be a whole number, not {value!r}")
        if isinstance(value, bool):
            raise RecipeError(f"{kind.__name__}.{name} must be a {expected[name]}, not {value!r}")
    return kind(**values)
