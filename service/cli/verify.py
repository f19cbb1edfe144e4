"""``lookalike verify``: whether the store and the index hold what was written, all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.local import DATA_HELP, open_local_store, settings_for
from service.cli.terminal import FAILED, counted, print_json, reporting, say, say_error

if TYPE_CHECKING:
    from service.domain.settings import Settings
    from service.store import Flaw, Store


@reporting
def verify(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of text.")] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Read everything the store holds and say what is wrong.

    A server may be running. Looked at are the database's pages (SQLite), references and counters,
    every entry against the hash over its signals and labels, and the files of the index against the
    store. The exit code is 1 if anything is wrong.
    """
    from dataclasses import asdict

    from service.domain.values import entry_id

    count = 0
    with open_local_store(data) as store:
        name = store.name
        for flaw in _all(store, settings_for(data)):
            count += 1
            if jsonl:
                print_json({**asdict(flaw), "entries": [entry_id(one) for one in flaw.entries]})
            else:
                say_error(flaw.what, flaw.said)
    if count:
        say(f"{name}: {counted(count, 'finding')}; docs/operations.md says how each is mended")
        raise typer.Exit(FAILED)
    say(f"{name}: everything is as it was written")


def _all(store: Store, settings: Settings) -> Iterator[Flaw]:
    from service.cli.index_files import index_flaws
    from service.domain.errors import StoreDamagedError
    from service.replica.shelf import FOLDER
    from service.store import Flaw

    yield from store.verify()
    folder = settings.data_dir / FOLDER
    if folder.is_dir():
        try:
            yield from index_flaws(store, folder)
        except StoreDamagedError as error:
            said = f"not compared with the store: {str(error).partition(';')[0]}"
            yield Flaw("index", said)
