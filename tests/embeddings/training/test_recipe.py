"""A recipe is complete and typed, or refused by the name of the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.training.recipe import RECIPE, RecipeError, read

pytestmark = pytest.mark.slow


def test_the_shipped_recipe_is_read() -> None:
    recipe = read(RECIPE)
    assert recipe.space
    assert recipe.optimiser.steps > 0


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("temperature =", "temprature =", "temperature"),
        ("batch = 512", "batch = 6.5", "batch"),
        ("batch = 512", "batch = true", "batch"),
        ("ramp = 0.1", "ramp = true", "ramp"),
        ('["whole"]', '["whole", "whole"]', "looks"),
        ('["whole"]', '["sideways"]', "sideways"),
        ('["whole"]', '"whole"', "looks"),
        ('["whole"]', "[]", "looks"),
        ("seed =", "sed =", "seed"),
        ("seed = 2", 'seed = "x" # ', "seed"),
        ("temperature = 0.05", 'temperature = "hot"', "temperature"),
        ("[loss]", "loss = 3\n[loss]", "loss"),
        ("[data]", "[data", "recipe.toml"),
        ("[loss]", "[lost]", "loss"),
        ("[data]", "colour = 1\n[data]", "colour"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    text = RECIPE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "recipe.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError, match=named):
        read(tmp_path / "recipe.toml")
