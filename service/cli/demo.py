"""``lookalike demo``: the main job end to end, over HTTP, on sample images, with a verdict each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from service.cli.terminal import FAILED, print_table, reporting, say, say_error

if TYPE_CHECKING:
    import httpx
    from rich.table import Table

    from service.cli.demo_cases import Query


@dataclass(frozen=True)
class Outcome:
    """A query and what the service said of it."""

    query: Query
    verdict: str
    coverage: str
    matches: tuple[dict[str, Any], ...]

    @property
    def entries(self) -> list[str]:
        """The entries that matched, bank and id, most severe first."""
        return list(
            dict.fromkeys(
                f"{row['bank']}/{row['provenance']['provider_id']}" for row in self.matches
            )
        )

    @property
    def right(self) -> bool:
        """Whether it is the verdict, the coverage and the one entry that it should be."""
        query = self.query
        return (self.verdict, self.coverage, self.entries) == (
            query.verdict,
            query.coverage,
            [query.entry] if query.entry else [],
        )


@reporting
def demo() -> None:
    """Show the main job end to end on sample images.

    Photographs and drawings are listed in two banks of the real service, started on a free port
    with an empty store; then edited copies of them and strangers are sent to it over HTTP. The exit
    code is 0 only if every verdict is right. Nothing is downloaded and nothing is kept.
    """
    started = time.monotonic()
    say("starting the service on an empty store …")
    from service.cli.server_process import running_server

    with running_server() as server, server.client() as client:
        say(f"listening on {server.url}; listing the known images …")
        listed = _list_references(client)
        say(f"{listed} entries in 2 banks; sending copies and strangers …")
        outcomes = list(_ask(client))
    print_table(_table(outcomes))
    wrong = [outcome for outcome in outcomes if not outcome.right]
    seconds = time.monotonic() - started
    say(f"{len(outcomes) - len(wrong)} of {len(outcomes)} verdicts are right; {seconds:.0f} s")
    for outcome in wrong:
        query = outcome.query
        say_error(
            "wrong_verdict",
            f"{query.name}, {query.edit}: {outcome.verdict} ({outcome.coverage}) by"
            f" {', '.join(outcome.entries) or 'nothing'}; right is {query.verdict}"
            f" ({query.coverage}) by {query.entry or 'nothing'}",
        )
    if wrong:
        raise typer.Exit(FAILED)


def _list_references(client: httpx.Client) -> int:
    from service.cli import demo_cases as cases

    for name, action, imagery in (
        (cases.PHOTOGRAPHS, "block", "photographic"),
        (cases.DRAWINGS, "review", "non_photographic"),
    ):
        bank = {"name": name, "action": action, "imagery": imagery}
        client.post("/v1/banks", json=bank).raise_for_status()
    count = 0
    for reference in cases.references():
        client.post(
            f"/v1/banks/{reference.bank}/entries",
            data={"provider": "demo", "provider_id": reference.name},
            files={"file": reference.data},
        ).raise_for_status()
        count += 1
    return count


def _ask(client: httpx.Client) -> Iterator[Outcome]:
    from service.cli import demo_cases as cases

    for query in cases.queries():
        answer = client.post("/v1/match", files={"file": query.data}).raise_for_status().json()
        yield Outcome(query, answer["verdict"], answer["coverage"], tuple(answer["matches"]))


_SHOWN = 3
"""Entries, and signals, that the table shows of an answer."""
_STYLES = {"block": "bold red", "review": "yellow", "none": "green"}


def _table(outcomes: list[Outcome]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Queries over HTTP, and what the service answered", title_justify="left")
    for heading in ("query", "edit", "verdict", "bank entry", "signal", "distance", ""):
        table.add_column(heading, justify="right" if heading == "distance" else "left")
    name = ""
    for outcome in outcomes:
        query = outcome.query
        if query.name != name and name:
            table.add_section()
        first = query.name if query.name != name else ""
        name = query.name
        shown = [row for row in outcome.matches if row["signal"] not in {"md5", "sha1"}][:_SHOWN]
        more = len(outcome.entries) - _SHOWN
        table.add_row(
            first,
            query.edit,
            Text(outcome.verdict, _STYLES.get(outcome.verdict, "")),
            "\n".join([*outcome.entries[:_SHOWN], *([f"… {more} more"] if more > 0 else [])]),
            "\n".join(row["signal"] for row in shown),
            "\n".join(f"{row['distance']} of {row['radius']}" for row in shown),
            Text("✓", "green") if outcome.right else Text("✗", "bold red"),
        )
    return table
