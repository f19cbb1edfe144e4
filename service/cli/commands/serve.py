"""``lookalike serve``: the HTTP service, in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, settings_for
from service.cli.terminal import reporting, say


@reporting
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Run the service until it is interrupted.

    The first run creates the store. On a terminal it then prints an admin key, once; elsewhere it
    refuses to start unless LOOKALIKE_ADMIN_KEY is set or the store has an admin key.
    """
    from service.cli.logs import log_to_stderr
    from service.domain.settings import unknown_variables
    from service.http.door.auth import first_admin_key
    from service.store import open_store

    settings = settings_for(data)
    log_to_stderr(settings.log_format, settings.log_level)
    for unknown in unknown_variables():
        say(f"warning: {unknown}")
    store = open_store(
        settings.data_dir, settings.store_url, deadlines=settings.deadlines, actor="serve"
    )
    try:
        made = first_admin_key(store, settings, terminal=sys.stdout.isatty())
    finally:
        store.close()
    if made is not None:
        say("this store is new; its admin key, shown only now:")
        typer.echo(made.text)

    say(f"the store is {store.name}")
    from service.cli.foreground import run_until_told
    from service.http.app import create_app

    run_until_told(create_app(settings), host, port, settings.shutdown_timeout)
