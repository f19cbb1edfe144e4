"""``lookalike urls``: URLs against a local store, the same answer as over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer

from service.cli.local import DATA_HELP, open_local_store, shelf_for
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

_BATCH: Final = 1000
_LINE: Final = 65_536
"""Characters of a line of stdin; what is longer is read in parts, and refused in parts."""

_WHY: Final = {"shortener": "leads elsewhere", "too_many_wrapped": "carries too many others"}


def urls_app() -> typer.Typer:
    """The commands for URLs."""
    app = typer.Typer(no_args_is_help=True, help="URLs against listed pages, paths and domains.")
    app.callback()(lambda: None)
    app.command("check")(check)
    return app


@reporting
def check(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="URL", help="By default a URL a line from stdin.")
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Match URLs against a local store. No server is needed, and one may be running.

    --jsonl gives for each URL what POST /v1/match/urls answers. The exit code is 0 if no URL
    matched, 3 if some did, 1 if some could not be read or the indexes are not whole, whatever the
    others did.
    """
    from service.replica.matcher import Matcher
    from service.replica.replica import Replica

    done = failed = matched = unsure = 0
    rows: list[dict[str, Any]] = []
    with open_local_store(data) as store, ExitStack() as stack:
        replica = Replica(store, 1.0, shelf_for(store, data))
        stack.callback(replica.stop)
        replica.sync()
        matcher = Matcher(replica, store, None)
        stack.callback(matcher.close)
        given = iter(urls) if urls else _lines(sys.stdin)
        while batch := list(islice(given, _BATCH)):
            for answer in _answers(matcher, batch):
                done += 1
                failed += "error" in answer
                matched += bool(answer.get("matches")) or answer.get("verdict") == "block"
                unsure += any(
                    why["reason"] == "index_incomplete" for why in answer.get("not_matched", ())
                )
                if jsonl:
                    print_json(answer)
                else:
                    rows.append(answer)
                    if "error" in answer:
                        error = answer["error"]
                        say_error(error["code"], f"{answer['url']}: {error['detail']}")
    if rows:
        print_table(_table(rows))
    if unsure:
        say_error("index_incomplete", "listed URLs could be missed: `lookalike verify` says why")
    say(f"{matched} of {counted(done, 'URL')} matched" + (f", {failed} failed" if failed else ""))
    if failed or unsure:
        raise typer.Exit(FAILED)
    if matched:
        raise typer.Exit(MATCHED)


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline(_LINE):
        if text := line.strip():
            yield text


def _answers(matcher: Matcher, urls: list[str]) -> list[dict[str, Any]]:
    """What a caller with every role is answered."""
    from service.http.door.auth import EVERYONE, Caller
    from service.http.door.problems import body_of
    from service.http.shapes.wire import urls_answer
    from service.replica.url_matching import UrlAsked, match_urls

    found = match_urls(matcher, [UrlAsked(url, (url,)) for url in urls], None)
    answer = urls_answer(found, Caller("local", EVERYONE), body_of)
    return [{**one} for one in answer["results"]]


def _table(answers: list[dict[str, Any]]) -> Table:
    from rich.text import Text

    table = new_table()
    table.add_column("url", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("bank", overflow="fold")
    table.add_column("entry", overflow="fold", ratio=2)
    table.add_column("by", no_wrap=True)
    for answer in answers:
        name = Text(printable(answer["url"]))
        if "error" in answer:
            table.add_row(name, Text("failed", "bold red"))
            continue
        verdict = Text(answer["verdict"], VERDICT_STYLES.get(answer["verdict"], ""))
        for why in answer["not_matched"]:
            verdict.append(f"\n({_WHY.get(why['reason'], why['reason'])})", "default")
        if not answer["matches"]:
            table.add_row(name, verdict)
        for row in answer["matches"]:
            said = row["provenance"]
            entry = f"{said['provider']}/{said['list']}/{said['provider_id']}"
            table.add_row(
                name, verdict, printable(row["bank"]), printable(entry), row.get("rule", "")
            )
            name = verdict = Text()
    return table
