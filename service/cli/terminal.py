"""What the commands say and where: results to stdout, everything else to stderr.

Tables are as wide as the terminal, at most 100 columns, and made to be read at 80. Names that come
from outside are cleaned of control characters before a terminal sees them, and never read as
markup. It knows no command.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import typer

from embeddings.errors import EmbeddingError, ImageError
from evaluation.base.errors import EvaluationError
from service.domain.errors import ServiceError

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


VERDICT_STYLES: Final = {"block": "bold red", "review": "yellow", "none": "green"}
"""What verdicts look like, as rich names styles."""


@functools.cache
def messages() -> Console:
    """The console on stderr: what is printed there while a bar shows stands above it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def say(message: str) -> None:
    """A line for the person at the keyboard, on stderr; a terminal breaks it between words."""
    if sys.stderr.isatty():
        messages().print(printable(message))
    else:
        typer.echo(printable(message), err=True)


def say_error(code: str, message: str) -> None:
    """A line that says what failed; ``code`` is stable."""
    if not sys.stderr.isatty():
        typer.echo(f"error ({code}): {printable(message)}", err=True)
        return
    from rich.text import Text

    messages().print(Text.assemble(("error", "bold red"), f" ({code}): {printable(message)}"))


def print_json(value: Mapping[str, object]) -> None:
    """One line of JSON on stdout. ASCII, so that any file name can be written."""
    typer.echo(json.dumps(value))


def console() -> Console:
    """Stdout for tables, at most ``MAX_WIDTH`` columns wide."""
    from rich.console import Console

    out = Console(highlight=False, emoji=False)
    out.width = min(out.width, MAX_WIDTH) if out.is_terminal else MAX_WIDTH
    return out


def new_table(*headings: str, **more: Any) -> Table:  # noqa: ANN401 (rich's own options)
    """A table as ``print_table`` prints all."""
    from rich.table import Table

    return _plain(Table(*headings, **more))


def print_table(table: Table, heading: str = "") -> None:
    """A table on stdout, under a line of its own; its cells are taken as they are."""
    out = console()
    if heading:
        out.print(printable(heading), markup=False)
    out.print(_plain(table), markup=False)


def _plain(table: Table) -> Table:
    """Without lines between columns: at 80 columns each costs one that a name or a figure needs.
    What is too long all the same goes on in the next line, and is not cut off."""
    from rich import box

    table.box, table.show_edge, table.pad_edge = box.SIMPLE_HEAD, False, False
    table.collapse_padding = True
    for column in table.columns:
        if not column.no_wrap:
            column.overflow = "fold"
    return table


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
