"""Nothing acknowledged is lost, whenever the server dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL under writes, life after life: entries, tombstones and whole lists are as answered.

    ``kill_soak.py`` does the same as often as one likes.
    """
    soak = Path(__file__).with_name("kill_soak.py")
    done = subprocess.run(
        [sys.executable, soak, "--lives", "8", "--data", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
