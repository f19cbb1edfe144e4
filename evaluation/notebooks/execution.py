"""The notebooks, made from their sources and executed.

``lookalike-eval notebooks`` does it.

``notebooks/NAME.py`` (jupytext's percent format) is what people edit; ``NAME.ipynb`` beside it
holds the same cells with their outputs. What is written depends on nothing but the outputs: cells
are named by their number, and neither times nor the kernel's name are kept. A path of the machine
in an output is refused.
It knows nothing of what the notebooks do.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from evaluation.base.errors import NotebookError
from evaluation.notebooks.workbench import IMAGES, MANIFEST, SMALL

FOLDER: Final = Path(__file__).parents[2] / "notebooks"

METADATA: Final[Mapping[str, Any]] = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""Of every notebook: what it takes to open it, and no more."""

_PATHS: Final = re.compile(r"(?<![\w:/.])/(?:[a-z][\w.-]*/)+[\w.-]*")
"""A path from the root of a machine, in text."""

_SECONDS: Final = 600


def names(folder: Path = FOLDER) -> list[str]:
    """The notebooks in ``folder``, by number."""
    return sorted(path.stem for path in folder.glob("[0-9]*.py"))


def from_source(path: Path) -> Any:  # noqa: ANN401 - nbformat's own type is untyped
    """The cells of a source, without outputs, as a notebook."""
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = _node(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", _node({})
    return notebook


def executed(source: Path, small: bool = False, folder: Path | None = None) -> Any:  # noqa: ANN401
    """The notebook of ``source``, all cells run in a fresh kernel, on the shipped samples.

    ``small``: as little as still runs every cell. ``folder``: where it runs, and writes what it
    writes; else beside the source. Raises ``NotebookError`` naming the cell that failed.
    """
    notebook = from_source(source)
    where = {"metadata": {"path": str(folder or source.parent)}}
    try:
        # Sockets in a folder of our own, not ports: what cells say is nobody else's.
        with tempfile.TemporaryDirectory() as sockets, _environment(small):
            manager = {"transport": "ipc", "ip": f"{sockets}/kernel"}
            NotebookClient(
                notebook,
                timeout=_SECONDS,
                startup_timeout=_SECONDS,
                kernel_name="python3",
                resources=where,
                config=Config({"KernelManager": manager}),
            ).execute()
    except CellExecutionError as error:
        raise NotebookError(f"{source.name}: {_last_line(str(error))}") from None
    return cleaned(notebook)


def cleaned(notebook: Any) -> Any:  # noqa: ANN401
    """``notebook`` without what differs from run to run or tells of the machine it ran on."""
    notebook.metadata = _node(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", _node({})
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = _node({})
    return notebook


def written(notebook: Any) -> str:  # noqa: ANN401
    """The text of the ``.ipynb`` file. Raises ``NotebookError`` if a path of this machine is in it.

    Pictures are passed over: their text is base64, in which anything may stand.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts = [output.get("text", "")]
            texts += [v for k, v in output.get("data", {}).items() if k.startswith("text/")]
            for text in texts:
                if found := _PATHS.search(_without_tags(text)):
                    raise NotebookError(f"an output holds a path: {found[0]}")
    text = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    return f"{text}\n"


def difference(source: Path) -> str:
    """How the ``.ipynb`` beside ``source`` differs from it; empty where they pair exactly."""
    beside = source.with_suffix(".ipynb")
    if not beside.exists():
        return f"{beside.name} is missing"
    ours = from_source(source)
    theirs = nbformat.read(beside, as_version=4)  # type: ignore[no-untyped-call]
    if len(ours.cells) != len(theirs.cells):
        return f"{beside.name} has {len(theirs.cells)} cells, {source.name} {len(ours.cells)}"
    for number, (one, other) in enumerate(zip(ours.cells, theirs.cells, strict=True)):
        if (one.cell_type, one.source) != (other.cell_type, other.source):
            return f"cell {number} of {beside.name} is not that of {source.name}"
    return ""


@contextlib.contextmanager
def _environment(small: bool) -> Iterator[None]:
    """What kernels inherit: the shipped samples, whatever this process was told to use."""
    before = {name: os.environ.pop(name, None) for name in (IMAGES, MANIFEST, SMALL)}
    if small:
        os.environ[SMALL] = "1"
    try:
        yield
    finally:
        os.environ.pop(SMALL, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _node(values: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return nbformat.from_dict(dict(values))  # type: ignore[no-untyped-call]


def _without_tags(text: str) -> str:
    return re.sub(r"<[^<>]*>", " ", text)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "a cell failed"


def execute(chosen: Sequence[str], check: bool) -> int:
    """Execute these notebooks, all of them by default; with ``check`` only compare the cells.

    0, or 1 where a notebook fails or differs, with the reason on stderr.
    """
    failed = False
    for name in chosen or names():
        source = FOLDER / f"{Path(name).stem}.py"
        try:
            if not source.exists():
                raise NotebookError(f"there is no {source.name} in {FOLDER.name}/")
            if check:
                said = difference(source)
            else:
                sys.stderr.write(f"{source.name}\n")
                text = written(executed(source))
                source.with_suffix(".ipynb").write_text(text, encoding="utf-8")
                said = ""
        except NotebookError as error:
            said = str(error)
        if said:
            sys.stderr.write(f"error: {said}\n")
            failed = True
    return int(failed)
