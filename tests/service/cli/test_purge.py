"""``lookalike purge``: when it deletes, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


def test_it_says_what_it_purged(
    lookalike: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the age it is given, or else by the setting, which may say to keep everything."""
    (tmp_path / "two.txt").write_text("sha256 " + "a" * 64 + "\nsha256 " + "b" * 64 + "\n")
    (tmp_path / "one.txt").write_text("sha256 " + "a" * 64 + "\n")
    assert lookalike("purge").code == 1
    assert lookalike("init").code == 0
    for name in ("two.txt", "one.txt"):
        assert lookalike("import", name, "--bank", "x").code == 0
    assert "nothing to purge: no list dropped anything 90 days ago" in lookalike("purge").err
    would = lookalike("purge", "--older-than", "0", "--dry-run")
    assert "would purge 1 tombstone, 1 earlier state and 1 commit, up to sequence 2" in would.err
    done = lookalike("purge", "--older-than", "0")
    assert (done.code, done.out) == (0, "")
    assert "purged 1 tombstone, 1 earlier state and 1 commit, up to sequence 2" in done.err
    monkeypatch.setenv("LOOKALIKE_RETENTION_DAYS", "")
    kept = lookalike("purge")
    assert (kept.code, "--older-than" in kept.err) == (2, True)
