"""How the training programs end."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.training.recipe import read
from embeddings.training.terminal import ended

pytestmark = pytest.mark.slow


def test_what_ends_well_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(lambda: None) == 0
    assert capsys.readouterr().err == ""


def test_a_named_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('space = "ours"\n', encoding="utf-8")
    for path, named in ((recipe, "'seed' is missing"), (tmp_path / "none", "No such file")):

        def main(path: Path = path) -> None:
            read(path)

        assert ended(main) == 1
        told = capsys.readouterr().err
        assert named in told
        assert told.count("\n") == 1


def test_what_is_not_meant_to_happen_is_not_hidden() -> None:
    for error in (ZeroDivisionError(), OSError("a picture without a name")):

        def main(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)):
            ended(main)
