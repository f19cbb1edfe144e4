"""``lookalike hash``: fingerprints of files and folders, with no store and no network."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import files
from service.cli.batch import Failure, FileResult, each_file
from service.cli.local import load_fingerprinter
from service.cli.progress import progress
from service.cli.terminal import (
    FAILED,
    counted,
    new_table,
    print_json,
    print_table,
    printable,
    reporting,
    say,
    say_error,
)

if TYPE_CHECKING:
    from rich.table import Table

    from embeddings.fingerprint import Fingerprint


class CodeRole(StrEnum):
    """What codes are made for; see ``embeddings.fingerprint``."""

    QUERY = "query"
    REFERENCE = "reference"


@reporting
def hash_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    role: Annotated[
        CodeRole,
        typer.Option(help="What the codes are for: to be listed (reference), or to ask with."),
    ] = CodeRole.QUERY,
    descriptors: Annotated[
        bool,
        typer.Option("--descriptors", help="With --jsonl, also what a query's matches score by."),
    ] = False,
) -> None:
    """Fingerprint images: digests, PDQ and code, with their qualities.

    Folders are walked recursively, in sorted order, and every file in them is tried. A file that
    has no fingerprint is reported with the reason, and the exit code is then 1. Needs no store and
    no network; --jsonl writes what `lookalike import` reads. Lists are best hashed with --role
    reference, which looks at each image in many ways and takes six to seven times as long.
    """
    if descriptors and (role is CodeRole.REFERENCE or not jsonl):
        raise typer.BadParameter("--descriptors: of queries alone, and with --jsonl")
    fingerprinter, limits = load_fingerprinter()

    def fingerprint(data: bytes) -> Fingerprint:
        return fingerprinter.fingerprint(data, role.value)

    done = failed = 0
    rows: list[FileResult[Fingerprint]] = []
    with progress("Fingerprinting", files.walk(paths), jsonl) as found:
        for result in each_file(found, fingerprint, limits.max_bytes):
            done += 1
            failed += isinstance(result.outcome, Failure)
            if jsonl:
                print_json(_to_json(result, descriptors))
                continue
            rows.append(result)
            if isinstance(result.outcome, Failure):
                say_error(result.outcome.code, f"{result.path}: {result.outcome.message}")
    if rows:
        print_table(_table(rows, role))
    if done == 0:
        say("no files found")
    if failed:
        where = ": their lines hold an error instead of hashes" if jsonl else ""
        say(f"{failed} of {counted(done, 'file')} failed{where}")
        raise typer.Exit(FAILED)


def _to_json(result: FileResult[Fingerprint], descriptors: bool) -> dict[str, object]:
    from service.domain.signals import fingerprint_json

    if isinstance(result.outcome, Failure):
        return result.failure_json()
    return {"path": str(result.path), **fingerprint_json(result.outcome, descriptors)}


def _table(results: list[FileResult[Fingerprint]], role: CodeRole) -> Table:
    from rich.text import Text

    made_for = (
        "Codes are made to be listed (--role reference)."
        if role is CodeRole.REFERENCE
        else "Codes are made to ask with; for a list use --role reference."
    )
    table = new_table(
        caption="The first digits of each hash, and the quality of PDQ; --jsonl gives them whole."
        f"\n{made_for}",
        caption_justify="left",
    )
    table.add_column("file", overflow="fold", ratio=1)
    table.add_column("pixels", justify="right", no_wrap=True)
    for heading in ("sha256", "pdq", "code"):
        table.add_column(heading, no_wrap=True)
    table.add_column("quality", justify="right", no_wrap=True)
    table.add_column("photo", justify="right", no_wrap=True)
    for result in results:
        name, found = printable(str(result.path)), result.outcome
        if isinstance(found, Failure):
            failed = Text("failed", "bold red")
            table.add_row(Text.assemble(name, "\n  ", (found.code, "red")), failed)
            continue
        table.add_row(
            name,
            f"{found.width}x{found.height}",
            found.sha256[:8],
            f"{found.pdq.hex()[:8]} {found.pdq_quality:3}",
            "\n".join(code.hex()[:8] for _, code in sorted(found.codes.items())),
            f"{found.quality:.2f}",
            f"{found.photographic:.2f}",
        )
    return table
