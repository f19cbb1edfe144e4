"""Commands that measure speed over hours, or beside what only a developer has installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

_Radius = Annotated[int, typer.Option(min=0, max=256, help="Bits, inclusive.")]
_Entries = Annotated[int, typer.Option(min=1, help="Codes to hold.")]


def runtimes(
    rounds: Annotated[int, typer.Option(min=1)] = 15,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file.")
    ] = None,
) -> None:
    """Which runtime computes the network fastest on a CPU."""
    from rich.console import Console

    from evaluation.speed.runtimes import measure, table

    rows = measure(rounds)
    Console(width=100).print(table(rows))
    if json_file is not None:
        json_file.write_text(json.dumps({"rows": rows}, indent=1), encoding="utf-8")


def index_life(
    entries: _Entries = 1_000_000,
    radius: _Radius = 31,
    data: Annotated[Literal["random", "clustered"], typer.Option(help="Which codes.")] = "random",
) -> None:
    """How the index answers under changes, and how it starts."""
    from evaluation.speed.index.life import measure

    sys.stdout.write(json.dumps(measure(entries, radius, data), indent=1) + "\n")


def index_soak(folder: Path, seconds: Annotated[float, typer.Option(min=1)] = 300.0) -> None:
    """Kill an index under writes, and look for what is lost."""
    from evaluation.speed.index.soak import soak

    result = soak(folder, seconds)
    sys.stdout.write(
        f"{result.kills} kills, {result.changes} changes, {result.queries} queries: all well\n"
    )


def index_sweep(
    out: Annotated[Path, typer.Argument(help="JSON file to write, or add to, after each point.")],
    seeds: Annotated[Path | None, typer.Option(help="Codes to cluster round: a .npy file.")] = None,
    sizes: Annotated[list[int] | None, typer.Option(help="Entries; repeatable.")] = None,
    radii: Annotated[list[int] | None, typer.Option(help="Bits; repeatable.")] = None,
    radius: Annotated[int, typer.Option(help="At which sizes are compared.")] = 31,
    entries: Annotated[int, typer.Option(help="At which radii are compared.")] = 1_000_000,
    queries: int = 200,
    data: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    peers: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
) -> None:
    """Measure the index over sizes and radii, for hours."""
    from evaluation.speed.index.sweep import DATA, RADII, RIVALS, SIZES, sweep

    points = [(size, radius) for size in sizes or SIZES]
    points += [(entries, bits) for bits in radii or RADII]
    sweep(out, points, radius, queries, data or DATA, peers or RIVALS, seeds)


def index_charts(
    sweep: Annotated[Path, typer.Argument(help="What index-sweep wrote.")],
    folder: Annotated[Path, typer.Argument(help="Where to.")],
    radius: int = 31,
    entries: int = 1_000_000,
) -> None:
    """Draw the charts of the index."""
    from evaluation.showing.plot_index import draw

    draw(json.loads(sweep.read_text(encoding="utf-8")), folder, radius, entries)
