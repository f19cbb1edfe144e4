"""``lookalike demo``: the main job end to end, over HTTP, on sample images, with a verdict each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.terminal import (
    FAILED,
    VERDICT_STYLES,
    new_table,
    print_table,
    reporting,
    say,
    say_error,
)

if TYPE_CHECKING:
    from rich.table import Table

    from service.cli.demo.cases import DemoQuery
    from service.client import Lookalike


@dataclass(frozen=True)
class Outcome:
    """A query and what the service said of it."""

    query: DemoQuery
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
def demo(
    picture: Annotated[
        Path | None,
        typer.Option(help="Save copies and strangers with their verdicts as a picture, too."),
    ] = None,
) -> None:
    """Show the main job end to end on sample images.

    Photographs and drawings are listed in two banks of the real service, started on a free port
    with an empty store; then edited copies of them and strangers are sent to it over HTTP. The exit
    code is 0 only if every verdict is right. Nothing is downloaded and nothing is kept.
    """
    started = time.monotonic()
    say("starting the service on an empty store …")
    from service.cli.demo.server_process import running_server
    from service.client import Lookalike

    with (
        running_server() as server,
        Lookalike(server.url, server.admin_key, trust_env=False) as client,
    ):
        say(f"listening on {server.url}; listing the known images …")
        listed = _list_references(client)
        say(f"{listed} entries in 2 banks; sending copies and strangers …")
        outcomes = list(_ask(client))
    print_table(table(outcomes))
    if picture is not None:
        from service.cli.demo.picture import save_picture

        save_picture(outcomes, picture)
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


def _list_references(client: Lookalike) -> int:
    from service.cli.demo import cases

    for name, action, imagery in (
        (cases.PHOTOGRAPHS, "block", "photographic"),
        (cases.DRAWINGS, "review", "non_photographic"),
    ):
        client.make_bank(name, action=action, imagery=imagery)
    count = 0
    for reference in cases.references():
        client.add_entry(
            reference.bank, reference.data, provider="demo", provider_id=reference.name
        )
        count += 1
    return count


def _ask(client: Lookalike) -> Iterator[Outcome]:
    from service.cli.demo import cases

    for query in cases.queries():
        answer = client.match(query.data)
        yield Outcome(
            query,
            answer["verdict"],
            answer["coverage"],
            tuple({**row} for row in answer["matches"]),
        )


_SHOWN = 2
"""Entries that the table shows of an answer."""
_SIGNALS = 3
_COVERAGE = {"digests_only": "digests only", "none": "nothing compared"}


def table(outcomes: list[Outcome]) -> Table:
    """A row for each query, a section for each image that is copied, and one for the rest."""
    from rich.text import Text

    out = new_table()
    for heading in ("query", "edit", "verdict", "bank", "by, bits/radius", ""):
        # A narrow terminal breaks lists of signals before it breaks a name or a verdict.
        out.add_column(heading, no_wrap=not heading.startswith("by"))
    last: DemoQuery | None = None
    for outcome in outcomes:
        query = outcome.query
        again = last is not None and last.name == query.name
        if last is not None and not again and (last.bank or query.bank):
            out.add_section()
        last = query
        out.add_row(
            "" if again else query.name.replace("_", " "),
            query.edit,
            Text(outcome.verdict, VERDICT_STYLES.get(outcome.verdict, "")),
            _found_in(outcome),
            found_by(outcome) or _COVERAGE.get(outcome.coverage, ""),
            Text("✓", "green") if outcome.right else Text("✗", "bold red"),
        )
    return out


def _found_in(outcome: Outcome) -> str:
    """The bank, of the entry that it should be; of others the entry too."""
    entries = outcome.entries
    if entries == [outcome.query.entry]:
        return outcome.query.bank
    more = f" + {len(entries) - _SHOWN}" if len(entries) > _SHOWN else ""
    return "\n".join(entries[:_SHOWN]) + more


def found_by(outcome: Outcome) -> str:
    """The signals as severe as the verdict, each with its distance or score; of an exact copy only
    its SHA-256, which says it all."""
    rows = [row for row in outcome.matches if row["verdict"] == outcome.verdict]
    rows = [row for row in rows if row["signal"] == "sha256"] or rows[:_SIGNALS]
    return ", ".join(map(_near, rows))


def _near(row: dict[str, Any]) -> str:
    if "score" in row:
        return f"{row['signal']} {row['score']} ≥ {row['threshold']}"
    return f"{row['signal']} {row['distance']}/{row['radius']}" if row["radius"] else row["signal"]
