"""One word for one thing: what GLOSSARY.md gave up is written nowhere, and what it has is there."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

GIVEN_UP = {
    r"\boutsiders?\b|\boutside quer(y|ies)\b|\bdistractors?\b": "stranger",
    r"\blineages?\b": "store identity, or store",
    r"\bnon-photo\b|\bnonphotographic\b": "non-photographic",
}
"""What is not written, and what is instead."""

IN_ROOMS = {
    r"\bgroups?\b(?!\(| BY)": ("bank", ("domain", "policy", "store", "lists", "work", "http")),
    r"\bengines?\b": ("replica", ("domain", "policy", "replica", "lists", "work", "http")),
    r"\b(fingerprint|view|whole)\.quality\b": ("structure", ("domain", "replica", "http", "cli")),
}
"""What is not written in these rooms of ``service``: an index has groups, a database an engine."""

STAYS = re.compile(r"\bcounts\.outsiders\b|^    outsiders: int$")
"""Names in the JSON of ``lookalike evaluate``, which programs read."""

SHARED: dict[str, str] = {}
"""Names of two classes, and why. Empty: whoever reads a name knows which class it is."""

ELSEWHERE = {"CHANGELOG.md", "tests/test_words.py"}
"""Files that speak of what was."""


def texts() -> list[Path]:
    """The files of this project that people read."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.splitlines()
    if not names:
        pytest.skip("not a checkout")
    kinds = (".py", ".md", ".ipynb", ".toml")
    return [ROOT / n for n in names if n.endswith(kinds) and n not in ELSEWHERE]


@pytest.mark.parametrize("pattern", GIVEN_UP, ids=list(GIVEN_UP.values()))
def test_a_word_that_was_given_up_is_written_nowhere(pattern: str) -> None:
    sought = re.compile(pattern, re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in texts()
        if path.exists()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if sought.search(STAYS.sub("", line))
    ]
    assert not found, "\n".join([f"write {GIVEN_UP[pattern]!r} instead:", *found])


@pytest.mark.parametrize("pattern", IN_ROOMS, ids=[word for word, _ in IN_ROOMS.values()])
def test_a_room_of_the_service_uses_the_word_of_its_own(pattern: str) -> None:
    sought, (word, rooms) = re.compile(pattern, re.IGNORECASE), IN_ROOMS[pattern]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in (one for room in rooms for one in (ROOT / "service" / room).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if sought.search(line)
    ]
    assert not found, "\n".join([f"write {word!r} instead:", *found])


def test_a_word_is_explained_once() -> None:
    page = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    words = re.findall(r"(?m)^\*\*([^*]+)\*\*", page)
    assert len(words) > 40
    assert sorted(words) == sorted(set(words))


def test_a_class_has_a_name_of_its_own() -> None:
    """Private ones apart, whose readers have the one module before them."""
    homes = defaultdict(list)
    for package in ("embeddings", "index", "service", "evaluation"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(str(path.relative_to(ROOT)))
    twice = {name: paths for name, paths in homes.items() if len(paths) > 1 and name not in SHARED}
    assert not twice
