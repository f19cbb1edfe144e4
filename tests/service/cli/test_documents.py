"""What the documents tell people to type exists, and what they link to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from service.cli.app import build

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def _commands(document: Path) -> list[list[str]]:
    """Each ``lookalike …`` in a block of code or in back quotes."""
    text = document.read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = []
    for line in lines:
        place = re.search(r"(?:^|[/ ])lookalike (.*)", line)
        if place:
            found.append(shlex.split(re.split(r" [>|] |…", place[1])[0], comments=True))
    return found


def _fault(words: list[str]) -> str:
    """What of a command does not exist; empty if all of it does."""
    command = typer.main.get_command(build())
    rest = list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return f"no command {name!r}"
        command = command.commands[name]
    options = {name for parameter in command.params for name in parameter.opts}
    unknown = [word for word in rest if word.startswith("--") and word not in options]
    return f"no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_their_options_exist(document: Path) -> None:
    faults = {" ".join(words): fault for words in _commands(document) if (fault := _fault(words))}
    assert faults == {}


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert _fault(["keys", "remove"]) == "no command 'remove'"
    assert _fault(["import", "x", "--bnak", "y"]) == "no option --bnak"
    assert sum(len(_commands(document)) for document in DOCUMENTS) > 15


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
