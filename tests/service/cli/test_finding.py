"""``lookalike banks`` and ``lookalike entries``: what is listed, found and counted; deleted."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

SHA, OTHER, PDQ = "5f" * 32, "6e" * 32, "0f" * 32
LIST = f"provider_id,sha256,pdq,labels\nx1,{SHA},{PDQ},A;B\nx2,{OTHER},{PDQ},A\n"


@pytest.fixture
def listed(lookalike: Command, made: None, tmp_path: Path) -> Path:
    """Two versions of a list, of which the second lacks an entry; another bank lists it, too."""
    del made
    whole, less = tmp_path / "whole.csv", tmp_path / "less.csv"
    whole.write_text(LIST)
    less.write_text("".join(LIST.splitlines(keepends=True)[:2]))
    given = ("--bank", "hotline", "--provider", "p", "--list", "l", "--list-version")
    for name, version in ((whole, "1"), (less, "2")):
        assert lookalike("import", name, *given, version).code == 0
    assert lookalike("import", whole, "--bank", "other").code == 0
    return tmp_path


def lines(said: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [json.loads(line) for line in said.out.splitlines()]


@pytest.mark.usefixtures("listed")
def test_an_entry_is_found_with_its_past(lookalike: Command) -> None:
    """By a hash in every bank that lists it; by what its provider calls it, though it was dropped;
    by its own id; each state in a line."""
    found = lines(lookalike("entries", "find", SHA.upper(), "--jsonl"))
    assert [(one["bank"], one["provider_id"]) for one in found] == [
        ("hotline", "x1"),
        ("other", "x1"),
    ]
    assert all(one["in_force"] and one["labels"] == ["A", "B"] for one in found)
    assert len(lines(lookalike("entries", "find", PDQ, "--jsonl"))) == 3
    (gone,) = lines(lookalike("entries", "find", "x2", "--bank", "hotline", "--jsonl"))
    assert (gone["state"], gone["in_force"], gone["signals"]) == ("removed", False, {})
    assert [(one["state"], one["actor"]) for one in gone["history"]] == [
        ("in_force", "cli:import"),
        ("removed", "cli:import"),
    ]
    said = lookalike("entries", "find", gone["entry_id"])
    assert (said.code, said.err) == (0, "")
    first, where, what, *past = said.out.splitlines()
    assert first == f"{gone['entry_id']}  removed"
    assert where == "  hotline: p/l/x2"
    assert what == "  version 2; no labels; no signals left"
    assert ["in force, 1 by cli:import" in past[0], "removed" in past[1]] == [True, True]
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.usefixtures("listed")
def test_what_keeps_an_entry_out_of_force_is_said(lookalike: Command, tmp_path: Path) -> None:
    """A bank that is switched off matches nothing, whatever its entries are."""
    policy = {"format": "lookalike-policy-1", "banks": [{"name": "other", "enabled": False}]}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    done = lookalike("policy", "policy.json")
    assert done.code == 0, done.err
    said = lookalike("entries", "find", OTHER)
    assert "not in force: its bank is disabled" in said.out
    assert "disabled: it matches nothing" in lookalike("banks", "show", "other").out


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("text", ["7d" * 32, "x3", "e_00000000zz", "\x1b[31m", ""])
def test_what_is_not_listed_is_not_found(lookalike: Command, text: str) -> None:
    said = lookalike("entries", "find", "--", text)
    assert (said.code, said.out) == (1, "")
    assert "nothing is listed as exactly that" in said.err
    assert lookalike("entries", "find", SHA, "--bank", "none").code == 1


@pytest.mark.usefixtures("listed")
def test_banks_are_counted_by_list_state_and_signal(lookalike: Command) -> None:
    hotline, other = lines(lookalike("banks", "list", "--jsonl"))
    assert hotline["entries"] == {"in_force": 1, "disabled": 0, "removed": 1}
    assert other["entries"] == {"in_force": 2, "disabled": 0, "removed": 0}
    (shown,) = lines(lookalike("banks", "show", "hotline", "--jsonl"))
    assert shown == hotline
    assert shown["signals"] == {"pdq": {"in_force": 1}, "sha256": {"in_force": 1}}
    assert [(one["list"], one["version"]) for one in shown["lists"]] == [("l", "2")]
    reach = {(one["signal"], one["imagery"]): one["radius"] for one in shown["reach"]}
    assert reach["pdq", None] == 31
    assert reach["code", "photographic"] > reach["code", "non_photographic"] > 0
    for command in (("list",), ("show", "hotline")):
        said = lookalike("banks", *command)
        assert max(map(len, said.out.splitlines())) <= 80
        assert "hotline" in said.out
    assert "31 bits, the default" in said.out
    assert lookalike("banks", "show", "none").code == 1


@pytest.mark.usefixtures("listed")
def test_the_radius_in_force_is_the_banks_own(lookalike: Command, tmp_path: Path) -> None:
    """Where the bank says one; an ``allow`` bank has none."""
    banks: list[dict[str, Any]] = [
        {"name": "hotline", "radius": {"pdq": 20, "code": {"any": 33}}},
        {"name": "other", "action": "allow"},
    ]
    policy = {"format": "lookalike-policy-1", "banks": banks}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    assert lookalike("policy", "policy.json").code == 0
    said = lookalike("banks", "show", "hotline").out
    assert "20 bits, the bank's" in said
    assert said.count("33 bits, the bank's") == 2
    assert "score of code" not in said
    assert "the same SHA-256, and nothing else" in lookalike("banks", "show", "other").out


@pytest.mark.usefixtures("listed")
def test_a_bank_is_deleted_only_where_that_is_meant(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal to ask on it takes ``--yes``; what still fills the bank is named."""
    kept = lookalike("banks", "delete", "hotline")
    assert (kept.code, "say --yes" in kept.err) == (2, True)
    assert len(lines(lookalike("banks", "list", "--jsonl"))) == 2
    folder = Path("incoming").resolve()
    folder.mkdir()
    monkeypatch.setenv("LOOKALIKE_EXCHANGE_FOLDERS", str(folder))
    told = ("--kind", "folder", "--bank", "hotline", "--set", f"path={folder}")
    assert lookalike("exchanges", "add", "daily", *told).code == 0
    gone = lookalike("banks", "delete", "hotline", "--yes")
    assert (gone.code, gone.out) == (0, "")
    assert "bank 'hotline' is deleted, with 1 entry" in gone.err
    assert "exchange 'daily' fills this bank" in gone.err
    assert [one["name"] for one in lines(lookalike("banks", "list", "--jsonl"))] == ["other"]
    assert [one["bank"] for one in lines(lookalike("entries", "find", SHA, "--jsonl"))] == ["other"]
    assert lookalike("banks", "delete", "hotline", "--yes").code == 1


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("", 2), ("y", 1)])
@pytest.mark.usefixtures("listed")
def test_a_terminal_is_asked_before_a_bank_goes(lookalike: Command, answer: str, left: int) -> None:
    """And anything but yes keeps it."""
    ours, theirs = pty.openpty()
    program = Path(sys.executable).parent / "lookalike"
    process = subprocess.Popen(
        [program, "banks", "delete", "hotline"], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 4096)
    code = process.wait(60)
    os.close(ours)
    assert b"with 1 entry" in said
    assert (code == 0) is (answer == "y")
    assert len(lines(lookalike("banks", "list", "--jsonl"))) == left
