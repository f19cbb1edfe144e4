"""``lookalike-eval``: each command says what it does, and starts without what it may not need."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.main

from evaluation.programs.app import build
from tests.evaluation.commands import run

COMMANDS = sorted(typer.main.get_group(build()).commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_that_fits(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"lookalike-eval {command}" in text
    assert max(map(len, text.splitlines())) <= 100


def test_reading_the_command_line_loads_no_model_and_no_index() -> None:
    script = (
        "import sys; from evaluation.programs.app import build; build();"
        "print([m for m in ('numpy', 'torch', 'openvino', 'faiss', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["published", "imagery"])
def test_one_of_two_sources_must_be_given(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command]) == 2
    assert "give one of --" in capsys.readouterr().err
