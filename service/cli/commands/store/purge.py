"""``lookalike purge``: what lists dropped long ago is deleted for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, open_local_store, settings_for
from service.cli.terminal import counted, reporting, say


@reporting
def purge_store(
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="DAYS",
            help="Removed at least so many days ago; default: LOOKALIKE_RETENTION_DAYS.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much it would be, and delete nothing.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Delete for good what lists dropped long ago, hashes included.

    What a list drops stays as a tombstone until then. Servers do it by themselves. Entries that are
    listed stay, as do the list versions with their counts. A server whose index is older than what
    is purged builds it anew.
    """
    days = settings_for(data).retention_days if older_than is None else older_than
    if days is None:
        say("LOOKALIKE_RETENTION_DAYS says to keep everything: name an age with --older-than")
        raise typer.Exit(2)
    with open_local_store(data) as store:
        done = store.purge(datetime.now(UTC) - timedelta(days=days), dry_run)
    if not (done.tombstones or done.earlier or done.commits):
        say(f"nothing to purge: no list dropped anything {days:g} days ago or earlier")
        return
    say(
        f"{'would purge' if dry_run else 'purged'} {counted(done.tombstones, 'tombstone')},"
        f" {counted(done.earlier, 'earlier state')} and {counted(done.commits, 'commit')},"
        f" up to sequence {done.sequence}"
    )
