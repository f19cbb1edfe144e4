"""The bad lines of a list as a CSV file: number, field and reason, every one of them.

It knows lines and a file; not what became of the rest of the list.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from service.domain.values import RejectedLine

_T = TypeVar("_T")


class RejectedFile:
    """Where bad lines are written as they pass."""

    def __init__(self, file: IO[str] | None) -> None:
        """``None``: nobody asked for them."""
        self._write = None if file is None else csv.writer(file).writerow
        self._told: set[int] = set()
        self._count = 0
        self.say("line", "field", "reason")

    def watching(self, rows: Iterable[_T]) -> Iterator[_T]:
        """``rows`` again."""
        for row in rows:
            if isinstance(row, RejectedLine):
                self.add(row)
            yield row

    def add(self, row: RejectedLine) -> None:
        """One bad line, unless it is among those that were written."""
        # Of a list with millions of bad lines, only the first ones could come a second time.
        if row.line not in self._told:
            if len(self._told) < _REMEMBERED:
                self._told.add(row.line)
            self._count += 1
            self.say(str(row.line), row.field, row.reason)

    def finish(self, rejected: tuple[RejectedLine, ...], count: int) -> None:
        """Bad lines that the store found, of ``count`` in all: it names the first ones."""
        for one in rejected:
            self.add(one)
        if count > self._count:
            more = "more lines repeat an id with other content"
            self.say("", "provider_id", f"{count - self._count} {more}")

    def say(self, *cells: str) -> None:
        """One line of the file; a cell that a spreadsheet would take for a formula is text."""
        if self._write is not None:
            self._write([f"'{cell}" if cell[:1] in _FORMULA else cell for cell in cells])


_REMEMBERED = 100_000
_FORMULA = frozenset("=+-@\t\r")


@contextmanager
def rejected_file(path: Path | None) -> Iterator[RejectedFile]:
    """The file at ``path``, readable by its owner alone; what stood there is gone."""
    if path is None:
        yield RejectedFile(None)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield RejectedFile(file)
