"""Hash lists as files: our own CSV, JSON Lines and text, and what hotlines and exchanges ship.

Reading is a stream: bytes in, one ``ImportRow``, ``Withdrawn`` or ``RejectedLine`` out for each
line or record that says something, in constant memory whatever the list holds. A bad line costs
itself, never its neighbours; a list that breaks off, or says how long it is and is shorter, is
refused whole.
Writing is the reverse for our own three forms, and what is written reads back as the same rows.

=============== =================================================================================
module          does
=============== =================================================================================
reader          a list, whole: unpacked, its format found, its rows in order
registry        which formats there are; each is a module of its own
archives        ZIP and gzip, with limits
lines, quoted   bytes to lines, and lines to records of CSV
line_lists,     lists of lines: their order, and the grammar of one line
rows, names
documents,      JSON documents: their records, and the limits on what a document may be
json_limits
column_maps,    what a map says of columns, and lists that are read by one
mapped
drafts          an entry while it is gathered, and what is noted of the rest
writer          our own forms, written
=============== =================================================================================

It knows files, lines and documents; not banks, versions or what is listed already.
"""

from __future__ import annotations

from service.lists.formats.archives import PackingLimits
from service.lists.formats.column_maps import ColumnMap, load_map, map_of, parse_map, shipped_maps
from service.lists.formats.errors import (
    BadMapError,
    IncompleteListError,
    UnknownFormatError,
    UnreadableListError,
)
from service.lists.formats.names import Format, format_named
from service.lists.formats.reader import ListReader, Page, ReadOptions, file_chunks
from service.lists.formats.registry import FORMATS, reading_format
from service.lists.formats.writer import Listed, entry_lines, write_list

__all__ = [
    "FORMATS",
    "BadMapError",
    "ColumnMap",
    "Format",
    "IncompleteListError",
    "ListReader",
    "Listed",
    "PackingLimits",
    "Page",
    "ReadOptions",
    "UnknownFormatError",
    "UnreadableListError",
    "entry_lines",
    "file_chunks",
    "format_named",
    "load_map",
    "map_of",
    "parse_map",
    "reading_format",
    "shipped_maps",
    "write_list",
]
