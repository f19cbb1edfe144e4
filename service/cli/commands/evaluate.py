"""``lookalike evaluate``: recall and false positives of every signal on the user's own images."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import open_encoder
from service.cli.progress import stages
from service.cli.terminal import console, reporting, say


@reporting
def evaluate(
    images: Annotated[Path, typer.Option(help="Folder or tar of ordinary images.")],
    manifest: Annotated[
        Path | None,
        typer.Option(help="CSV with name, kind (photo, nonphoto) and style of each image."),
    ] = None,
    related: Annotated[
        Path | None,
        typer.Option(help="CSV with image and same_as: images that show one work, no strangers."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report's files.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file.")
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(help="Write every figure to this file as a table, one figure a row."),
    ] = None,
) -> None:
    """Measure recall and false positives on images of your own.

    PDQ, the code and both are measured. Six images in ten are listed; edited copies of all are
    queried, so each false match is known to be false. Use ordinary images only. Without --manifest,
    folders named photo/ and nonphoto/ tell photographs from drawings; without those, they are not
    told apart.
    """
    from evaluation.showing.report import evaluate_images, tables

    if parquet is not None:
        # Before anything is measured: what writes tables is not installed with the service.
        from evaluation.base.terminal import check_writable
        from evaluation.showing import frames

        check_writable(None, parquet)
    encoder = open_encoder()
    with stages() as progress:
        result = evaluate_images(
            images,
            out,
            json_file,
            manifest,
            encoder,
            progress,
            related=related,
            command=shlex.join(["lookalike", *sys.argv[1:]]),
        )
    console().print(tables(result))
    if out is not None:
        say(f"written: {out / 'report.txt'}, {out / 'report.json'}")
    if json_file is not None:
        say(f"written: {json_file}")
    if parquet is not None:
        frames.save(frames.tidy(result), parquet)
        say(f"written: {parquet}")
