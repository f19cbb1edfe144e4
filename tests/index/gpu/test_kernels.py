"""The Triton kernels, without a device: interpreted, and compiled for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("triton", reason="kernels need Triton")

HERE = Path(__file__).parent


def run(script: Path, folder: Path, **environment: str) -> str:
    """What ``script`` prints, in a process of its own that keeps its files in ``folder``."""
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "TRITON_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if "only 0-dimensional arrays can be converted" in done.stderr:
        pytest.skip("the interpreter of this Triton is older than this NumPy")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_interpreted_kernels_answer_what_the_oracle_answers(tmp_path: Path) -> None:
    """By popcounts and by matrix products, at every number of planes read first, buffers poisoned
    and too small, groups and entries with radii of their own."""
    run(HERE / "interpreted.py", tmp_path, TRITON_INTERPRET="1")


def test_kernels_compile_for_hopper_and_use_its_instructions(tmp_path: Path) -> None:
    """Loads of 16 bytes, three popcounts a pair, integer tensor cores, asynchronous copies."""
    counts = json.loads(run(HERE / "compiled.py", tmp_path))
    assert counts["sift.wide_loads"] >= 4
    # Eight rows a thread, four queries: three each in the first look; the second adds a little.
    assert 96 <= counts["sift.popcounts"] <= 160
    assert counts["product.matrix"] > 0
    assert counts["product.copies"] > 0
    assert counts["refine.popcounts"] > 0
