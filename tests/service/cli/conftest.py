"""The command line as tests call it, and pictures to call it with."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evaluation.corpora import samples
from service.cli.app import build
from service.cli.logs import OURS


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """``serve`` sets up the log of its process, which here is that of every test."""
    root = logging.getLogger()
    before = [(one, one.level, one.handlers[:]) for one in (root, *map(logging.getLogger, OURS))]
    yield
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.fixture
def lookalike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the application in an empty folder, with no settings but those a test makes."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LOOKALIKE_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, stdin: str = "") -> Said:
        result = CliRunner().invoke(build(), [str(one) for one in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def made(lookalike: Command) -> None:
    """An empty store in the folder ``data``."""
    assert lookalike("init").code == 0


@pytest.fixture
def script(lookalike: Command) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the installed console script itself, in the same folder; gone when the test ends."""
    del lookalike
    program = Path(sys.executable).parent / "lookalike"
    with contextlib.ExitStack() as stack:
        # A shell that runs the tests in the background has them ignore interrupts, and what they
        # start would too.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGINT, before)

        def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two photographs, and a drawing in a folder below."""
    folder = tmp_path / "pictures"
    (folder / "drawings").mkdir(parents=True)
    samples.drawing("owl").image.save(folder / "drawings" / "owl.png")
    samples.photograph("coffee").image.save(folder / "coffee.jpg")
    samples.photograph("cat").image.save(folder / "cat.webp")
    return folder
