"""``lookalike urls check``, and docs/url-lists.md, whose examples are run as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Served

Command = Callable[..., Any]

GUIDE = (Path(__file__).parents[3] / "docs" / "url-lists.md").read_text()


def block(language: str, number: int = 0) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return found[number]


@pytest.fixture
def listed(lookalike: Command) -> Command:
    """A store with the guide's list, imported as it says."""
    Path("urls.txt").write_text(block("text"))
    assert lookalike("init").code == 0
    said = lookalike(*shlex.split(block("sh"))[1:])
    assert said.code == 0, said.err
    return lookalike


def test_the_guides_commands_do_what_it_says(listed: Command) -> None:
    """Two of the three are listed, one by its page and one by its domain."""
    said = listed(*shlex.split(block("sh", 1))[1:], "--jsonl")
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 3
    assert [one["verdict"] for one in answers] == ["block", "block", "none"]
    assert [row["rule"] for one in answers for row in one["matches"]] == ["page", "domain"]
    assert "2 of 3 URLs matched" in said.err
    shown = json.loads(block("json").replace("…", "x"))["results"][0]
    for name in ("url", "canonical", "verdict", "coverage"):
        assert answers[0][name] == shown[name]


def test_the_guides_requests_are_answered(served: Served) -> None:
    """The two that are sent with curl, over real HTTP."""
    bodies = re.findall(r"-d '([^']*)'", block("sh", 2))
    with served.client() as client:
        client.post("/v1/banks", json={"name": "web"})
        client.post("/v1/banks/web/imports?format=urls", content=block("text")).raise_for_status()
        found = [
            [
                one["verdict"]
                for one in client.post("/v1/match/urls", json=json.loads(body)).json()["results"]
            ]
            for body in bodies
        ]
    assert found == [["block", "none"], ["block", "none"]]


@pytest.mark.parametrize(
    "row", re.findall(r"^\| (`.*?) \| (page|prefix|domain) \|", GUIDE, re.MULTILINE)
)
def test_the_guides_table_of_rules_is_right(row: tuple[str, str]) -> None:
    from service.domain.urls.rules import listed, read_rule

    for written in re.findall(r"`([^`]+)`", row[0]):
        assert read_rule(listed(written)).kind == row[1]


def test_exit_codes_tell_match_from_none_from_failure(listed: Command) -> None:
    assert listed("urls", "check", "https://example.com/").code == 0
    both = listed("urls", "check", "https://example.net/", "http://", "--jsonl")
    assert both.code == 1
    assert [json.loads(line).get("verdict") for line in both.out.splitlines()] == ["block", None]
    table = listed("urls", "check", "https://example.net/", "https://bit.ly/x")
    assert table.code == 3
    assert max(map(len, table.out.splitlines())) <= 100
    assert "leads elsewhere" in table.out


def test_lines_are_read_from_stdin(listed: Command) -> None:
    lines = "\n".join(["", "https://example.com/", " sub.example.net ", *["example.com"] * 2100])
    said = listed("urls", "check", "--jsonl", stdin=lines)
    assert said.code == 3
    assert len(said.out.splitlines()) == 2102
    assert "1 of 2102 URLs matched" in said.err


def test_bad_lines_of_a_list_of_urls_are_named(lookalike: Command) -> None:
    """Nothing of it is in force."""
    Path("urls.txt").write_text("https://example.org/\nco.uk\nhttps://[/\n# fine\n")
    lookalike("init")
    said = lookalike("import", "urls.txt", "--format", "urls", "--bank", "web")
    assert said.code == 1
    assert "line 2: url: co.uk is a public suffix" in said.err
    assert "line 3" in said.err
