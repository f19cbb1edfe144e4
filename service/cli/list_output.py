"""Where the lines of ``hash`` go: stdout, or a file that an interrupted run left, which goes on.

What the file holds is kept, a last line that was cut off is not, and what it names is not hashed
again. It knows lines; not what hashes are.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from service.domain.errors import InvalidValueError


class CannotResumeError(InvalidValueError):
    """A file is not what such a run leaves."""

    code = "cannot_resume"


class Output:
    """What is written, and what was there before."""

    def __init__(self, file: IO[bytes] | None, done: frozenset[str], fresh: bool) -> None:
        """``file``: ``None`` for stdout; ``done``: what its lines name; ``fresh``: it is empty."""
        self._file, self.done, self.fresh = file, done, fresh

    def line(self, text: str) -> None:
        """A line, its end included; in a file it is there once this returns."""
        if self._file is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            self._file.write(text.encode())
            self._file.flush()


@contextmanager
def output_to(path: Path | None, key: str, is_csv: bool) -> Iterator[Output]:
    """Stdout where ``path`` is ``None``; ``key``: the field or column that names what is done.

    Raises ``CannotResumeError``, and ``OSError`` where there can be no such file.
    """
    if path is None:
        yield Output(None, frozenset(), fresh=True)
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        done, end = set[str](), 0
        read = _csv_names(key) if is_csv else _json_name(key)
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            end += len(raw)
            try:
                name = read(raw.decode())
            except (ValueError, KeyError, TypeError, IndexError, csv.Error):
                raise CannotResumeError(f"{path} holds lines that no such run wrote") from None
            if name is not None:
                done.add(name)
        file.seek(end)
        file.truncate()
        yield Output(file, frozenset(done), fresh=not end)


def _json_name(key: str) -> Callable[[str], str | None]:
    def read(line: str) -> str | None:
        name = json.loads(line)[key]
        if not isinstance(name, str):
            raise TypeError
        return name

    return read


def _csv_names(key: str) -> Callable[[str], str | None]:
    place: list[int] = []

    def read(line: str) -> str | None:
        cells = next(csv.reader([line]))
        if place:
            return cells[place[0]]
        place.append(cells.index(key))
        return None

    return read
