"""``lookalike match``: a list made with ``hash``, imported, and matched, with no server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.corpora import samples

Command = Callable[..., Any]


@pytest.fixture
def listed(lookalike: Command, pictures: Path) -> Path:
    """A store that lists the pictures, all but the cat."""
    (pictures / "cat.webp").rename(pictures.parent / "cat.webp")
    hashed = lookalike("hash", "pictures", "--jsonl")
    assert lookalike("init").code == 0
    assert lookalike("import", "-", "--bank", "known", stdin=hashed.out).code == 0
    return pictures


def test_exit_codes_tell_match_from_none_from_failure(lookalike: Command, listed: Path) -> None:
    assert lookalike("match", listed).code == 3
    (listed.parent / "blank.txt").write_text("no image")
    assert lookalike("match", listed, "blank.txt").code == 1
    samples.photograph("gravel").image.save(listed.parent / "stranger.png")
    none = lookalike("match", "stranger.png")
    assert (none.code, none.err) == (0, "0 of 1 file matched\n")


def test_json_lines_are_the_answer_of_the_service(lookalike: Command, listed: Path) -> None:
    said = lookalike("match", listed / "coffee.jpg", "--jsonl")
    (answer,) = map(json.loads, said.out.splitlines())
    assert list(answer) == [
        "path", "verdict", "truncated", "matches", "imagery", "coverage", "not_matched", "index",
    ]  # fmt: skip
    assert (answer["verdict"], answer["coverage"]) == ("block", "full")
    own = [row for row in answer["matches"] if row["verdict"] == "block"]
    assert {(row["signal"], row["distance"], row["radius"]) for row in own} == {
        ("md5", 0, 0),
        ("sha1", 0, 0),
        ("sha256", 0, 0),
    }
    assert {"pdq", "code"} <= {row["signal"] for row in answer["matches"]}
    assert own[0]["provenance"]["provider"] == "local"


def test_the_table_names_file_verdict_and_signals(lookalike: Command, listed: Path) -> None:
    samples.drawing("owl").image.save(listed.parent / "again.jpg", quality=70)
    said = lookalike("match", "again.jpg")
    assert max(map(len, said.out.splitlines())) <= 100
    assert "again.jpg" in said.out
    assert "review" in said.out
    assert "of 31 bits" in said.out


def test_files_that_fail_are_reported(lookalike: Command, listed: Path) -> None:
    (listed / "empty").touch()
    said = lookalike("match", listed / "empty", "--jsonl")
    assert json.loads(said.out)["error"]["code"] == "empty_file"
    assert "error (empty_file)" in lookalike("match", listed / "empty").err


def test_a_store_that_is_not_there_is_not_made(lookalike: Command, pictures: Path) -> None:
    said = lookalike("match", pictures, "--data", "nowhere")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error (store_missing)")
    assert not (pictures.parent / "nowhere").exists()
