"""How this package's figures reach a terminal and a file: text forms, progress bars, JSON.

It knows nothing of what is measured.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.progress import Progress as Bars
from rich.progress import TaskID
from rich.text import Text

from embeddings.errors import EmbeddingError
from evaluation.base.errors import EvaluationError, ReportError
from evaluation.base.progress import Progress, silent
from evaluation.base.results import Estimate

WIDTH: Final = 100
"""Columns a report fits in."""

NONE: Final = "\N{EN DASH}"
"""What stands where nothing was measured."""


def share_text(value: float) -> str:
    """A share, 0..1, as ``.123``."""
    return NONE if math.isnan(value) else f"{value:.3f}".removeprefix("0")


def estimate_text(estimate: Estimate) -> str:
    """A share with its interval, as ``.123 .10-.15``, with rich's markup."""
    if math.isnan(estimate.value):
        return NONE
    low, high = (f"{end:.2f}".removeprefix("0") for end in (estimate.low, estimate.high))
    return f"{share_text(estimate.value)} [dim]{low}-{high}[/dim]"


def rate_text(rate: float) -> str:
    """A small rate, as ``1e-6``."""
    return "0" if rate == 0 else f"{rate:.0e}".replace("e-0", "e-")


def printable(text: str) -> str:
    """``text`` without characters that a terminal would act on."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def check_writable(out: Path | None, file: Path | None) -> None:
    """Make the folder ``out``, and that of ``file``; raises ``ReportError`` if that fails.

    Minutes of measuring must not end in a folder that is not there.
    """
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a"):
                pass
    except OSError as error:
        raise ReportError(f"{error.filename}: cannot be written ({error.strerror})") from error


def json_text(values: Mapping[str, Any]) -> str:
    """``values`` as the text of a JSON file."""
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


@contextlib.contextmanager
def stages() -> Iterator[Progress]:
    """A function to report progress to; it draws a bar a stage where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    with Bars(console=Console(stderr=True), transient=True) as bars:
        known: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in known:
                known[stage] = bars.add_task(stage.capitalize(), total=total)
            bars.update(known[stage], completed=done, total=total)

        yield report


def run(
    measure: Callable[[Progress], tuple[RenderableType, Mapping[str, Any]]], file: Path | None
) -> int:
    """Do ``measure`` with progress, show what it found and write its figures to ``file``.

    The status of the process: 0, or 1 where an error of ours ended it, with the reason on stderr.
    """
    try:
        check_writable(None, file)
        with stages() as progress:
            shown, figures = measure(progress)
        if file is not None:
            file.write_text(json_text(figures), encoding="utf-8")
    except (EvaluationError, EmbeddingError) as error:
        message = Text(f"error: {error}")
        Console(stderr=True).print(message, soft_wrap=True, highlight=False)
        return 1
    # A pipe has no width of its own.
    width = None if sys.stdout.isatty() else WIDTH
    Console(width=width, highlight=False).print(shown)
    return 0
