"""A list, whole, whatever its format and however it is packed: its rows, in order.

It finds out what the list is and hands each of its files to the format; what becomes of the rows is
the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import BinaryIO, cast

from service.domain.values import ImportRow, RejectedLine, Withdrawn
from service.lists.formats.archives import Member, PackingLimits, unpacked
from service.lists.formats.column_maps import ColumnMap
from service.lists.formats.drafts import Notes, Row
from service.lists.formats.errors import BadMapError, IncompleteListError
from service.lists.formats.line_lists import LineList
from service.lists.formats.mapped import mapped_rows
from service.lists.formats.registry import reading_format, recognised
from service.lists.formats.streams import CHUNK, ByteStream


@dataclass(frozen=True)
class ReadOptions:
    """How a list is read, beyond its format."""

    columns: ColumnMap | None = None
    packing: PackingLimits = field(default_factory=PackingLimits)


@dataclass(frozen=True)
class Page:
    """One of several files that are a list together."""

    name: str
    chunks: Iterable[bytes]


class ListReader:
    """The rows of one list, read once, in order.

    The format is found out from how the list begins unless it is given. Raises
    ``UnreadableListError``, here or while iterating, if the file is not such a list at all, and
    ``IncompleteListError`` if it breaks off, or says how long it is and is shorter.
    """

    def __init__(
        self,
        chunks: Iterable[bytes] | Iterable[Page],
        format: str | None = None,  # noqa: A002 (the contract's word)
        options: ReadOptions = ReadOptions(),
    ) -> None:
        """Read as far as it takes to know what the list is.

        ``chunks``: its bytes; or its pages, each with its bytes, where it came in several.
        """
        self.notes = Notes()
        self._options = options
        self._asked = None if format is None else reading_format(format)
        mapped = options.columns.format if options.columns else None
        if mapped and self._asked and mapped != self._asked.name:
            raise BadMapError(f"the map is for {mapped!r}, not for {self._asked.name!r}")
        self._members = _members(chunks, options.packing, self.notes)
        self._first = next(self._members)
        self.format = ""
        """The name of the format, of a list in several files that of the first."""
        self._first_rows = self._opened(self._first)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns or keys met so far that no part of a row is read from, sorted."""
        return tuple(sorted(self.notes.ignored))

    @property
    def passed_over(self) -> Mapping[str, int]:
        """What was met so far and is not listed, with how often: such as fingerprints of types that
        are not known here."""
        return dict(sorted(self.notes.passed_over.items()))

    def __iter__(self) -> Iterator[Row]:
        """Each entry, withdrawal and bad line. In several files lines are numbered through."""
        if self._first.name:
            yield from self._named(self._first, self._first_rows, 0)
        else:
            yield from self._first_rows
        # Of pages in several files, in whatever order, one is the last.
        if self.notes.pages and all(self.notes.pages):
            raise IncompleteListError(
                "the last page names a next one: this is not the whole list; get all pages, and"
                " import them together, in one ZIP archive"
            )

    def present(self) -> Iterator[ImportRow | RejectedLine]:
        """What a list holds that is whole: a withdrawal only says that an entry is not in it."""
        for row in self:
            if isinstance(row, Withdrawn):
                self.notes.pass_over("withdrawn entry")
            else:
                yield row

    def _opened(self, member: Member) -> Iterator[Row]:
        stream, columns = member.stream, self._options.columns
        asked = self._asked
        if columns is not None and (asked is None or not asked.mapped):
            document = None if asked else recognised(stream.head())
            if document is None or document.name != columns.format:
                self.format = self.format or columns.format
                return mapped_rows(stream, columns, self.notes)
            asked = document
        chosen = asked or recognised(stream.head())
        if chosen is None:
            lines = LineList(stream, self.notes)
            self.format = self.format or lines.format
            return iter(lines)
        self.format = self.format or chosen.name
        return chosen.rows(stream, columns, self.notes)

    def _named(self, first: Member, rows: Iterator[Row], before: int) -> Iterator[Row]:
        """The rows of every file, numbered through; a bad line says where it stands too."""
        for member in chain([first], self._members):
            rows = rows if member is first else self._opened(member)
            last = 0
            for row in rows:
                last = max(last, row.line)
                number = before + row.line
                if isinstance(row, RejectedLine):
                    where = f"{row.reason} (line {row.line} of {member.name[-100:]})"
                    yield replace(row, line=number, reason=where)
                else:
                    yield replace(row, line=number)
            before += last


def _members(
    chunks: Iterable[bytes] | Iterable[Page], packing: PackingLimits, notes: Notes
) -> Iterator[Member]:
    parts: Iterator[bytes | Page] = iter(chunks)
    first = next(parts, b"")
    if isinstance(first, bytes):
        rest = cast(Iterator[bytes], parts)
        yield from unpacked(ByteStream(chain([first], rest)), packing, notes)
        return
    for page in chain([first], cast(Iterator[Page], parts)):
        for member in unpacked(ByteStream(page.chunks), packing, notes):
            name = f"{page.name}/{member.name}" if member.name else page.name
            yield replace(member, name=name)


def file_chunks(file: BinaryIO) -> Iterator[bytes]:
    """An open file's bytes, a little at a time."""
    while chunk := file.read(CHUNK):
        yield chunk
