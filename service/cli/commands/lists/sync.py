"""``lookalike sync``: what exchanges have that is new, fetched and put in force now."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.local import DATA_HELP, open_local_store, settings_for
from service.cli.terminal import (
    FAILED,
    messages,
    new_table,
    print_table,
    printable,
    reporting,
    say,
    say_error,
)

if TYPE_CHECKING:
    from service.domain.exchanges import ExchangeRecord, ExchangeRun
    from service.store import ImportDiff

_COUNTS = ("added", "updated", "removed", "rejected")


@reporting
def sync_exchanges(
    exchange: Annotated[
        str | None, typer.Option(help="Only this one, enabled or not; default: all enabled.")
    ] = None,
    allow_shrink: Annotated[
        bool,
        typer.Option(
            "--allow-shrink", help="Take a list that lacks more than a fifth of what it held."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Fetch what exchanges have that is new, and put it in force.

    Whether or not they are due. Each list comes in force whole or not at all; an exchange that
    fails keeps no other from being synced, and makes the exit code 1. A fetch that broke off goes
    on where it was.
    """
    from service.domain.errors import ServiceError
    from service.work.syncing import Syncer

    rows: list[tuple[str, str, Any]] = []
    failed = False
    with open_local_store(data) as store:
        syncer = Syncer(store, settings_for(data))
        records = [store.exchanges.get(exchange)] if exchange else _enabled(store.exchanges.all())
        if not records:
            say("there is no enabled exchange: `lookalike exchanges add` makes one")
            return
        for record in records:
            with _watched(record) as told:
                try:
                    if dry_run:
                        rows.append(_dry(record, syncer.dry(record, told)))
                        failed |= rows[-1][1] == "refused"
                        continue
                    done = syncer.sync(record, allow_shrink, told)
                except ServiceError as error:
                    failed = True
                    say_error(error.code, f"{record.name}: {error}")
                    rows.append((record.name, "failed", None))
                    continue
            rows.append((record.name, done.run.state.replace("_", " "), done.run))
            failed |= _tell(record, done.run)
            for what, count in done.passed_over.items():
                say(f"{record.name}: not listed: {what}, {count:,} times")
    _show(rows, "dry run: nothing changed" if dry_run else "")
    if failed:
        raise typer.Exit(FAILED)


def _enabled(records: list[ExchangeRecord]) -> list[ExchangeRecord]:
    return [one for one in records if one.new.enabled]


def _tell(record: ExchangeRecord, run: ExchangeRun) -> bool:
    """Say what went wrong; whether something did."""
    from service.domain.exchanges import RunState

    if run.state is RunState.NEEDS_REVIEW:
        again = f"lookalike sync --exchange {record.name} --allow-shrink"
        say_error(run.code, f"{record.name}: {run.said}: `{again}`")
        return True
    if run.state is RunState.FAILED:
        say_error(run.code, f"{record.name}: {run.said}")
        return True
    if run.said:
        say(f"{record.name}: {run.said}")
    return False


def _dry(
    record: ExchangeRecord, found: tuple[ImportDiff | None, str]
) -> tuple[str, str, ImportDiff | None]:
    diff, said = found
    if diff is None:
        return record.name, said, None
    say(f"{record.name}: {said}")
    return record.name, "refused" if diff.refused else "would change", diff


@contextlib.contextmanager
def _watched(record: ExchangeRecord) -> Iterator[Callable[[int, int], None] | None]:
    """Pages and bytes as they come, where somebody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    name = printable(record.name)
    with messages().status(f"{name}: asking") as status:

        def told(pages: int, size: int) -> None:
            status.update(f"{name}: {pages:,} pages, {size / 1e6:,.1f} MB")

        yield told


def _show(rows: list[tuple[str, str, Any]], heading: str) -> None:
    table = new_table("exchange", "state")
    for name in _COUNTS:
        table.add_column(name, justify="right", no_wrap=True)
    for name, state, counted in rows:
        numbers = [_number(counted, one) for one in _COUNTS]
        table.add_row(printable(name), state, *numbers)
    print_table(table, heading)


def _number(counted: Any, name: str) -> str:  # noqa: ANN401 (a run or a diff)
    if counted is None:
        return ""
    value = getattr(counted, name)
    return f"{counted.rejected_count if isinstance(value, tuple) else value:,}"
