"""``lookalike banks``: which there are, what each holds and how far it looks; deleted, too."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from service.cli.local import DATA_HELP, open_local_store
from service.cli.terminal import (
    counted,
    new_table,
    print_json,
    print_table,
    printable,
    reporting,
    say,
)

if TYPE_CHECKING:
    from rich.table import Table

    from service.store import Bank, ListCounts, Store

_Data = Annotated[Path | None, typer.Option("--data", help=DATA_HELP)]
_Name = Annotated[str, typer.Argument(metavar="NAME")]
_Jsonl = Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of tables.")]

STATES: Final = ("in_force", "disabled", "removed")
"""The store's again: the store is not imported just to parse a command line."""


@reporting
def list_banks(jsonl: _Jsonl = False, data: _Data = None) -> None:
    """List banks: what each does with a match, and how many entries it holds."""
    with open_local_store(data) as store:
        banks = [(bank, store.counts(bank.name)) for bank in store.banks.all()]
    if jsonl:
        for bank, lists in banks:
            print_json(_to_json(bank, lists))
        return
    if not banks:
        say("there are no banks: `lookalike import FILE --bank NAME` makes one")
        return
    table = new_table("bank", "action", "state", "lists")
    rows: dict[tuple[str, ...], Counter[str]] = {
        (
            bank.name,
            bank.policy.action.value,
            "enabled" if bank.policy.enabled else "disabled",
            f"{len(lists):,}",
        ): _states(lists)
        for bank, lists in banks
    }
    _add_states(table, rows, *STATES)
    print_table(table)


@reporting
def show(name: _Name, jsonl: _Jsonl = False, data: _Data = None) -> None:
    """Show one bank: its policy and the radii in force; its entries by list, by signal, by
    state."""
    with open_local_store(data) as store:
        bank, lists = store.banks.get(name), store.counts(name)
    if jsonl:
        print_json(_to_json(bank, lists))
        return
    policy = bank.policy
    table = new_table("policy", "value")
    table.add_row("action", policy.action.value)
    table.add_row("imagery", policy.imagery.value)
    table.add_row("state", "enabled" if policy.enabled else "disabled: it matches nothing")
    _add_reach(table, bank)
    print_table(table, bank.name)
    if not lists:
        return
    table = new_table("provider", "list", "version")
    rows: dict[tuple[str, ...], Counter[str]] = {
        (one.provider, one.list, one.version or ""): one.states for one in lists
    }
    _add_states(table, rows, *STATES)
    print_table(table, "entries by list")
    table = new_table("signal")
    _add_states(table, {(kind,): states for kind, states in _signals(lists).items()}, *STATES[:2])
    print_table(table, "entries by signal")


@reporting
def delete(
    name: _Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: _Data = None,
) -> None:
    """Delete a bank with all its entries: nothing in it matches any more.

    On a terminal it asks first; elsewhere it needs --yes. Of its entries only ids and what they
    were stay, until `lookalike purge`.
    """
    with open_local_store(data) as store:
        states = _states(store.counts(name))
        entries = counted(states["in_force"] + states["disabled"], "entry", "entries")
        _say_exchanges(store, name)
        if not yes:
            if not sys.stdin.isatty():
                say(f"bank {name!r} holds {entries}: say --yes to delete it, nothing is deleted")
                raise typer.Exit(2)
            typer.confirm(f"Delete bank {printable(name)!r} with {entries}?", abort=True, err=True)
        gone = store.banks.delete(name)
    say(f"bank {name!r} is deleted, with {counted(gone, 'entry', 'entries')}")


def banks_app() -> typer.Typer:
    """The commands under ``lookalike banks``."""
    app = typer.Typer(help="Which banks there are, and what they hold.", no_args_is_help=True)
    app.command("list")(list_banks)
    app.command("show")(show)
    app.command("delete")(delete)
    return app


