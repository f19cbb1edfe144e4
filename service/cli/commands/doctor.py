"""``lookalike doctor``: what is installed, what runs the model, what is wrong and the mend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP
from service.cli.terminal import FAILED, counted, print_json, print_table, printable, reporting, say


@reporting
def doctor(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Say what is installed, what is wrong, and how to mend it.

    Shown as well: which runtime and device run the model, and what the store holds. The exit code
    is 1 if something would keep Lookalike from working.
    """
    from dataclasses import asdict

    from rich.table import Table

    from service.cli.commands.checks import CheckState, all_checks

    findings = list(all_checks(data))
    if jsonl:
        for finding in findings:
            print_json(asdict(finding))
    else:
        table = Table()
        for heading in ("", "what", "found"):
            table.add_column(heading, overflow="fold")
        styles = {CheckState.OK: "green", CheckState.NOTE: "yellow", CheckState.WRONG: "bold red"}
        for finding in findings:
            found = finding.found if not finding.mend else f"{finding.found}\n→ {finding.mend}"
            table.add_row(finding.state, finding.what, printable(found))
            table.rows[-1].style = (
                styles[finding.state] if finding.state is not CheckState.OK else None
            )
        print_table(table)
    wrong = sum(finding.state is CheckState.WRONG for finding in findings)
    if wrong:
        say(f"wrong: {wrong} of {counted(len(findings), 'finding')}; → says how to mend it")
        raise typer.Exit(FAILED)
    say("nothing is wrong")
