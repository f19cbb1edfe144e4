"""``lookalike init``: an empty store is made, where there is nothing of another."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, open_local_store, settings_for
from service.cli.terminal import reporting, say


@reporting
def make_store(data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None) -> None:
    """Make an empty store; a first `lookalike serve` does the same.

    No other command makes one. Where there is one already, nothing is changed. Where one is
    missed, because an index or another part of it is left, none is made.
    """
    from service.domain.errors import StoreMissingError
    from service.store import open_store

    settings = settings_for(data)
    try:
        with open_local_store(data) as store:
            say(f"the store {store.name} is there already; nothing was changed")
        return
    except StoreMissingError:
        store = open_store(settings.data_dir, settings.store_url, actor="init")
        name = store.name
        store.close()
    there = f" --data {shlex.quote(str(data))}" if data else ""
    say(f"made an empty store, {name}")
    say(f"next: `lookalike keys create NAME --role admin{there}`, `lookalike serve{there}`")
