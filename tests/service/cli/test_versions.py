"""``lookalike import --mode``, ``versions`` and ``rollback``, as a list operator uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.store import open_store

Command = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("made")


def written(path: Path, *numbers: int) -> Path:
    path.write_text("id,sha256\n" + "".join(f"n{n},{n:064x}\n" for n in numbers))
    return path


def listed(tmp_path: Path) -> set[str]:
    store = open_store(tmp_path / "data", create=False)
    try:
        return {entry.provider_id for entry in store.entries.page("known").entries}
    finally:
        store.close()


def test_a_list_goes_back_to_a_version_that_is_shown(lookalike: Command, tmp_path: Path) -> None:
    first = written(tmp_path / "1.csv", 1, 2, 3)
    lookalike("import", first, "--bank", "known", "--list-version", "v1")
    more = written(tmp_path / "2.csv", 3, 4)
    said = lookalike("import", more, "--bank", "known", "--mode", "append", "--list-version", "v2")
    assert said.code == 0
    assert listed(tmp_path) == {"n1", "n2", "n3", "n4"}
    table = lookalike("versions", "--bank", "known")
    assert table.code == 0
    assert max(map(len, table.out.splitlines())) <= 80
    assert [line.split()[0] for line in table.out.splitlines() if "local/default" in line] == [
        "v2*",
        "v1",
    ]
    back = ("rollback", "--bank", "known", "--to", "v1")
    dry = lookalike(*back, "--dry-run")
    assert (dry.code, listed(tmp_path)) == (0, {"n1", "n2", "n3", "n4"})
    assert "dry run: nothing changed" in dry.out
    done = lookalike(*back)
    assert (done.code, listed(tmp_path)) == (0, {"n1", "n2", "n3"})
    newest, *_ = [
        json.loads(line)
        for line in lookalike("versions", "--bank", "known", "--jsonl").out.splitlines()
    ]
    assert (newest["restores"], newest["removed"], newest["actor"]) == ("v1", 1, "cli:rollback")


def test_what_cannot_be_gone_back_to_is_named(lookalike: Command, tmp_path: Path) -> None:
    lookalike("import", written(tmp_path / "1.csv", 1), "--bank", "known", "--list-version", "v1")
    lookalike("import", written(tmp_path / "2.csv", *range(20)), "--bank", "known")
    said = lookalike("rollback", "--bank", "known", "--to", "v0")
    assert (said.code, "version_not_found" in said.err) == (1, True)
    said = lookalike("rollback", "--bank", "known", "--to", "v1")
    assert (said.code, "list_shrinks" in said.err) == (1, True)
    assert len(listed(tmp_path)) == 20
    assert lookalike("rollback", "--bank", "known", "--to", "v1", "--allow-shrink").code == 0
    assert listed(tmp_path) == {"n1"}
    assert "no list of that name" in lookalike("versions", "--bank", "known", "--list", "x").err
    assert lookalike("versions", "--bank", "none").code == 1
