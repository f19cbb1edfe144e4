"""``lookalike match``: files against a local store, the same answer as over HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import files
from service.cli.batch import Failure, FileResult, each_file
from service.cli.local import DATA_HELP, load_fingerprinter, open_local_store
from service.cli.terminal import (
    FAILED,
    MATCHED,
    counted,
    print_json,
    print_table,
    printable,
    progress,
    reporting,
    say,
)

if TYPE_CHECKING:
    from rich.table import Table

    from service.matcher import Matcher


@reporting
def match_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Match images against a local store; no server is needed, and one may be running.

    --jsonl gives for each file what POST /v1/match answers, and its path. The exit code is 0 if no
    file matched, 3 if some did, 1 if some file failed, whatever the others did.
    """
    from service.engine import Engine
    from service.matcher import Matcher

    done = failed = matched = 0
    rows: list[FileResult[dict[str, Any]]] = []
    with open_local_store(data, create=False) as store:
        fingerprinter, limits = load_fingerprinter()
        engine = Engine(store, poll_seconds=1.0)
        engine.sync()
        work = partial(_answer, Matcher(engine, store, fingerprinter))
        with progress("Matching", files.walk(paths)) as found:
            for result in each_file(found, work, limits.max_bytes):
                done += 1
                if isinstance(result.outcome, Failure):
                    failed += 1
                elif result.outcome["matches"]:
                    matched += 1
                if jsonl:
                    print_json(_to_json(result))
                else:
                    rows.append(result)
    if rows:
        print_table(_table(rows))
    say(f"{matched} of {counted(done, 'file')} matched" + (f", {failed} failed" if failed else ""))
    if failed:
        raise typer.Exit(FAILED)
    if matched:
        raise typer.Exit(MATCHED)


def _answer(matcher: Matcher, data: bytes) -> dict[str, Any]:
    """What a caller with every role is answered for the image in ``data``."""
    from service.auth import EVERYONE, Caller
    from service.wire import match_answer

    return match_answer(matcher.match_image(data, None).answer, Caller("local", EVERYONE), None)


def _to_json(result: FileResult[dict[str, Any]]) -> dict[str, object]:
    if isinstance(result.outcome, Failure):
        return result.failure_json()
    return {"path": str(result.path), **result.outcome}


def _table(results: list[FileResult[dict[str, Any]]]) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("bank", overflow="fold", ratio=1)
    table.add_column("entry", overflow="fold", ratio=2)
    table.add_column("signal", no_wrap=True)
    table.add_column("bits", justify="right", no_wrap=True)
    for result in results:
        name = printable(str(result.path))
        answer = result.outcome
        if isinstance(answer, Failure):
            table.add_row(f"{name}\n{answer.code}: {answer.message}", style="red")
            continue
        full = answer["coverage"] == "full"
        verdict = str(answer["verdict"]) if full else f"{answer['verdict']}\n({answer['coverage']})"
        if not answer["matches"]:
            table.add_row(name, verdict, "", "", "", "")
        for row in answer["matches"]:
            table.add_row(
                name,
                verdict,
                printable(row["bank"]),
                printable(_entry_name(row)),
                row["signal"],
                f"{row['distance']} of {row['radius']}",
            )
            name = verdict = ""
    return table


def _entry_name(row: dict[str, Any]) -> str:
    said = row["provenance"]
    return f"{said['provider']}/{said['list']}/{said['provider_id']}"
