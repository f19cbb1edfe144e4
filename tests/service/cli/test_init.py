"""``lookalike init``, and what every command does where there is no store."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

COMMANDS = (
    ("keys", "create", "x", "--role", "admin"),
    ("keys", "list"),
    ("import", "list.txt", "--bank", "b"),
    ("import", "list.txt", "--bank", "b", "--dry-run"),
    ("export", "--bank", "b"),
    ("match", "list.txt"),
    ("migrate",),
    ("init",),
    ("serve",),
)


@pytest.fixture
def hashes(tmp_path: Path) -> None:
    """A list to import."""
    (tmp_path / "list.txt").write_text("sha256 " + "5f" * 32 + "\n")


def test_a_store_is_made_once(lookalike: Command, tmp_path: Path) -> None:
    """And a second ``init`` says so and changes nothing."""
    said = lookalike("init", "--data", "here")
    assert said.code == 0
    assert "here/lookalike.db" in said.err
    before = (tmp_path / "here" / "lookalike.db").read_bytes()
    said = lookalike("init", "--data", "here")
    assert (said.code, "is there already" in said.err) == (0, True)
    assert (tmp_path / "here" / "lookalike.db").read_bytes() == before


@pytest.mark.usefixtures("hashes")
@pytest.mark.parametrize("command", COMMANDS[:-2])
def test_no_other_command_makes_a_store(
    lookalike: Command, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A mistyped folder must not become a second, empty store."""
    said = lookalike(*command)
    if "--dry-run" in command:
        assert (said.code, "compared with an empty one" in said.err) == (0, True)
    else:
        assert said.code == 1
        assert "error (store_missing)" in said.err
        assert "lookalike init" in said.err
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("made", "hashes")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", ["missing", "empty"])
def test_a_lost_store_is_missed_by_every_command(
    lookalike: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    fault: str,
) -> None:
    """An index without its store: a volume that is not mounted, or a file that was emptied.
    Nothing is made in its place, and both are named."""
    monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", "an admin key for tests")
    (tmp_path / "data" / "index" / "pdq").mkdir(parents=True)
    database = tmp_path / "data" / "lookalike.db"
    database.unlink()
    if fault == "empty":
        database.touch()
    said = lookalike(*command)
    assert said.code == 1
    assert "error (store_lost)" in said.err
    assert "data/lookalike.db" in said.err
    assert "data/index" in said.err
    assert not database.exists() or database.stat().st_size == 0
    shutil.rmtree(tmp_path / "data" / "index")
    assert lookalike("init").code == 0


@pytest.mark.usefixtures("hashes")
def test_a_folder_beside_a_url_is_that_of_the_index(
    lookalike: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not another store: the URL is never dropped in silence, and ``doctor`` says which is used."""
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    assert lookalike("init", "--data", "here").code == 0
    assert (tmp_path / "other.db").exists()
    assert lookalike("import", "list.txt", "--bank", "b", "--data", "here").code == 0
    assert not (tmp_path / "here").exists()
    assert f"{tmp_path}/other.db: 1 bank" in lookalike("doctor", "--data", "here", "--jsonl").out


@pytest.mark.usefixtures("made")
def test_an_empty_database_beside_the_files_of_another_store_is_refused(
    lookalike: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL with a typing mistake, in a folder that had a store of its own."""
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    said = lookalike("init")
    assert "error (store_lost)" in said.err
    assert "data/lookalike.db" in said.err
    assert not (tmp_path / "other.db").exists()


def test_an_installation_without_the_driver_of_postgresql_is_told_what_to_install(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with every documented install; of one that lacks it nothing ends in a traceback."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", "postgresql://lookalike@127.0.0.1:1/none")
    said = lookalike("init")
    assert said.code == 1
    assert "error (" in said.err
    assert "psycopg" in said.err


def test_every_install_has_the_driver_of_postgresql() -> None:
    locked = (Path(__file__).parents[3] / "requirements" / "runtime.txt").read_text()
    assert re.search(r"^psycopg==", locked, re.MULTILINE)
    assert re.search(r"^psycopg-binary==", locked, re.MULTILINE)
