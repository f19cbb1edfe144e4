"""``lookalike migrate``: the store's layout is brought to this release's, only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, settings_for
from service.cli.terminal import reporting, say


@reporting
def migrate_store(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL, and change nothing.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Bring a store's schema to this release, in one transaction. Stop the servers first."""
    from service.store import migrate

    settings = settings_for(data)
    plan = migrate(settings.data_dir, settings.store_url, dry_run, settings.deadlines)
    if not plan.steps:
        say(f"the store is at {plan.head}, the newest layout: nothing to do")
        return
    for step in plan.steps:
        say(f"{'would apply' if dry_run else 'applied'} {step.revision}: {step.title}")
    if dry_run:
        typer.echo(plan.sql, nl=False)
    say(f"from {plan.current or 'an empty database'} to {plan.head}" + (" (dry run)" * dry_run))
