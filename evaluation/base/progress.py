"""How long work tells what it has done: a function called with a stage and two counts."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is."""


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
