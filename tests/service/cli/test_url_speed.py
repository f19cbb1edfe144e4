"""``lookalike bench urls``: small, so that only its answers count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_every_answer_is_right(lookalike: Callable[..., Any]) -> None:
    said = lookalike("bench", "urls", "--entries", "2000", "--json", "urls.json")
    found = json.loads(Path("urls.json").read_text())
    assert said.code == 0
    assert "index of rules" in said.out
    assert (found["wrong"], found["entries"]) == (0, 2000)
    assert found["bytes_per_url"] < 100
    assert 5 < found["keys"] < 12
