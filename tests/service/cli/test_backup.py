"""``lookalike backup`` and ``restore``, as an operator runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("made")


def test_what_was_backed_up_is_in_force_again(lookalike: Command, tmp_path: Path) -> None:
    """What was listed since is not; the store that was there is kept; the index follows."""
    for number, name in enumerate(("one", "two")):
        (tmp_path / f"{name}.txt").write_text(f"sha256 {str(number) * 64}\n")
        (tmp_path / name).write_bytes(b"")
    assert lookalike("init").code == 0
    assert lookalike("import", "one.txt", "--bank", "a", "--list", "1").code == 0
    done = lookalike("backup", "saved")
    assert (done.code, done.out) == (0, "")
    assert "backed up 1 entry in 1 bank, up to sequence 1, to saved" in done.err
    assert lookalike("import", "two.txt", "--bank", "a", "--list", "2").code == 0
    refused = lookalike("restore", "saved")
    assert (refused.code, "restore_refused" in refused.err) == (1, True)
    done = lookalike("restore", "saved", "--replace")
    assert done.code == 0
    assert "restored 1 entry in 1 bank, up to sequence 1" in done.err
    assert "lookalike.db.replaced-" in done.err
    shown = lookalike("export", "--bank", "a", "--format", "text").out
    assert ("0" * 64 in shown, "1" * 64 in shown) == (True, False)


def test_it_is_refused_by_name(lookalike: Command, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    assert "store_missing" in lookalike("backup", "elsewhere", "--data", "nothing").err
    (tmp_path / "unmounted" / "index").mkdir(parents=True)
    (tmp_path / "unmounted" / "index" / "pdq").mkdir()
    assert "store_lost" in lookalike("backup", "elsewhere", "--data", "unmounted").err
    assert "backup_failed" in lookalike("backup", "saved").err
    assert "backup_damaged" in lookalike("restore", "saved").err
