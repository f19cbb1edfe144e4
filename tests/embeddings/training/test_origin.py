"""A run is taken up again with what it began with, or refused by the name of what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embeddings.network.tensors import Tensors
from embeddings.training.batches.data import TrainingImage
from embeddings.training.origin import FILE, OriginError, keep, origin
from embeddings.training.recipe import RECIPE, Recipe, read

pytestmark = pytest.mark.slow

IMAGES = [TrainingImage(bytes([n]), "photo", "photo", "ours") for n in range(3)]
LOCATOR: Tensors = {"a": np.zeros(3, np.float32), "b": np.ones((2, 2), np.float32)}


@pytest.fixture
def recipe() -> Recipe:
    return read(RECIPE)


def test_the_same_run_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    for begun in (False, True, True):
        turned = dict(sorted(LOCATOR.items(), reverse=True))
        keep(origin(recipe, IMAGES, turned, None), tmp_path, begun)
    assert (tmp_path / FILE).exists()


def test_a_run_that_has_not_begun_may_be_made_of_something_else(
    recipe: Recipe, tmp_path: Path
) -> None:
    """Such as the right recipe, after a first try with the wrong one."""
    keep(origin(recipe, IMAGES[:1], LOCATOR, None), tmp_path, begun=False)
    keep(origin(recipe, IMAGES, LOCATOR, None), tmp_path, begun=False)
    keep(origin(recipe, IMAGES, LOCATOR, None), tmp_path, begun=True)


def test_what_a_recipe_has_lost_is_named(recipe: Recipe, tmp_path: Path) -> None:
    keep(origin(recipe, IMAGES, LOCATOR, None) | {"recipe.loss.odd": 1}, tmp_path, begun=False)
    with pytest.raises(OriginError, match=r"another recipe\.loss\.odd;"):
        keep(origin(recipe, IMAGES, LOCATOR, None), tmp_path, begun=True)


def test_a_damaged_origin_is_named(recipe: Recipe, tmp_path: Path) -> None:
    for damaged in ("{", "3", '["a"]'):
        (tmp_path / FILE).write_text(damaged, encoding="utf-8")
        with pytest.raises(OriginError, match="cannot be read"):
            keep(origin(recipe, IMAGES, LOCATOR, None), tmp_path, begun=True)


def test_a_run_that_cannot_say_what_it_began_with_does_not_go_on(
    recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(OriginError, match="is not there"):
        keep(origin(recipe, IMAGES, LOCATOR, None), tmp_path, begun=True)


def test_what_differs_is_named_and_what_is_kept_stays(recipe: Recipe, tmp_path: Path) -> None:
    keep(origin(recipe, IMAGES, LOCATOR, None), tmp_path, begun=False)
    before = (tmp_path / FILE).read_bytes()
    longer = replace(recipe, optimiser=replace(recipe.optimiser, steps=5))
    relabelled = [replace(image, kind="nonphoto") for image in IMAGES]
    moved: Tensors = {**LOCATOR, "b": np.full((2, 2), 2, np.float32)}
    for others, named in (
        (origin(longer, IMAGES, LOCATOR, None), "another recipe.optimiser.steps;"),
        (origin(recipe, IMAGES[:2], LOCATOR, None), "another images;"),
        (origin(recipe, IMAGES[::-1], LOCATOR, None), "another images;"),
        (origin(recipe, relabelled, LOCATOR, None), "another images;"),
        (origin(recipe, IMAGES, moved, None), "another locator;"),
        (origin(recipe, IMAGES, LOCATOR, LOCATOR), "another start;"),
        (origin(longer, IMAGES, moved, None), "another locator, recipe.optimiser.steps;"),
    ):
        with pytest.raises(OriginError, match=named):
            keep(others, tmp_path, begun=True)
    assert (tmp_path / FILE).read_bytes() == before
