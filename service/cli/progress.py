"""Progress on stderr while a command works, where somebody watches; elsewhere nothing is shown.

Bars and messages share one console, so that a message stands on lines of its own above the bar.
It knows numbers; not what they count.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from service.cli.terminal import messages

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

_T = TypeVar("_T")


@contextlib.contextmanager
def progress(what: str, items: Iterable[_T], output: bool = False) -> Iterator[Iterator[_T]]:
    """``items`` again, with a bar on stderr where that is a terminal.

    There they are counted first, so that the bar knows how far it is. ``output``: results go to
    stdout meanwhile; if that is a terminal too they show the progress themselves.
    """
    if not sys.stderr.isatty() or (output and sys.stdout.isatty()):
        yield iter(items)
        return
    counted = list(items)
    with _bars() as bars:
        yield iter(bars.track(counted, total=len(counted), description=what))


@contextlib.contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """A function to report progress to: stage, how much is done, how much there is.

    Where stderr is a terminal it draws a bar for each stage; elsewhere it says nothing.
    """
    if not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    from rich.progress import TaskID

    with _bars() as bars:
        known: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in known:
                known[stage] = bars.add_task(stage.capitalize(), total=total)
            bars.update(known[stage], completed=done, total=total)

        yield report


class ListProgress:
    """What a list's bytes and rows pass through on their way; by itself it shows nothing."""

    def reading(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The list's bytes again."""
        return iter(chunks)

    def rows(self, rows: Iterable[_T]) -> Iterator[_T]:
        """Its rows again; when they end, all that is left is to apply them."""
        return iter(rows)


class _ListBar(ListProgress):
    """A bar of the bytes read and the rows they made; then, for as long as it takes, a pulse."""

    def __init__(self, bars: Progress, size: int | None) -> None:
        self._bars = bars
        self._task = bars.add_task("Reading", total=size, rows="")
        self._count = 0

    def reading(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._bars.update(self._task, advance=len(chunk), rows=f"{self._count:,} rows")

    def rows(self, rows: Iterable[_T]) -> Iterator[_T]:
        for row in rows:
            self._count += 1
            yield row
        self._bars.reset(
            self._task, description="Applying", total=None, rows=f"{self._count:,} rows"
        )


@contextlib.contextmanager
def list_progress(size: int | None) -> Iterator[ListProgress]:
    """Progress of an import; ``size``: of the list, bytes, ``None`` where nobody knows."""
    if not sys.stderr.isatty():
        yield ListProgress()
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        DownloadColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
    )
    with _bars(*columns) as bars:
        yield _ListBar(bars, size)


def _bars(*columns: ProgressColumn) -> Progress:
    from rich.progress import Progress

    # Results go to stdout as they are, wherever that leads; messages go through the console.
    return Progress(
        *(columns or Progress.get_default_columns()),
        console=messages(),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
