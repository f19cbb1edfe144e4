"""``lookalike backup``: a consistent copy of the store, made while servers run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.local import DATA_HELP, settings_for
from service.cli.terminal import counted, reporting, say


@reporting
def make_backup(
    folder: Annotated[
        Path, typer.Argument(metavar="DEST", help="Folder to make; it must not be there.")
    ],
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Write all that the store holds to a folder.

    Others go on reading and writing. It is one view of the store, at one moment, and can be
    restored to SQLite and PostgreSQL alike. It holds listed hashes, and hashes of keys: only you
    can read it, so keep it like that.
    """
    from service.store import backup

    settings = settings_for(data)
    made = backup(folder, settings.data_dir, settings.store_url, settings.deadlines)
    entries = counted(made.counts["entries"], "entry", "entries")
    say(
        f"backed up {entries} in {counted(made.counts['banks'], 'bank')},"
        f" up to sequence {made.sequence}, to {folder} ({made.bytes:,} bytes)"
    )
