"""Which commands ``lookalike-eval`` has; each imports what it needs when it runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from evaluation.programs import images, speed

NAME = "lookalike-eval"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; raises ``SystemExit`` with 0, or 1 with the reason on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    build()(given, prog_name=NAME, obj=shlex.join([NAME, *given]))


def build() -> typer.Typer:
    """The application."""
    app = typer.Typer(
        name=NAME,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
        help="Measure what the matcher finds, and how fast.",
    )
    app.command("calibrate")(images.calibrate)
    app.command("extras")(images.extras)
    app.command("peers")(images.peers)
    app.command("published")(images.published)
    app.command("imagery")(images.imagery)
    app.command("runtimes")(speed.runtimes)
    app.command("index-life")(speed.index_life)
    app.command("index-soak")(speed.index_soak)
    app.command("index-sweep")(speed.index_sweep)
    app.command("index-charts")(speed.index_charts)
    app.command("notebooks")(notebooks)
    return app


def notebooks(
    names: Annotated[
        list[str] | None, typer.Argument(help="As in notebooks/; all if none.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare the cells; run nothing.")] = False,
) -> None:
    """Execute the notebooks and write each beside its source."""
    from evaluation.notebooks.execution import execute

    raise typer.Exit(execute(names or (), check))
