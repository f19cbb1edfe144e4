"""What the commands say and where: results to stdout, everything else to stderr.

Tables are at most 100 columns wide. Names that come from outside are cleaned of control characters
before a terminal sees them, and never read as markup. It knows no command.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import typer

from embeddings.errors import EmbeddingError, ImageError
from evaluation.errors import EvaluationError
from service.errors import ServiceError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MAX_WIDTH: Final = 100
"""Columns."""

FAILED: Final = 1
"""Exit code: something asked for could not be done."""

MATCHED: Final = 3
"""Exit code of ``match``: at least one file matched."""

_OURS: Final = frozenset({"embeddings", "index", "service", "evaluation"})

_P = ParamSpec("_P")
_T = TypeVar("_T")


def say(message: str) -> None:
    """A line for the person at the keyboard, on stderr."""
    typer.echo(printable(message), err=True)


def say_error(code: str, message: str) -> None:
    """A line that says what failed; ``code`` is stable."""
    label = typer.style("error", fg="red", bold=True) if sys.stderr.isatty() else "error"
    typer.echo(f"{label} ({code}): {printable(message)}", err=True)


def print_json(value: Mapping[str, object]) -> None:
    """One line of JSON on stdout. ASCII, so that any file name can be written."""
    typer.echo(json.dumps(value))


def console() -> Console:
    """Stdout for tables, at most ``MAX_WIDTH`` columns wide."""
    from rich.console import Console

    out = Console(highlight=False, emoji=False)
    out.width = min(out.width, MAX_WIDTH) if out.is_terminal else MAX_WIDTH
    return out


def print_table(table: Table, heading: str = "") -> None:
    """A table on stdout, under a line of its own; its cells are taken as they are."""
    if heading:
        typer.echo(printable(heading))
    console().print(table, markup=False)


def as_svg(table: Table, title: str) -> str:
    """A picture of a table in a terminal, as SVG that refers to nothing outside itself."""
    import io
    import re

    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console

    recorder = Console(
        file=io.StringIO(), record=True, width=MAX_WIDTH, force_terminal=True, markup=False
    )
    recorder.print(table)
    # The library's own template fetches a typeface from a web server.
    template = re.sub(
        r"@font-face \{\{.*?\}\}\s*|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL
    )
    typeface = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    return recorder.export_svg(
        title=title,
        code_format=re.sub(r"font-family: [^;]*;", f"font-family: {typeface};", template),
    )


def printable(text: str) -> str:
    """``text`` without anything that a terminal would act on; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


def counted(number: int, one: str, many: str = "") -> str:
    """A number and what it counts: "1 file", "2 files"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def code_of(error: Exception) -> str:
    """The stable name of a failure."""
    if isinstance(error, ServiceError | ImageError):
        return error.code
    name = type(error).__name__.removesuffix("Error")
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def reporting(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """Turn failures that a user can cause into one line on stderr and exit code 1.

    A failure that nobody foresaw keeps its traceback: it is our bug, and ours to read.
    """

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:
            # The reader of our output has gone, as `head` does: that is no failure to report.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except (ServiceError, EmbeddingError, EvaluationError) as error:
            say_error(code_of(error), str(error))
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in _OURS:
                raise
            say_error("missing_package", f"{error.name} is not installed; `make setup` installs it")
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            say_error("os_error", f"{where}{error.strerror or error}")
        raise typer.Exit(FAILED)

    return run


@contextlib.contextmanager
def progress(what: str, items: Iterable[_T]) -> Iterator[Iterator[_T]]:
    """``items`` again, with a bar on stderr where that is a terminal.

    On a terminal they are counted first, so that the bar knows how far it is.
    """
    if not sys.stderr.isatty():
        yield iter(items)
        return
    from rich.console import Console
    from rich.progress import Progress

    counted = list(items)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield iter(bar.track(counted, total=len(counted), description=what))


@contextlib.contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """A function to report progress to: stage, how much is done, how much there is.

    Where stderr is a terminal it draws a bar for each stage; elsewhere it says nothing.
    """
    if not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as bars:
        known: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in known:
                known[stage] = bars.add_task(stage.capitalize(), total=total)
            bars.update(known[stage], completed=done, total=total)

        yield report