def _say_exchanges(store: Store, name: str) -> None:
    """Say what would go on to be fetched for a bank that is not there."""
    records, _ = store.exchanges.read()
    for record in records:
        if record.new.bank == name:
            say(f"exchange {record.name!r} fills this bank: remove it as well, or its syncs fail")


class _Reach(NamedTuple):
    """How alike a picture is to be, by one signal."""

    signal: str
    imagery: str
    """Of the query; empty where it does not count."""
    radius: int
    """Bits, inclusive; -1 where nobody says."""
    score: int
    """The least that matches, of images; -1 where the radius decides."""
    own: tuple[bool, bool]
    """Whether the bank itself says the radius, and the score."""


def _reach(bank: Bank) -> list[_Reach]:
    """The radii in force in a bank: its own, or the defaults of signals and of the model here. Of
    an ``allow`` bank none: it acts on the same SHA-256 alone."""
    from embeddings.network import checkpoint
    from service.domain.signals import signal_types
    from service.policy.matching import Label, code_radius, code_threshold, hash_radius
    from service.store import Action

    policy, out = bank.policy, list[_Reach]()
    if policy.action is Action.ALLOW:
        return out
    model = checkpoint.load().info
    for known in signal_types():
        if known.exact:
            continue
        if not known.spaced:
            mine = known.name == "pdq" and policy.radius.pdq is not None
            out.append(_Reach(known.name, "", hash_radius(bank, known), -1, (mine, False)))
            continue
        own = bool(policy.radius.code), bool(policy.score.code)
        for label in (Label.PHOTOGRAPHIC, Label.NON_PHOTOGRAPHIC):
            least = code_threshold(bank, label, model.scores) if model.candidates else -1
            radius = code_radius(bank, label, model.radii)
            out.append(_Reach(known.name, label.value, radius, least, own))
    return out


def _add_reach(table: Table, bank: Bank) -> None:
    reach = _reach(bank)
    if not reach:
        table.add_row("matches", "the same SHA-256, and nothing else")
    whose = {True: "the bank's", False: "the default"}
    for one in reach:
        what = f"{one.signal}, {one.imagery.replace('_', '-')}".rstrip(", ")
        radius = f"{one.radius} bits, {whose[one.own[0]]}" if one.radius >= 0 else "none is known"
        table.add_row(f"radius of {what}", radius)
        if one.score >= 0:
            table.add_row(f"score of {what}", f"from {one.score}, {whose[one.own[1]]}; of images")


def _add_states(table: Table, rows: dict[tuple[str, ...], Counter[str]], *states: str) -> None:
    for state in states:
        table.add_column(state.replace("_", " "), justify="right", no_wrap=True)
    for cells, counts in rows.items():
        table.add_row(*map(printable, cells), *(f"{counts[state]:,}" for state in states))


def _states(lists: list[ListCounts]) -> Counter[str]:
    every = Counter(dict.fromkeys(STATES, 0))
    for one in lists:
        every.update(one.states)
    return every


def _signals(lists: list[ListCounts]) -> dict[str, Counter[str]]:
    """Types of signals to entries by state; of removed ones nobody knows."""
    out: dict[str, Counter[str]] = {}
    for one in lists:
        for (kind, state), entries in one.signals.items():
            out.setdefault(kind, Counter())[state] += entries
    return dict(sorted(out.items()))


def _to_json(bank: Bank, lists: list[ListCounts]) -> dict[str, object]:
    from service.http.shapes import wire

    return {
        **wire.bank(bank),
        "created_at": bank.created_at.isoformat(),
        "updated_at": bank.updated_at.isoformat(),
        "reach": [
            {
                "signal": one.signal,
                "imagery": one.imagery or None,
                "radius": one.radius if one.radius >= 0 else None,
                "score": one.score if one.score >= 0 else None,
            }
            for one in _reach(bank)
        ],
        "entries": _states(lists),
        "signals": _signals(lists),
        "lists": [
            {"provider": one.provider, "list": one.list, "version": one.version, **one.states}
            for one in lists
        ],
    }
