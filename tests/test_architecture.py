"""ARCHITECTURE.md shows the tree as it is: every module, captioned by its own first line.

``python tests/test_architecture.py`` rewrites the tree.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("embeddings", "index", "service", "evaluation")
PAGE = ROOT / "ARCHITECTURE.md"


def caption(path: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n", 1)[0].rstrip(".")


def folders() -> list[Path]:
    """Packages and their rooms, each before what stands in it."""
    found = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    return [
        folder
        for package in PACKAGES
        for folder in sorted(found)
        if folder.is_relative_to(ROOT / package)
        and "migrations" not in folder.relative_to(ROOT).parts
    ]


def rooms() -> str:
    """Packages and rooms, indented, each with its caption."""
    return "".join(room(folder) for folder in folders())


def tree() -> str:
    """The same with every module."""
    lines = []
    for folder in folders():
        lines.append(room(folder))
        lines += [
            row("  " * (depth(folder) + 1) + path.name, path)
            for path in sorted(folder.glob("*.py"))
            if path.name not in ("__init__.py", "__main__.py")
        ]
    return "".join(lines)


def depth(folder: Path) -> int:
    """How many rooms a folder lies in."""
    return len(folder.relative_to(ROOT).parts) - 1


def room(folder: Path) -> str:
    """The line of a folder."""
    return row("  " * depth(folder) + folder.name + "/", folder / "__init__.py")


def row(name: str, module: Path) -> str:
    """One line of a block."""
    return f"{name:<26} {caption(module)}".rstrip() + "\n"


BLOCKS = {"rooms": rooms, "tree": tree}
"""What the page shows between ``<!-- NAME -->`` and ``<!-- /NAME -->``."""


def parts(page: str, name: str) -> tuple[str, str, str]:
    """A page before a block, the block, and the page after it."""
    before, rest = page.split(f"<!-- {name} -->\n```\n", 1)
    shown, after = rest.split(f"```\n<!-- /{name} -->", 1)
    return before, shown, after


@pytest.mark.parametrize("name", BLOCKS)
def test_the_tree_on_the_page_is_the_tree_on_disk(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert parts(page, name)[1] == BLOCKS[name](), "rewrite it: python tests/test_architecture.py"


def test_every_module_says_what_it_does() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert [str(path) for path in modules if not caption(path)] == []


if __name__ == "__main__":
    written = PAGE.read_text(encoding="utf-8")
    for block, shown in BLOCKS.items():
        before, _, after = parts(written, block)
        written = f"{before}<!-- {block} -->\n```\n{shown()}```\n<!-- /{block} -->{after}"
    PAGE.write_text(written, encoding="utf-8")


LONG = {
    "service/client.py": "one file, so that it can be copied out",
    "service/http/shapes/answers.py": "a flat list of shapes, read by looking one up",
    "service/domain/errors.py": "a flat list of errors with their codes",
}
"""Files of more than ``MOST_LINES``, and why; the page says so too."""
MOST_LINES = 400
MOST_FILES = 15
CROWDED = {"service/lists/formats": 24, "service/domain/signals": 24}
"""Rooms with more files than ``MOST_FILES``, and how many they may have: a format is one module,
and so is a type of signal."""


def test_files_and_rooms_are_small_or_it_is_said_why() -> None:
    page = PAGE.read_text(encoding="utf-8")
    long = {
        name
        for folder in folders()
        for path in folder.glob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
        and (name := str(path.relative_to(ROOT)))
    }
    assert long <= LONG.keys()
    assert all(f"`{name}`" in page for name in LONG)
    for folder in folders():
        name = str(folder.relative_to(ROOT))
        held = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(held) <= CROWDED.get(name, MOST_FILES), name


HEAVY = {"sqlalchemy", "alembic", "faiss", "numba", "llvmlite", "openvino", "torch", "fastapi"}
PURE = ("service.domain", "service.policy.matching", "service.lists.formats.reader")


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_loads_no_database_and_no_index(module: str) -> None:
    """Seen in a process of its own, as a list of what it has loaded."""
    names = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    loaded = {name.split(".")[0] for name in names}
    assert module in names
    assert not loaded & HEAVY
    assert not [name for name in names if name.startswith(("service.store", "index."))]


def test_what_the_page_says_to_begin_at_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.split("## Where to change what", 1)[1].split("## Where things are", 1)[0]
    named = re.findall(r"`([a-z_]+/[^`]*)`", table)
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).exists()]
