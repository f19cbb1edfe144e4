"""The examples of docs/clients.md, run as they stand there against the real service."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"^```(\w+) run\n(.*?)^```",
    (ROOT / "docs" / "clients.md").read_text(),
    re.DOTALL | re.MULTILINE,
)
PROGRAMS = {
    "sh": ("bash", "example.sh"),
    "python": (sys.executable, "example.py"),
    "js": ("node", "example.mjs"),
}


def test_there_are_examples() -> None:
    """In each of the languages that people ask for."""
    assert [language for language, _ in BLOCKS] == ["sh", "python", "js"]


@pytest.mark.parametrize(("language", "code"), BLOCKS, ids=[language for language, _ in BLOCKS])
def test_an_example_runs(
    served: Served, pictures: Pictures, tmp_path: Path, language: str, code: str
) -> None:
    """And finds the picture that is listed. Without node its example is skipped; CI has it."""
    program, name = PROGRAMS[language]
    if language == "js" and shutil.which(program) is None:
        pytest.skip("no node: Debian's package nodejs has it")
    image = pictures.png(pictures.photo)
    (tmp_path / "picture.png").write_bytes(image)
    (tmp_path / name).write_text("set -e\n" + code if language == "sh" else code)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", files={"file": image}).raise_for_status()
    key = "an admin key for tests"
    environment = {**os.environ, "LOOKALIKE_URL": served.url, "KEY": key, "NO_PROXY": "*"}
    done = subprocess.run(
        [program, name], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "block" in done.stdout
