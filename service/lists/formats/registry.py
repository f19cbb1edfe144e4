"""Which list formats are read. A new one is a module and a line here.

A format says by a list's first bytes whether it is its own, and makes rows of a stream; what begins
like no other is a list of lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from service.lists.formats import (
    ncmec,
    stopncii,
    tech_against_terrorism,
    threatexchange,
    url_lines,
    vic,
)
from service.lists.formats.column_maps import ColumnMap
from service.lists.formats.drafts import Notes, Row
from service.lists.formats.errors import UnknownFormatError
from service.lists.formats.line_lists import LineList
from service.lists.formats.names import Format
from service.lists.formats.streams import ByteStream

Rows = Callable[[ByteStream, ColumnMap | None, Notes], Iterator[Row]]


@dataclass(frozen=True)
class ListFormat:
    """How one kind of list is read."""

    name: str
    """For ``--format`` and ``?format=``."""
    what: str
    """For people."""
    rows: Rows
    """The rows of a stream, in order. Raises as ``ListReader`` does."""
    recognises: Callable[[bytes], bool] | None = None
    """Whether a list that begins so is one of these; ``None``: known by being no other."""
    mapped: bool = False
    """Whether a column map may say more of it."""


def _lines(format: Format) -> Rows:  # noqa: A002 (the contract's word)
    def rows(stream: ByteStream, columns: ColumnMap | None, notes: Notes) -> Iterator[Row]:
        del columns
        return iter(LineList(stream, notes, format))

    return rows


def _unmapped(read: Callable[[ByteStream, Notes], Iterator[Row]]) -> Rows:
    def rows(stream: ByteStream, columns: ColumnMap | None, notes: Notes) -> Iterator[Row]:
        del columns
        return read(stream, notes)

    return rows


FORMATS: Final = (
    ListFormat("csv", "CSV under a header of our column names", _lines(Format.CSV)),
    ListFormat("jsonl", "JSON Lines: what `lookalike hash --jsonl` writes", _lines(Format.JSONL)),
    ListFormat("text", "`signal_type hash`: HMA's and threatexchange's", _lines(Format.TEXT)),
    ListFormat(ncmec.NAME, "NCMEC Hash Sharing v2, XML", ncmec.rows, ncmec.recognises, True),
    ListFormat(vic.NAME, "Project VIC and CAID, JSON 1.1-2.0", vic.rows, vic.recognises, True),
    ListFormat(stopncii.NAME, "StopNCII, JSON", _unmapped(stopncii.rows), stopncii.recognises),
    ListFormat(
        tech_against_terrorism.NAME,
        "Tech Against Terrorism, JSON",
        _unmapped(tech_against_terrorism.rows),
        tech_against_terrorism.recognises,
    ),
    ListFormat(
        threatexchange.NAME,
        "ThreatExchange updates, JSON",
        _unmapped(threatexchange.rows),
        threatexchange.recognises,
    ),
    ListFormat(url_lines.NAME, "URLs: a page, path or domain a line", _unmapped(url_lines.rows)),
)
"""In the order in which they are shown, and tried."""


def reading_format(name: str) -> ListFormat:
    """The format of that name. Raises ``UnknownFormatError``."""
    for known in FORMATS:
        if known.name == name.lower():
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise UnknownFormatError(f"no list format {name[:40]!r}; known are {names}")


def recognised(head: bytes) -> ListFormat | None:
    """The format of a list that begins so; ``None``: a list of lines, or none at all."""
    for known in FORMATS:
        if known.recognises is not None and known.recognises(head):
            return known
    return None
