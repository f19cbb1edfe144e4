"""The command line as tests call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.app import build


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def lookalike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the application in an empty folder, with no settings but those a test makes."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "ADMIN_KEY", "DEVICE", "MAX_PIXELS"):
        monkeypatch.delenv(f"LOOKALIKE_{name}", raising=False)

    def run(*arguments: str | Path, stdin: str = "") -> Said:
        result = CliRunner().invoke(build(), [str(one) for one in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run
