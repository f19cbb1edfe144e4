"""Lists of lines: CSV under a header, JSON Lines and ``signal_type hash`` text, read in order.

It knows the order of things in a file; not what becomes of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from service.domain.values import ImportRow, RejectedLine
from service.lists.formats import quoted
from service.lists.formats.drafts import Notes
from service.lists.formats.errors import IncompleteListError, UnreadableListError
from service.lists.formats.lines import Line, read_lines
from service.lists.formats.names import COMMENT, Format, detect, separator, stated_length
from service.lists.formats.rows import CsvParser, JsonLinesParser, RowParser, TextParser


class LineList:
    """The rows of one list of lines, read once, in order.

    ``format`` is found out from the first line unless it is given. Raises ``UnreadableListError``,
    here or while iterating, if the file is not such a list at all, and ``IncompleteListError`` at
    its end if it states a length and has fewer lines of entries, good and bad together.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        notes: Notes,
        format: Format | None = None,  # noqa: A002 (the contract's word)
    ) -> None:
        """Read as far as the first line that says something of an entry, or the header."""
        self._lines = read_lines(chunks)
        self._bad_start: list[RejectedLine] = []
        self._stated: int | None = None
        self._separator = ""
        self._comments = False
        self._first = self._begin(may_be_csv=format in (None, Format.CSV))
        if format is None:
            format = self._found_out()  # noqa: A001
        self.format = format
        self._parser = self._parser_for(format, notes)

    def _begin(self, may_be_csv: bool) -> Line | None:
        """The first line that is neither bad nor a comment nor a spreadsheet's ``sep=``."""
        for line in self._lines:
            if isinstance(line, RejectedLine):
                if len(self._bad_start) == 100:
                    raise UnreadableListError("not text: of the first 100 lines none can be read")
                self._bad_start.append(line)
                continue
            if self._note_length(line) or line.text.lstrip().startswith(COMMENT):
                self._comments = True
                continue
            mark = separator(line.text) if may_be_csv and not self._separator else ""
            if not mark:
                return line
            self._separator = mark
        return None

    def _found_out(self) -> Format:
        if self._separator:
            return Format.CSV
        if self._first is not None:
            return detect(self._first.text)
        if self._comments:
            return Format.TEXT  # a list of no entries, in whatever format
        raise UnreadableListError("the list is empty")

    def _note_length(self, line: Line) -> bool:
        """Whether the line states the list's length, which is then remembered."""
        stated = stated_length(line.text)
        if stated is None:
            return False
        if self._stated not in (None, stated):
            raise UnreadableListError(
                f"line {line.number} says that the list has {stated} entries, a line above"
                f" {self._stated}: are these two lists in one file?"
            )
        self._stated = stated
        return True

    def __iter__(self) -> Iterator[ImportRow | RejectedLine]:
        """Each line that is not blank, a comment, the header or the list's length."""
        seen = len(self._bad_start)
        yield from self._bad_start
        if self._first is not None and self.format is not Format.CSV:
            self._lines = chain([self._first], self._lines)
        lines = self._lines
        if isinstance(self._parser, CsvParser):
            lines = quoted.records(lines, self._parser.mark, self._parser.width)
        for line in lines:
            if isinstance(line, RejectedLine):
                row: ImportRow | RejectedLine | None = line
            else:
                row = None if self._note_length(line) else self._parser.parse(line)
            if row is not None:
                seen += 1
                yield row
        if self._stated is not None and seen < self._stated:
            raise IncompleteListError(
                f"the list says that it has {self._stated} entries and ends after {seen}: it was"
                " cut off, so nothing was imported; get it again"
            )

    def _parser_for(self, format: Format, notes: Notes) -> RowParser:  # noqa: A002
        if format is Format.JSONL:
            return JsonLinesParser(notes)
        if format is Format.TEXT:
            return TextParser(notes)
        if self._first is None:
            raise UnreadableListError("a CSV list begins with a header, and this one is empty")
        return CsvParser(self._first, notes, self._separator)
