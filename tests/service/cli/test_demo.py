"""``lookalike demo``: the main job, and that a wrong verdict does not pass for a right one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from service.cli.demo import Outcome
from service.cli.demo_cases import Query, queries, references

Script = Callable[..., subprocess.Popen[bytes]]


def _row(bank: str, entry: str) -> dict[str, Any]:
    return {"bank": bank, "provenance": {"provider_id": entry}}


def test_every_verdict_of_the_demo_is_right(script: Script) -> None:
    process = script("demo")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    table = out.decode().splitlines()
    assert max(map(len, table)) <= 100
    for word in ("recompressed", "resized", "cropped", "mirrored", "captioned", "screenshotted"):
        assert sum(word in line for line in table) >= 6
    assert any("stranger" in line and "none" in line for line in table)
    assert not any("✗" in line for line in table)


def test_the_demo_asks_about_both_kinds_and_about_strangers_of_both() -> None:
    asked = list(queries())
    listed = {(reference.bank, reference.name) for reference in references()}
    assert {(query.bank, query.name) for query in asked if query.bank} <= listed
    assert {query.bank for query in asked} == {"photographs", "drawings", ""}
    assert {query.coverage for query in asked} == {"full", "digests_only"}
    strangers = {query.name for query in asked if not query.bank}
    assert not strangers & {name for _, name in listed} - {"blank page"}


def test_an_outcome_is_right_only_if_verdict_coverage_and_entry_are() -> None:
    query = Query("cat", "cropped", b"", "review", "photos")
    right = Outcome(query, "review", "full", (_row("photos", "cat"), _row("photos", "cat")))
    assert right.right
    assert not replace(right, verdict="block").right
    assert not replace(right, coverage="digests_only").right
    assert not replace(right, matches=()).right
    assert not replace(right, matches=(_row("drawings", "cat"),)).right
    assert not replace(right, matches=(*right.matches, _row("photos", "dog"))).right
    stranger = Outcome(replace(query, verdict="none", bank=""), "none", "full", ())
    assert stranger.right
    assert not replace(stranger, matches=(_row("photos", "cat"),)).right
