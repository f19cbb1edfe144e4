"""``lookalike versions`` and ``lookalike rollback``: what a list was, and the way back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.lists.import_ import say_refusals, show_diff
from service.cli.local import DATA_HELP, open_local_store, store_to_change
from service.cli.terminal import (
    FAILED,
    counted,
    new_table,
    print_json,
    print_table,
    printable,
    reporting,
    say,
)


@reporting
def list_versions(
    bank: Annotated[str, typer.Option(help="Whose lists.")],
    provider: Annotated[str | None, typer.Option(help="Of this provider only.")] = None,
    list_name: Annotated[
        str | None, typer.Option("--list", help="Of this list of theirs only.")
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Show the versions of a bank's lists, newest first.

    What is in force is marked with a star. Any version that is shown can be gone back to, by
    `lookalike rollback`, as long as the past is kept (LOOKALIKE_RETENTION_DAYS).
    """
    with open_local_store(data) as store:
        found = [
            one
            for one in store.versions(bank)
            if provider in (None, one.provider) and list_name in (None, one.list)
        ]
    if jsonl:
        for one in found:
            print_json(
                {
                    "provider": one.provider,
                    "list": one.list,
                    "version": one.version,
                    "activated_at": one.activated_at.isoformat(),
                    "superseded_at": one.superseded_at and one.superseded_at.isoformat(),
                    "entries": one.entries,
                    "added": one.added,
                    "updated": one.updated,
                    "removed": one.removed,
                    "sequence": one.sequence,
                    "restores": one.restores,
                    "actor": one.actor,
                }
            )
        return
    if not found:
        say(f"bank {bank!r} has no list of that name" if provider or list_name else "no list yet")
        return
    table = new_table()
    table.add_column("version", overflow="fold")
    table.add_column("list", overflow="fold")
    table.add_column("since (UTC)", no_wrap=True)
    for name in ("entries", "+", "~", "-"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("by", overflow="fold")
    for one in found:
        star = "*" if one.superseded_at is None else ""
        back = "" if one.restores is None else f" (as {printable(one.restores)})"
        table.add_row(
            f"{printable(one.version)}{star}{back}",
            f"{printable(one.provider)}/{printable(one.list)}",
            f"{one.activated_at:%Y-%m-%d %H:%M}",
            *map(str, (one.entries, one.added, one.updated, one.removed)),
            printable(one.actor),
        )
    print_table(table, f"{bank}: {counted(len(found), 'version')}, * in force")


@reporting
def roll_back(
    bank: Annotated[str, typer.Option(help="Whose list.")],
    to: Annotated[str, typer.Option(metavar="VERSION", help="A version that the list had.")],
    provider: Annotated[str, typer.Option(help="Who provides the list.")] = "local",
    list_name: Annotated[
        str, typer.Option("--list", help="Which of the provider's lists it is.")
    ] = "default",
    allow_shrink: Annotated[
        bool,
        typer.Option(
            "--allow-shrink", help="Go back even where more than a fifth of the list goes."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Bring a list back to what it was in an earlier version.

    In one commit, as a new version that names the old one. Entries that a curator disabled stay
    disabled. A running server sees the change within two seconds.
    """
    from service.store import ImportTarget, RefusedDiffError

    target = ImportTarget(bank, provider, list_name)
    with store_to_change(data, dry_run) as store:
        try:
            diff = store.roll_back(target, to, dry_run, allow_shrink)
        except RefusedDiffError as error:
            say_refusals(error.diff)
            raise typer.Exit(FAILED) from None
    show_diff(diff)
    say_refusals(diff)
    if diff.refused:
        raise typer.Exit(FAILED)
