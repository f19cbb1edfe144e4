"""What is left in a data folder when its store is not there: signs that one was, and is missed.

A volume that is not mounted, a moved file or an emptied database looks like a first start. A new,
empty store in its place would answer that nothing is listed, so none is made where there are
traces of another. It knows names of files; not what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.domain.errors import StoreLostError

DATABASE_FILE: Final = "lookalike.db"
"""The store, in a data folder, where it is SQLite."""

INDEX_FOLDER: Final = "index"
"""The indexes, in a data folder, whatever the database is."""


def refuse_if_lost(data_dir: Path, database: Path | None, where: str) -> None:
    """Raise ``StoreLostError`` if the store ``where`` is missing and ``data_dir`` shows that there
    was one; ``database``: its file, if it is one."""
    found = ", ".join(map(str, _traces(data_dir, database)))
    if found:
        raise StoreLostError(
            f"there is no store in {where}, but there was one: {found} is left of it. Bring the"
            " store back (is its volume mounted, is the URL right?) or restore a backup of it; if"
            " it is gone for good, move what is left away and run `lookalike init`"
        )


def _traces(data_dir: Path, database: Path | None) -> Iterator[Path]:
    index = data_dir / INDEX_FOLDER
    if index.is_dir() and any(index.iterdir()):
        yield index
    own = data_dir / DATABASE_FILE
    if own != database and own.exists() and own.stat().st_size:
        yield own
    if database is not None:
        log = database.with_name(f"{database.name}-wal")
        if log.exists() and log.stat().st_size:
            yield log
