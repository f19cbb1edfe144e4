"""A list, whole: its format found, its lines read one after the other.

It knows the order of things in a file; not what becomes of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from service.formats.errors import UnreadableListError
from service.formats.lines import Line, read_lines
from service.formats.names import Format, detect
from service.formats.rows import CsvParser, JsonLinesParser, RowParser, TextParser
from service.store.values import ImportRow, RejectedLine

_CHUNK: Final = 1 << 16
"""Bytes."""


class ListReader:
    """The rows of one list, read once, in order.

    ``format`` is found out from the first line unless it is given. Raises ``UnreadableListError``,
    here or while iterating, if the file is not such a list at all.
    """

    def __init__(self, chunks: Iterable[bytes], format: Format | None = None) -> None:  # noqa: A002 - the contract's word
        """Read as far as the first line that says something."""
        self._lines = read_lines(chunks)
        self._bad_start: list[RejectedLine] = []
        first: Line | None = None
        for line in self._lines:
            if isinstance(line, Line):
                first = line
                break
            if len(self._bad_start) == 100:
                raise UnreadableListError("not text: of the first 100 lines none can be read")
            self._bad_start.append(line)
        self._first = first
        if format is None:
            if first is None:
                raise UnreadableListError("the list is empty")
            format = detect(first.text)  # noqa: A001
        self.format = format
        self._parser = self._parser_for(format)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns or keys met so far that no part of a row is read from, sorted."""
        return tuple(sorted(self._parser.ignored))

    def __iter__(self) -> Iterator[ImportRow | RejectedLine]:
        """Each line that is not blank, a comment or the header."""
        yield from self._bad_start
        if self._first is not None and self.format is not Format.CSV:
            row = self._parser.parse(self._first)
            if row is not None:
                yield row
        for line in self._lines:
            row = line if isinstance(line, RejectedLine) else self._parser.parse(line)
            if row is not None:
                yield row

    def _parser_for(self, format: Format) -> RowParser:  # noqa: A002
        if format is Format.JSONL:
            return JsonLinesParser()
        if format is Format.TEXT:
            return TextParser()
        if self._first is None:
            raise UnreadableListError("a CSV list begins with a header, and this one is empty")
        return CsvParser(self._first)


def file_chunks(file: BinaryIO) -> Iterator[bytes]:
    """An open file's bytes, a little at a time."""
    while chunk := file.read(_CHUNK):
        yield chunk
