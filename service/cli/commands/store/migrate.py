"""``lookalike migrate``: the store's layout is brought to this release's, only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, settings_for
from service.cli.progress import stages
from service.cli.terminal import counted, reporting, say


@reporting
def migrate_store(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what it takes, print the SQL, and change nothing."),
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Bring a store to the layout of this release. Stop the servers first.

    Where every entry is rewritten, that is done beside what is there, and goes on where it was
    interrupted; until the end the store is as it was.
    """
    from service.store import migrate

    settings = settings_for(data)
    with stages() as report:
        plan = migrate(
            settings.data_dir,
            settings.store_url,
            dry_run,
            settings.deadlines,
            lambda done, total: report("entries", done, total),
        )
    if not plan.steps:
        say(f"the store is at {plan.head}, the newest layout: nothing to do")
        return
    for step in plan.steps:
        say(f"{'would apply' if dry_run else 'applied'} {step.revision}: {step.title}")
    if dry_run and plan.size is not None:
        size = plan.size
        free = "" if size.free is None else f", {size.free / 10**6:.0f} MB are free"
        say(
            f"{counted(size.entries, 'entry', 'entries')} would be rewritten, in about"
            f" {max(1, round(size.seconds))} s; {size.needed / 10**6:.0f} MB must be free{free}"
        )
    if dry_run:
        typer.echo(plan.sql, nl=False)
    say(f"from {plan.current or 'an empty database'} to {plan.head}" + (" (dry run)" * dry_run))
