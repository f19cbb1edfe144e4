"""``lookalike doctor``: what is right, what is wrong, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


def _findings(lookalike: Command) -> tuple[int, dict[str, dict[str, str]]]:
    said = lookalike("doctor", "--jsonl")
    return said.code, {line["what"]: line for line in map(json.loads, said.out.splitlines())}


def test_all_is_well_on_a_fresh_machine(lookalike: Command) -> None:
    code, found = _findings(lookalike)
    assert code == 0
    assert {line["state"] for line in found.values()} == {"ok", "note"}
    assert "OpenVINO" in found["device"]["found"] or "cuda" in found["device"]["found"]
    assert "imagery-1" in found["imagery"]["found"]
    assert "code space" in found["model"]["found"]
    assert found["store"]["state"] == "note"
    assert "makes it" in found["store"]["mend"]


def test_the_table_fits_and_says_how_to_mend(lookalike: Command) -> None:
    lookalike("init")
    lookalike("keys", "create", "x", "--role", "admin")
    said = lookalike("doctor")
    assert (said.code, said.err) == (0, "nothing is wrong\n")
    assert max(map(len, said.out.splitlines())) <= 100
    # A long path may push the count to the next line of its cell.
    assert "0 banks" in " ".join(said.out.split())


def test_a_bad_setting_is_named(lookalike: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_DEVICE", "abacus")
    code, found = _findings(lookalike)
    assert (code, found["settings"]["state"]) == (1, "wrong")
    assert "LOOKALIKE_DEVICE" in found["settings"]["found"]
    assert "abacus" in found["settings"]["found"]


def test_secrets_are_not_repeated(lookalike: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", "hush hush hush")
    said = lookalike("doctor", "--jsonl")
    assert said.code == 0
    assert "LOOKALIKE_ADMIN_KEY" in said.out
    assert "hush" not in said.out


def test_a_store_that_others_can_read_is_wrong(lookalike: Command, tmp_path: Path) -> None:
    lookalike("init")
    (tmp_path / "data" / "lookalike.db").chmod(0o644)
    code, found = _findings(lookalike)
    assert (code, found["files"]["state"]) == (1, "wrong")
    assert "chmod 600" in found["files"]["mend"]


def test_a_store_that_is_none_is_wrong(lookalike: Command, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lookalike.db").write_bytes(b"not a database at all" * 100)
    code, found = _findings(lookalike)
    assert (code, found["store"]["state"]) == (1, "wrong")


def test_a_misspelt_setting_is_named_with_what_was_meant(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_WORKRS", "2")
    monkeypatch.setenv("LOOKALIKE_ENTIRELY_ELSE", "secret")
    monkeypatch.setenv("LOOKALIKE_CORPUS", "somewhere")
    said = lookalike("doctor", "--jsonl")
    wrong = [line for line in map(json.loads, said.out.splitlines()) if line["state"] == "wrong"]
    assert said.code == 1
    assert [line["found"] for line in wrong] == [
        "LOOKALIKE_ENTIRELY_ELSE is no setting, so nothing reads it",
        "LOOKALIKE_WORKRS is no setting, so nothing reads it; did you mean LOOKALIKE_WORKERS?",
    ]
    assert {line["what"] for line in wrong} == {"settings"}
    assert "secret" not in said.out


def test_a_missing_gpu_is_not_mended_by_installing_again(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_DEVICE", "cuda")
    code, found = _findings(lookalike)
    if code == 0:
        pytest.skip("there is a GPU")
    assert found["model"]["state"] == "wrong"
    assert "LOOKALIKE_DEVICE" in found["model"]["mend"]
    assert "driver" in found["model"]["mend"]
    assert "make setup" not in found["model"]["mend"]
