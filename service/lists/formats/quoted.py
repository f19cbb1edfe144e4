"""Lines of CSV to records: a quoted cell may go on over several lines.

A quote that is opened by mistake must not swallow the entries below it. So a cell goes on over a
few lines only, and not over one that would make a whole record by itself: then the first line alone
is bad, and those below it are read as if it were not there.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

from service.domain.values import RejectedLine
from service.lists.formats.lines import MAX_LINE, Line

MAX_LINES: Final = 64
"""Lines of one record."""

OPEN_QUOTE: Final = "not CSV: a quote is open or out of place"


def records(
    lines: Iterator[Line | RejectedLine], mark: str, width: int
) -> Iterator[Line | RejectedLine]:
    """``lines`` again, those that belong together as one with the number of the first.

    ``mark`` divides cells; a record has ``width`` of them.
    """
    waiting: deque[Line | RejectedLine] = deque()

    def following() -> Line | RejectedLine | None:
        return waiting.popleft() if waiting else next(lines, None)

    while (line := following()) is not None:
        if isinstance(line, RejectedLine) or '"' not in line.text or not _open(line.text, mark):
            yield line
            continue
        text, more = line.text, list[Line | RejectedLine]()
        while True:
            last = following()
            if last is not None:
                more.append(last)
            if (
                last is None
                or isinstance(last, RejectedLine)
                or len(more) >= MAX_LINES
                or len(text) + len(last.text) > MAX_LINE
                or _cells(last.text, mark) >= width
            ):
                yield RejectedLine(line.number, OPEN_QUOTE)
                waiting.extendleft(reversed(more))
                break
            text += "\n" + last.text
            if not _open(text, mark):
                if _cells(text, mark) == 0:  # closed, but not where a cell ends
                    yield RejectedLine(line.number, OPEN_QUOTE)
                    waiting.extendleft(reversed(more))
                else:
                    yield Line(line.number, text)
                break


def _open(text: str, mark: str) -> bool:
    """Whether a quote is open at the end."""
    try:
        next(csv.reader([text], delimiter=mark, strict=True), None)
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _cells(text: str, mark: str) -> int:
    """How many cells there are; 0 in what is no CSV."""
    try:
        return len(next(csv.reader([text], delimiter=mark, strict=True), []))
    except csv.Error:
        return 0
