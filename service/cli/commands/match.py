"""``lookalike match``: files against a local store, the same answer as over HTTP."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import files
from service.cli.batch import Failure, FileResult, each_file
from service.cli.local import DATA_HELP, load_fingerprinter, open_local_store, shelf_for
from service.cli.progress import progress
from service.cli.terminal import (
    FAILED,
    MATCHED,
    VERDICT_STYLES,
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

    from service.replica.matcher import Matcher

_SHOWN = 5
"""Entries that the table shows of each file; --jsonl gives them all."""

_COVERAGE = {"digests_only": "digests only", "none": "nothing compared"}
"""What the table says of a coverage that is not full."""


@reporting
def match_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
    views: Annotated[
        bool,
        typer.Option("--views", help="Also turned, mirrored, and the pictures within: finds more."),
    ] = False,
) -> None:
    """Match images against a local store. No server is needed, and one may be running.

    --jsonl gives for each file what POST /v1/match answers, and its path. The exit code is 0 if no
    file matched, 3 if some did, 1 if some file failed, whatever the others did.
    """
    from service.replica.matcher import Matcher
    from service.replica.replica import Replica

    done = failed = matched = 0
    rows: list[FileResult[dict[str, Any]]] = []
    with open_local_store(data) as store, ExitStack() as stack:
        fingerprinter, limits = load_fingerprinter()
        replica = Replica(store, 1.0, shelf_for(store, data))
        stack.callback(replica.stop)
        replica.sync()
        work = partial(_answer, Matcher(replica, store, fingerprinter), views)
        with progress("Matching", files.walk(paths), jsonl) as found:
            for result in each_file(found, work, limits.max_bytes):
                done += 1
                failure = _failure(result)
                failed += failure is not None
                if not isinstance(result.outcome, Failure):
                    matched += bool(result.outcome["matches"])
                if jsonl:
                    print_json(_to_json(result))
                    continue
                rows.append(result)
                if failure is not None:
                    say_error(failure.code, f"{result.path}: {failure.message}")
    if rows:
        print_table(_table(rows))
    say(f"{matched} of {counted(done, 'file')} matched" + (f", {failed} failed" if failed else ""))
    if failed:
        raise typer.Exit(FAILED)
    if matched:
        raise typer.Exit(MATCHED)


def _answer(matcher: Matcher, views: bool, data: bytes) -> dict[str, Any]:
    """What a caller with every role is answered for the image in ``data``."""
    from service.http.door.auth import EVERYONE, Caller
    from service.http.shapes.wire import match_answer
    from service.replica.matcher import UndecodedError

    caller = Caller("local", EVERYONE)
    try:
        return {**match_answer(matcher.match_image(data, None, views).answer, caller, None)}
    except UndecodedError as listed:
        error = {"code": listed.failure.code, "message": str(listed.failure)}
        return {**match_answer(listed.answer, caller, None), "error": error}


def _to_json(result: FileResult[dict[str, Any]]) -> dict[str, object]:
    if isinstance(result.outcome, Failure):
        return result.failure_json()
    return {"path": str(result.path), **result.outcome}


def _failure(result: FileResult[dict[str, Any]]) -> Failure | None:
    """Why a file could not be read as an image, listed by its digests or not."""
    if isinstance(result.outcome, Failure):
        return result.outcome
    error = result.outcome.get("error")
    return None if error is None else Failure(error["code"], error["message"])


def _table(results: list[FileResult[dict[str, Any]]]) -> Table:
    """A row for each entry that a file matches, the signals it was found by within."""
    from rich.text import Text

    table = new_table()
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("bank", overflow="fold")
    table.add_column("entry", overflow="fold", ratio=2)
    table.add_column("by", no_wrap=True)
    for result in results:
        name, failure = Text(printable(str(result.path))), _failure(result)
        if failure is not None:
            name.append(f"\n  {failure.code}", "red")
        if isinstance(result.outcome, Failure):
            table.add_row(name, Text("failed", "bold red"))
            continue
        answer = result.outcome
        verdict = Text(answer["verdict"], VERDICT_STYLES.get(answer["verdict"], ""))
        if answer["coverage"] != "full":
            verdict.append(f"\n({_COVERAGE[answer['coverage']]})", "default")
        by_entry: dict[str, list[dict[str, Any]]] = {}
        for row in answer["matches"]:
            by_entry.setdefault(row["entry_id"], []).append(row)
        if not by_entry:
            table.add_row(name, verdict)
        for rows in list(by_entry.values())[:_SHOWN]:
            said = rows[0]["provenance"]
            entry = f"{said['provider']}/{said['list']}/{said['provider_id']}"
            table.add_row(
                name, verdict, printable(rows[0]["bank"]), printable(entry), found_by(rows)
            )
            name = verdict = Text()
        if len(by_entry) > _SHOWN:
            table.add_row("", "", "", f"… {len(by_entry) - _SHOWN} more", "")
    return table


def found_by(rows: list[dict[str, Any]]) -> str:
    """The signals of one entry: digests on a line, others with their distance or score, a line
    each."""
    exact = [row["signal"] for row in rows if row["radius"] == 0]
    near = [
        f"{row['signal']} {_nearness(row)}" + (f", {row['view']}" if "view" in row else "")
        for row in rows
        if row["radius"] > 0
    ]
    return "\n".join([*([", ".join(exact)] if exact else []), *near])


def _nearness(row: dict[str, Any]) -> str:
    if "score" in row:
        return f"score {row['score']}, from {row['threshold']}"
    return f"{row['distance']} of {row['radius']} bits"
