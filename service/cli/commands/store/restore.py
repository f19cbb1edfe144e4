"""``lookalike restore``: a backup becomes the store again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, settings_for
from service.cli.terminal import counted, reporting, say


@reporting
def restore_backup(
    folder: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of a backup.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put it in the place of the store that is there."),
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Check a backup, and make it the store. Stop the servers first.

    Nothing is changed unless the backup is whole. A store that is there is left alone without
    --replace; with it, an SQLite file is kept under another name, and PostgreSQL's tables are
    filled anew in one transaction. The index in the data folder is made anew by the next server;
    one in another folder, that holds more than the backup, must be moved away.
    """
    from service.replica.origins import forget_all
    from service.replica.shelf import FOLDER
    from service.store import restore

    settings = settings_for(data)
    done = restore(folder, settings.data_dir, settings.store_url, replace, settings.deadlines)
    forget_all(settings.data_dir / FOLDER)
    made = done.manifest
    entries = counted(made.counts["entries"], "entry", "entries")
    say(
        f"restored {entries} in {counted(made.counts['banks'], 'bank')},"
        f" up to sequence {made.sequence}, as of {made.made_at}"
    )
    if done.kept is not None:
        say(f"the store that was there is kept as {done.kept}")
