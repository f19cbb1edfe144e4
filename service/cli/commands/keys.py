"""``lookalike keys``: bearer keys are made, listed and revoked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from service.cli.local import DATA_HELP, open_local_store
from service.cli.terminal import print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from service.store import Key


class RoleName(StrEnum):
    """The store's roles again: the store is not imported just to parse a command line."""

    MATCHER = "matcher"
    CURATOR = "curator"
    REPORTER = "reporter"
    REVIEWER = "reviewer"
    ADMIN = "admin"


_ROLE_HELP: Final = (
    "What it may do; repeat it for several."
    " matcher: send queries."
    " reviewer: also see banks, entries and distances."
    " curator: also see listed hashes, change banks and entries."
    " reporter: nothing yet but read the status."
    " admin: everything, keys included."
)
_Data = Annotated[Path | None, typer.Option("--data", help=DATA_HELP)]


@reporting
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    role: Annotated[list[RoleName], typer.Option(help=_ROLE_HELP)],
    data: _Data = None,
) -> None:
    """Make a key. It is printed once, on stdout, and kept nowhere."""
    from service.store import Role

    with open_local_store(data) as store:
        made = store.keys.create(name, frozenset(map(Role, role)))
    say(f"key {made.key.id} with role {', '.join(sorted(made.key.roles))}; it is shown only now:")
    typer.echo(made.text)


@reporting
def list_keys(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: _Data = None,
) -> None:
    """List keys, revoked ones included; never the secrets."""
    with open_local_store(data) as store:
        keys = store.keys.all()
    if jsonl:
        for key in keys:
            print_json(_to_json(key))
        return
    if not keys:
        say("there are no keys: `lookalike keys create` makes one")
        return
    from rich.table import Table

    table = Table()
    for heading in ("id", "name", "roles", "created", "revoked"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        table.add_row(
            key.id,
            printable(key.name),
            ", ".join(sorted(key.roles)),
            f"{key.created_at:%Y-%m-%d %H:%M}",
            f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "",
        )
    print_table(table)


@reporting
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `lookalike keys list` shows it.")],
    data: _Data = None,
) -> None:
    """Revoke a key: every replica refuses it within two seconds."""
    with open_local_store(data) as store:
        key = store.keys.revoke(key_id)
    say(f"key {key.id} ({key.name}) is revoked")


@reporting
def signing(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is kept.")],
) -> None:
    """Make a key to sign lists with; print its public half.

    Of a file that is there, the public half is printed.

    Only its owner can read the file. The public key is what `lookalike import --signed-by` takes.
    """
    from service.lists.signed.keys import SigningKey, public_text

    try:
        made = SigningKey.create(file)
        say(f"{file}: keep it safe; whoever has it signs lists in your name. The public key:")
    except FileExistsError:
        made = SigningKey.load(file)
    typer.echo(public_text(made.public))


def _to_json(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "roles": sorted(key.roles),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def keys_app() -> typer.Typer:
    """The command with its parts."""
    app = typer.Typer(
        no_args_is_help=True, help="Make, list and revoke bearer keys; keys to sign lists with."
    )
    app.command("create")(create)
    app.command("list")(list_keys)
    app.command("revoke")(revoke)
    app.command("signing")(signing)
    return app
