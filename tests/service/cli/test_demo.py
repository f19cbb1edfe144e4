"""``lookalike demo``: the main job, and that a wrong verdict does not pass for a right one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from service.cli.demo.cases import DemoQuery, queries, references
from service.cli.demo.command import Outcome
from service.cli.demo.picture import drawn

pytestmark = pytest.mark.slow

Script = Callable[..., subprocess.Popen[bytes]]


def _row(bank: str, entry: str) -> dict[str, Any]:
    return {"bank": bank, "provenance": {"provider_id": entry}}


def test_every_verdict_of_the_demo_is_right_and_its_picture_shows_them(
    script: Script, tmp_path: Path
) -> None:
    process = script("demo", "--picture", tmp_path / "demo.webp")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    table = out.decode().splitlines()
    assert max(map(len, table)) <= 100
    for word in ("recompressed", "resized", "cropped", "mirrored", "captioned", "screenshotted"):
        assert sum(word in line for line in table) >= 6
    assert any("stranger" in line and "none" in line for line in table)
    assert not any("✗" in line for line in table)
    with PIL.Image.open(tmp_path / "demo.webp") as picture:
        assert picture.format == "WEBP"
        assert picture.width > 1000
    assert (tmp_path / "demo.webp").stat().st_size < 300_000


def test_the_demo_asks_about_both_kinds_and_about_strangers_of_both() -> None:
    asked = list(queries())
    listed = {(reference.bank, reference.name) for reference in references()}
    assert {(query.bank, query.name) for query in asked if query.bank} <= listed
    assert {query.bank for query in asked} == {"photographs", "drawings", ""}
    assert {query.coverage for query in asked} == {"full", "digests_only"}
    strangers = {query.name for query in asked if not query.bank}
    assert not strangers & {name for _, name in listed} - {"blank page"}


def test_an_outcome_is_right_only_if_verdict_coverage_and_entry_are() -> None:
    query = DemoQuery("cat", "cropped", b"", "review", "photos")
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


def test_the_picture_shows_the_verdicts_that_were_given() -> None:
    """A wrong one is not drawn as a right one: another verdict makes another picture."""
    outcomes = [Outcome(query, query.verdict, query.coverage, ()) for query in queries()]
    place = next(n for n, one in enumerate(outcomes) if one.query.edit == "mirrored")
    changed = [*outcomes]
    changed[place] = replace(outcomes[place], verdict="none")
    before, after = (np.asarray(drawn(one), np.int16) for one in (outcomes, changed))
    rows, columns = np.nonzero(np.abs(before - after).max(axis=2))
    assert 0 < rows.max() - rows.min() < 30
    assert 0 < columns.max() - columns.min() < 160
