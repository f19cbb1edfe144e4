"""``lookalike entries``: what is listed is found by a hash or an id, with its past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from service.cli.local import DATA_HELP, open_local_store
from service.cli.terminal import FAILED, counted, print_json, printable, reporting, say

if TYPE_CHECKING:
    from service.domain.sought import Sought
    from service.store import Entry, EntryState, Policy, Store

MOST: Final = 100
"""Entries shown."""


@reporting
def find(
    what: Annotated[
        str,
        typer.Argument(
            metavar="HASH|ID",
            help="A hash, a code or a URL as it is listed; what a provider calls an entry; or an"
            " entry's own id.",
        ),
    ],
    bank: Annotated[str | None, typer.Option(help="Look in this bank alone.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of text.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Say where something is listed, whether it is in force there, and what it was before.

    Values are compared exactly: `lookalike match` finds what is alike, `lookalike urls check` a URL
    however it is written. By an id what its list dropped is found too, until it is purged. Exit
    code 1 if nothing is found.
    """
    from service.domain.sought import readings

    with open_local_store(data) as store:
        found: dict[int, Entry] = {}
        for sought in readings(what.strip(), bank):
            for entry in _every(store, sought):
                found[entry.id] = entry
        shown = sorted(found.values(), key=lambda one: one.id)[:MOST]
        for entry in shown:
            states = store.history.states(entry.bank, entry.entry_id)
            says = _in_force(states[-1], store.banks.get(entry.bank).policy)
            if jsonl:
                print_json(_to_json(entry, says, states))
            else:
                _print(entry, says, states)
    if not found:
        say("nothing is listed as exactly that; `lookalike match` looks for what is alike")
        raise typer.Exit(FAILED)
    if len(found) > MOST:
        say(f"only the first {MOST} are shown: there are more; name a bank with --bank")


def entries_app() -> typer.Typer:
    """The commands under ``lookalike entries``."""
    app = typer.Typer(help="What is listed, entry by entry.", no_args_is_help=True)
    app.callback()(lambda: None)  # or typer would take the only command for all of it
    app.command("find")(find)
    return app


def _every(store: Store, sought: Sought) -> Iterator[Entry]:
    """One entry more than is shown, at most."""
    yield from store.find.page(sought, limit=MOST + 1).entries


def _in_force(now: EntryState, policy: Policy) -> str:
    """Whether it matches, and if not why."""
    if not now.whole:
        return "not what was written: `lookalike verify` says more"
    if now.state != "in_force":
        return now.state
    return "in force" if policy.enabled else "not in force: its bank is disabled"


def _print(entry: Entry, says: str, states: tuple[EntryState, ...]) -> None:
    labels = ", ".join(states[-1].labels) or "no labels"
    where = f"{entry.bank}: {entry.provider}/{entry.list}/{entry.provider_id}"
    typer.echo(printable(f"{entry.entry_id}  {says}"))
    typer.echo(printable(f"  {where}"))
    typer.echo(printable(f"  version {entry.list_version}; {labels}; {_signals(entry)}"))
    for one in states:
        who = f" by {one.actor}" if one.actor else ""
        state = one.state.replace("_", " ")
        typer.echo(printable(f"  {one.began_at:%Y-%m-%d %H:%M:%S}  {state}, {one.version}{who}"))


def _signals(entry: Entry) -> str:
    from service.store.entries.packing import kind_of

    kinds = sorted({kind_of(one.type, one.space) for one in entry.signals.items})
    frames = len(entry.signals.frames)
    said = ", ".join(kinds) or "no signals left"
    return f"{said}, {counted(frames, 'frame')}" if frames else said


def _to_json(entry: Entry, says: str, states: tuple[EntryState, ...]) -> dict[str, object]:
    return {
        "entry_id": entry.entry_id,
        "bank": entry.bank,
        "provider": entry.provider,
        "list": entry.list,
        "provider_id": entry.provider_id,
        "list_version": entry.list_version,
        "state": states[-1].state,
        "in_force": says == "in force",
        "said": says,
        "labels": list(states[-1].labels),
        "signals": entry.signals.to_json(),
        "history": [
            {
                "state": one.state,
                "version": one.version,
                "since": one.since,
                "until": one.until,
                "began_at": one.began_at.isoformat(),
                "ended_at": None if one.ended_at is None else one.ended_at.isoformat(),
                "actor": one.actor,
                "labels": list(one.labels),
                "whole": one.whole,
            }
            for one in states
        ],
    }
