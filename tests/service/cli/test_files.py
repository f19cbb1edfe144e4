"""Which files a folder gives, in which order, and what happens to what is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from service.cli import files


def test_folders_are_walked_in_sorted_order_and_what_was_named_stays_in_place(
    tmp_path: Path,
) -> None:
    for name in ("b/2", "b/10", "a", "c/x/y", "c/w"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    named = [tmp_path / "gone", tmp_path, tmp_path / "b" / "2"]
    assert [str(path.relative_to(tmp_path)) for path in files.walk(named)] == [
        "gone", "a", "b/10", "b/2", "c/w", "c/x/y", "b/2",
    ]  # fmt: skip


def test_links_are_followed_but_not_round_and_round(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "other").touch()
    (inside / "loop").symlink_to(tmp_path)
    (inside / "self").symlink_to(inside)
    (inside / "there").symlink_to(tmp_path / "elsewhere")
    (inside / "broken").symlink_to(tmp_path / "nothing")
    found = [str(path.relative_to(inside)) for path in files.walk([inside])]
    assert "file" in found
    assert "there/other" in found
    assert "broken" in found
    assert sum(path.endswith("file") for path in found) <= 3
    with pytest.raises(files.FileMissingError):
        files.read(inside / "broken", 10)


def test_folders_may_be_nested_deeper_than_the_interpreter_s_stack(tmp_path: Path) -> None:
    here = os.getcwd()  # noqa: PTH109 - descended step by step: the whole path is too long to name
    try:
        os.chdir(tmp_path)
        for _ in range(1200):
            os.mkdir("d")  # noqa: PTH102
            os.chdir("d")
        Path("file").touch()
    finally:
        os.chdir(here)
    assert sum(1 for _ in files.walk([tmp_path])) == 1
    # pytest would run out of stack itself, sessions later, when it removes what tests leave behind.
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_no_more_is_read_than_shows_that_it_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    assert len(files.read(tmp_path / "file", 100)) == 100
    assert len(files.read(tmp_path / "file", 10)) == 11


def test_what_is_no_file_is_refused_without_being_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait for a writer, and reading a device might never end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(files.NotAFileError):
            files.read(path, 10)


def test_a_path_that_cannot_be_one_is_unreadable() -> None:
    with pytest.raises(files.FileUnreadableError):
        files.read(Path("a\0b"), 10)
    assert list(files.walk([Path("a\0b")])) == [Path("a\0b")]
