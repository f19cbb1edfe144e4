"""``lookalike exchanges``: where lists are fetched from is kept, shown and switched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.local import DATA_HELP, open_local_store, settings_for
from service.cli.terminal import (
    new_table,
    print_json,
    print_table,
    printable,
    reporting,
    say,
)

if TYPE_CHECKING:
    from service.domain.exchanges import ExchangeRecord

_Data = Annotated[Path | None, typer.Option("--data", help=DATA_HELP)]
_Name = Annotated[str, typer.Argument(metavar="NAME")]

_SHOWN = 10
"""Runs."""


@reporting
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the exchange is called here.")],
    kind: Annotated[
        str,
        typer.Option(
            help="ncmec, stopncii, tech-against-terrorism, folder, https or lookalike; docs/"
            "exchanges.md says what each needs."
        ),
    ],
    bank: Annotated[str, typer.Option(help="Bank to fill; made if it is not there.")],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of the kind; repeat it. A credential is never given, but where it is:"
            " env:LOOKALIKE_EXCHANGE_… or file:/run/secrets/…",
        ),
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Default: the kind.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help="Default: NAME.")] = None,
    every: Annotated[int, typer.Option(help="Seconds between two syncs.")] = 3600,
    max_rejected: Annotated[
        int, typer.Option(help="Bad lines to leave out; with more, nothing comes in force.")
    ] = 100,
    data: _Data = None,
) -> None:
    """Fetch a list from now on. A running server begins within seconds; `lookalike sync` at
    once."""
    from service.domain.errors import BankNotFoundError
    from service.domain.exchanges import NewExchange
    from service.work.syncing import check_exchange, permits_of

    settings = dict(_setting(one) for one in given or [])
    new = NewExchange(
        name=name,
        kind=kind,
        bank=bank,
        provider=provider or kind,
        list=list_name or name,
        settings=settings,
        every=every,
        max_rejected=max_rejected,
    )
    check_exchange(new, permits_of(settings_for(data)))
    with open_local_store(data) as store:
        try:
            store.banks.get(bank)
        except BankNotFoundError:
            store.banks.create(bank)
            say(f"bank {bank!r} is new: a PDQ or code match there asks for review")
        store.exchanges.create(new)
    say(f"exchange {name!r} is kept: `lookalike sync --exchange {name}` fetches from it now")


@reporting
def list_exchanges(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    data: _Data = None,
) -> None:
    """List exchanges: what each brings, when it last did, and what is wrong with it."""
    with open_local_store(data) as store:
        records, damaged = store.exchanges.read()
    for name in damaged:
        say(f"exchange {name!r} is not what was written: remove it and add it anew")
    if jsonl:
        for record in records:
            print_json(_to_json(record))
        return
    if not records:
        say("there are no exchanges: `lookalike exchanges add` makes one")
        return
    table = new_table("name", "kind", "bank")
    table.add_column("entries", justify="right", no_wrap=True)
    table.add_column("synced", no_wrap=True)
    table.add_column("trouble")
    for record in records:
        table.add_row(
            printable(record.name),
            record.new.kind,
            printable(record.new.bank),
            f"{record.entries:,}",
            f"{record.synced_at:%Y-%m-%d %H:%M}" if record.synced_at else "never",
            _state(record),
        )
    print_table(table)


@reporting
def show(name: _Name, data: _Data = None) -> None:
    """Show one exchange: its settings, without credentials, and its last syncs."""
    with open_local_store(data) as store:
        record = store.exchanges.get(name)
        runs = store.exchanges.runs(name, _SHOWN)
    table = new_table("setting", "value")
    for what, value in _to_json(record).items():
        shown = (
            value
            if not isinstance(value, dict)
            else "; ".join(f"{key}={text}" for key, text in value.items())
        )
        table.add_row(what, printable("" if shown is None else str(shown)))
    print_table(table)
    past = new_table("asked", "by", "state")
    for what in ("added", "updated", "removed"):
        past.add_column(what, justify="right", no_wrap=True)
    past.add_column("what went wrong")
    for run in runs:
        numbers = (f"{one:,}" for one in (run.added, run.updated, run.removed))
        when, who = f"{run.asked_at:%m-%d %H:%M}", printable(run.actor)
        past.add_row(when, who, run.state.replace("_", " "), *numbers, printable(run.said))
    print_table(past)


@reporting
def enable(name: _Name, data: _Data = None) -> None:
    """Fetch from it again."""
    _switch(name, True, data)


@reporting
def disable(name: _Name, data: _Data = None) -> None:
    """Fetch from it no more for now; what it brought stays in force."""
    _switch(name, False, data)


@reporting
def remove(name: _Name, data: _Data = None) -> None:
    """Forget it and its syncs; what it brought stays in force."""
    with open_local_store(data) as store:
        store.exchanges.delete(name)
    say(f"exchange {name!r} is gone; what it brought stays in force")


def exchanges_app() -> typer.Typer:
    """The commands under ``lookalike exchanges``."""
    app = typer.Typer(help="Where lists are fetched from by themselves.", no_args_is_help=True)
    app.command("add")(add)
    app.command("list")(list_exchanges)
    app.command("show")(show)
    app.command("enable")(enable)
    app.command("disable")(disable)
    app.command("remove")(remove)
    return app


def _switch(name: str, on: bool, data: Path | None) -> None:
    with open_local_store(data) as store:
        store.exchanges.update(name, lambda now: replace(now, enabled=on))
    say(f"exchange {name!r} is {'enabled' if on else 'disabled'}")


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"NAME=VALUE, not {text!r}", param_hint="--set")
    return name, value


def _state(record: ExchangeRecord) -> str:
    return record.trouble(datetime.now(UTC)) if record.new.enabled else "disabled"


def _to_json(record: ExchangeRecord) -> dict[str, object]:
    new = record.new
    return {
        "name": new.name,
        "kind": new.kind,
        "bank": new.bank,
        "provider": new.provider,
        "list": new.list,
        "settings": dict(new.settings),
        "every": new.every,
        "max_rejected": new.max_rejected,
        "enabled": new.enabled,
        "trouble": record.trouble(datetime.now(UTC)),
        "entries": record.entries,
        "version": record.version,
        "synced_at": None if record.synced_at is None else record.synced_at.isoformat(),
        "next_at": None if record.next_at is None else record.next_at.isoformat(),
        "failures": record.failures,
    }
