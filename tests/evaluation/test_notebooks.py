"""Notebooks: sources and executed files pair exactly, every cell runs, no machine shows through."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from evaluation.base.errors import NotebookError
from evaluation.corpora.sample_corpus import sample_corpus
from evaluation.notebooks import execution
from evaluation.notebooks.execution import FOLDER
from evaluation.notebooks.workbench import IMAGES, MANIFEST, SMALL
from evaluation.showing.plots import Chart
from tests.evaluation.commands import run

pytestmark = [pytest.mark.slow, pytest.mark.notebook]

NAMES = execution.names()


def test_there_are_five() -> None:
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("name", NAMES)
def test_source_and_executed_notebook_have_the_same_cells(name: str) -> None:
    assert execution.difference(FOLDER / f"{name}.py") == "", "run `make notebooks`"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, as small as can be, on the samples."""
    (tmp_path / "data").symlink_to(FOLDER / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SMALL, "1")
    for variable in (IMAGES, MANIFEST):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs_on_small_data(name: str, here: Path) -> None:
    """In this process, where all is imported already; what each cell shows is rendered too."""
    shown = _run_all(name)
    assert any(isinstance(one, Chart) for one in shown)
    # Nothing is kept unless the reader asks.
    assert [path.name for path in here.iterdir()] == ["data"]


@pytest.mark.parametrize("name", ["01_first_match", "03_operating_point"])
def test_images_of_the_readers_own_need_no_kinds_and_may_be_damaged(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = here / "own"
    own.mkdir()
    corpus = sample_corpus(small=True)
    for place in range(len(corpus)):
        (own / f"{place}.png").write_bytes(corpus.read(place)[: 20 if place == 5 else None])
    monkeypatch.setenv(IMAGES, str(own))
    shown = _run_all(name)
    assert "of unknown kind" in repr(shown[0])
    assert "own" in repr(shown[0])


def _run_all(name: str) -> list[object]:
    names: dict[str, object] = {"__name__": "__main__"}
    with pd.option_context("display.max_colwidth", None, "display.float_format", None):
        cells = execution.from_source(FOLDER / f"{name}.py").cells
        return [_run(cell.source, names) for cell in cells if cell.cell_type == "code"]


def _run(source: str, names: dict[str, object]) -> object:
    """Run one cell; its last expression, once it was rendered as a notebook would."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    value: object = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    for form in ("_repr_png_", "_repr_html_", "__repr__"):
        if hasattr(value, form):
            assert getattr(value, form)()
            break
    return value


def test_a_kernel_runs_a_notebook_as_it_is_committed(tmp_path: Path) -> None:
    done = execution.executed(FOLDER / "01_first_match.py", small=True, folder=tmp_path)
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [one for one in outputs if one.output_type == "stream" and one.name == "stderr"]
    assert [one for one in outputs if "image/png" in one.get("data", {})]
    assert json.loads(execution.written(done))["metadata"] == dict(execution.METADATA)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_whole_and_tells_nothing_of_the_machine(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    kept = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(kept)
    assert execution.written(kept) == text
    assert dict(kept.metadata) == dict(execution.METADATA)
    shown = [output for cell in kept.cells for output in cell.get("outputs", [])]
    assert all(cell.get("execution_count") for cell in kept.cells if cell.cell_type == "code")
    assert not [output for output in shown if output.output_type in ("error", "stream")
                and output.get("name") == "stderr"]  # fmt: skip
    assert any("image/png" in output.get("data", {}) for output in shown)
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", text)
    assert not re.search(r"/(work|tmp|home|root|Users|var)/", without_pictures)
    if name != "05_index_speed":
        assert "the shipped samples" in without_pictures


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_opens_with_what_it_answers_and_ends_with_what_to_do_next(name: str) -> None:
    cells = execution.from_source(FOLDER / f"{name}.py").cells
    assert cells[0].cell_type == cells[-1].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {int(name[:2])}. ")
    assert "**This notebook answers:**" in cells[0].source
    assert cells[-1].source.startswith("## What to do next\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_is_not_named_in_a_source(name: str) -> None:
    """The next one would leave the prose behind."""
    assert not re.search(r"lite\d", (FOLDER / f"{name}.py").read_text(encoding="utf-8"))


SOURCE = "# %% [markdown]\n# # Title\n\n# %%\n{}\n"


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    path = tmp_path / "01_wrong.py"
    path.write_text(SOURCE.format('raise ValueError("so it is")'))
    with pytest.raises(NotebookError, match=r"01_wrong\.py: .*so it is"):
        execution.executed(path)


def test_differences_are_noticed(tmp_path: Path) -> None:
    source = tmp_path / "01_pair.py"
    source.write_text(SOURCE.format("1 + 1"))
    assert execution.difference(source) == "01_pair.ipynb is missing"
    text = execution.written(execution.from_source(source))
    source.with_suffix(".ipynb").write_text(text)
    assert execution.difference(source) == ""
    source.with_suffix(".ipynb").write_text(text.replace("1 + 1", "1 + 2"))
    assert execution.difference(source) == "cell 1 of 01_pair.ipynb is not that of 01_pair.py"
    source.write_text(SOURCE.format("1 + 1") + "\n# %%\n2\n")
    assert "has 2 cells, 01_pair.py 3" in execution.difference(source)


@pytest.mark.parametrize("said", ["in /tmp/x/y.py", "'/home/me/file'", "<b>/srv/photos</b>"])
def test_a_path_in_an_output_is_refused(said: str, tmp_path: Path) -> None:
    source = tmp_path / "01_path.py"
    source.write_text(SOURCE.format("1"))
    notebook = execution.from_source(source)
    output = {"output_type": "stream", "name": "stdout", "text": said}
    notebook.cells[1].outputs = [nbformat.from_dict(output)]  # type: ignore[no-untyped-call]
    with pytest.raises(NotebookError, match="holds a path"):
        execution.written(notebook)
    harmless = {**output, "text": "photo/cat.png, 1/2, and/or, https://example.org/a/b, 31/48"}
    notebook.cells[1].outputs = [nbformat.from_dict(harmless)]  # type: ignore[no-untyped-call]
    assert json.loads(execution.written(notebook))["cells"][1]["outputs"]


def test_the_command_names_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["notebooks", "99_none", "--check"]) == 1
    assert "there is no 99_none.py" in capsys.readouterr().err
    assert run(["notebooks", "--check"]) == 0
