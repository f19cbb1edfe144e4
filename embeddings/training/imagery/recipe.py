"""The recipe of the imagery network: every number that shapes it, read from one TOML file.

It knows the file's keys and their types; not what they do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embeddings.training.imagery.views import PassRecipe
from embeddings.training.recipe import RecipeError, section

IMAGERY_RECIPE: Final = Path(__file__).parent / "recipe.toml"
"""The recipe of a run that names no other."""


@dataclass(frozen=True)
class InputRecipe:
    """``[input]``: how a picture is prepared, in training and in use."""

    detail: int
    quality: int
    side: int


@dataclass(frozen=True)
class ImageryHeadRecipe:
    """``[head]``: the two heads, and the bounds."""

    folds: int
    directions: int
    even: float
    penalty: float
    certainty: float
    wrong: float


@dataclass(frozen=True)
class ImageryRecipe:
    """One imagery network."""

    name: str
    seed: int
    input: InputRecipe
    usual: PassRecipe
    worn: PassRecipe
    head: ImageryHeadRecipe


def read(path: Path) -> ImageryRecipe:
    """The recipe in ``path``. Raises ``RecipeError`` naming the file and the key."""
    try:
        return _recipe(tomllib.loads(path.read_text(encoding="utf-8")))
    except KeyError as error:
        raise RecipeError(f"{path}: {error} is missing") from error
    except ValueError as error:  # of TOML, of UTF-8, or ours
        raise RecipeError(f"{path}: {error}") from error


def _recipe(document: dict[str, Any]) -> ImageryRecipe:
    name, seed = document.pop("name"), document.pop("seed")
    if not isinstance(name, str) or type(seed) is not int:
        raise ValueError(f"name must be a text and seed a whole number: {name!r}, {seed!r}")
    recipe = ImageryRecipe(
        name,
        seed,
        section(InputRecipe, document.pop("input")),
        section(PassRecipe, document.pop("usual")),
        section(PassRecipe, document.pop("worn")),
        section(ImageryHeadRecipe, document.pop("head")),
    )
    if document:
        raise ValueError(f"unknown keys {sorted(document)}")
    return recipe
