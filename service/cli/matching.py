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
    say_error,
)

if TYPE_CHECKING:
    from rich.table import Table

    from service.matcher import Matcher

_SHOWN = 5
"""Entries that the table shows of each file; --jsonl gives them all."""


@reporting
def match_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
    views: Annotated[
        bool,
        typer.Option("--views", help="Also turned, mirrored, and the pictures within: finds more."),
    ] = False,
) -> None:
    """Match images against a local store; no server is needed, and one may be running.

    --jsonl gives for each file what POST /v1/match answers, and its path. The exit code is 0 if no
    file matched, 3 if some did, 1 if some file failed, whatever the others did.
    """
    from service.engine import Engine
    from service.matcher import Matcher

    done = failed = matched = 0
    rows: list[tuple[Path, dict[str, Any]]] = []
    with open_local_store(data, create=False) as store, ExitStack() as stack:
        fingerprinter, limits = load_fingerprinter()
        engine = Engine(store, 1.0, shelf_for(store, data))
        stack.callback(engine.stop)
        engine.sync()
        work = partial(_answer, Matcher(engine, store, fingerprinter), views)
        with progress("Matching", files.walk(paths)) as found:
            for result in each_file(found, work, limits.max_bytes):
                done += 1
                failed += isinstance(result.outcome, Failure)
                if jsonl:
                    print_json(_to_json(result))
                if isinstance(result.outcome, Failure):
                    if not jsonl:
                        say_error(result.outcome.code, f"{result.path}: {result.outcome.message}")
                    continue
                matched += bool(result.outcome["matches"])
                failed += "error" in result.outcome
                if not jsonl:
                    rows.append((result.path, result.outcome))
    if rows:
        print_table(_table(rows))
    say(f"{matched} of {counted(done, 'file')} matched" + (f", {failed} failed" if failed else ""))
    if failed:
        raise typer.Exit(FAILED)
    if matched:
        raise typer.Exit(MATCHED)


def _answer(matcher: Matcher, views: bool, data: bytes) -> dict[str, Any]:
    """What a caller with every role is answered for the image in ``data``."""
    from service.auth import EVERYONE, Caller
    from service.matcher import UndecodedError
    from service.wire import match_answer

    caller = Caller("local", EVERYONE)
    try:
        return match_answer(matcher.match_image(data, None, views).answer, caller, None)
    except UndecodedError as listed:
        error = {"code": listed.failure.code, "message": str(listed.failure)}
        return {**match_answer(listed.answer, caller, None), "error": error}


def _to_json(result: FileResult[dict[str, Any]]) -> dict[str, object]:
    if isinstance(result.outcome, Failure):
        return result.failure_json()
    return {"path": str(result.path), **result.outcome}


def _table(results: list[tuple[Path, dict[str, Any]]]) -> Table:
    """A row for each entry that a file matches, the signals it was found by within."""
    from rich.table import Table

    table = Table()
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("bank", overflow="fold")
    table.add_column("entry", overflow="fold", ratio=2)
    table.add_column("by", no_wrap=True)
    for path, answer in results:
        name, verdict = printable(str(path)), str(answer["verdict"])
        if answer["coverage"] != "full":
            verdict += f"\n({answer['coverage']})"
        by_entry: dict[str, list[dict[str, Any]]] = {}
        for row in answer["matches"]:
            by_entry.setdefault(row["entry_id"], []).append(row)
        if not by_entry:
            table.add_row(name, verdict, "", "", "")
        for rows in list(by_entry.values())[:_SHOWN]:
            said = rows[0]["provenance"]
            entry = f"{said['provider']}/{said['list']}/{said['provider_id']}"
            table.add_row(
                name, verdict, printable(rows[0]["bank"]), printable(entry), found_by(rows)
            )
            name = verdict = ""
        if len(by_entry) > _SHOWN:
            table.add_row("", "", "", f"… {len(by_entry) - _SHOWN} more", "")
    return table


def found_by(rows: list[dict[str, Any]]) -> str:
    """The signals of one entry: digests on a line, others with their distance, a line each."""
    exact = [row["signal"] for row in rows if row["radius"] == 0]
    near = [
        f"{row['signal']} {row['distance']} of {row['radius']} bits"
        + (f", {row['view']}" if "view" in row else "")
        for row in rows
        if row["radius"] > 0
    ]
    return "\n".join([*([", ".join(exact)] if exact else []), *near])
