"""The recipe: every number that shapes training, read from one TOML file.

It knows the file's keys and their types; not what they do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from embeddings.errors import EmbeddingError
from embeddings.network.looks import LOOKS, Look, are_looks

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
    """The recipe in ``path``. Raises ``RecipeError`` naming the file and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return _recipe(document)
    except KeyError as error:
        raise RecipeError(f"{path}: {error} is missing") from error
    except ValueError as error:  # of TOML, of UTF-8, or ours
        raise RecipeError(f"{path}: {error}") from error


def _recipe(document: dict[str, Any]) -> Recipe:
    space, seed = document.pop("space"), document.pop("seed")
    if not isinstance(space, str) or type(seed) is not int:
        raise ValueError(f"space must be a text and seed a whole number: {space!r}, {seed!r}")
    recipe = Recipe(
        space,
        seed,
        section(DataRecipe, document.pop("data")),
        section(NetworkRecipe, document.pop("network")),
        section(OptimiserRecipe, document.pop("optimiser")),
        section(LossRecipe, document.pop("loss")),
        section(HeadRecipe, document.pop("head")),
        section(LocatorRecipe, document.pop("locator")),
    )
    if document:
        raise ValueError(f"unknown keys {sorted(document)}")
    return recipe


def section(kind: type[_Section], values: object) -> _Section:
    """``values`` as a ``kind``. Raises ``ValueError`` naming keys that lack or are unknown."""
    expected = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass by construction
    if not isinstance(values, dict) or values.keys() != expected.keys():
        found = values.keys() if isinstance(values, dict) else set()
        raise ValueError(f"{kind.__name__}: keys {sorted(found ^ expected.keys())}")
    return kind(**{name: _value(name, expected[name], value) for name, value in values.items()})


def _value(name: str, expected: object, value: object) -> object:
    if expected == "int" and type(value) is not int:
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    if expected == "float" and type(value) not in (int, float):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if expected in ("int", "float"):
        return value
    if not are_looks(value):
        raise ValueError(f"{name} must be different ones of {', '.join(LOOKS)}, not {value!r}")
    return tuple(value)
