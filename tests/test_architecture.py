"""ARCHITECTURE.md shows the tree as it is: every module, captioned by its own first line.

``python tests/test_architecture.py`` rewrites the tree.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("embeddings", "index", "service", "evaluation")
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- tree -->\n```\n", "```\n<!-- /tree -->"


def caption(path: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n", 1)[0].rstrip(".")


def tree() -> str:
    """Packages and modules, indented, each with its caption."""
    lines = []
    for package in PACKAGES:
        for folder in sorted({path.parent for path in (ROOT / package).rglob("*.py")}):
            if "migrations" in folder.relative_to(ROOT).parts:
                continue
            depth = len(folder.relative_to(ROOT).parts) - 1
            lines.append(row("  " * depth + folder.name + "/", folder / "__init__.py"))
            lines += [
                row("  " * (depth + 1) + path.name, path)
                for path in sorted(folder.glob("*.py"))
                if path.name not in ("__init__.py", "__main__.py")
            ]
    return "".join(lines)


def row(name: str, module: Path) -> str:
    """One line of the tree."""
    return f"{name:<26} {caption(module)}".rstrip() + "\n"


def test_the_tree_on_the_page_is_the_tree_on_disk() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page.split(BEGIN, 1)[1].split(END, 1)[0]
    assert shown == tree(), "rewrite it: python tests/test_architecture.py"


def test_every_module_says_what_it_does() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert [str(path) for path in modules if not caption(path)] == []


if __name__ == "__main__":
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN, 1)
    PAGE.write_text(before + BEGIN + tree() + END + rest.split(END, 1)[1], encoding="utf-8")
