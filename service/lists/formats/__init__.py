"""Hash lists as files: CSV with a header, JSON Lines, and ``signal_type hash`` text.

Reading is a stream: bytes in, one ``ImportRow`` or ``RejectedLine`` out for each line that says
something, in constant memory whatever the list holds. A bad line costs itself, never its
neighbours; a list that says how long it is and is shorter is refused whole. Writing is the reverse,
and what is written reads back as the same rows.

======== ======================================= ===============================================
format   a line                                  carries
======== ======================================= ===============================================
csv      cells under a header of column names    everything
jsonl    a JSON object                           everything; what ``lookalike hash --jsonl`` writes
text     ``signal_type hash``                    one signal a line; what ``threatexchange`` and
                                                 Hasher-Matcher-Actioner call a local file
======== ======================================= ===============================================

It knows files and lines; not banks, versions or what is listed already.
"""

from __future__ import annotations

from service.lists.formats.errors import (
    IncompleteListError,
    UnknownFormatError,
    UnreadableListError,
)
from service.lists.formats.names import Format, format_named
from service.lists.formats.reader import ListReader, file_chunks
from service.lists.formats.writer import Listed, write_list

__all__ = [
    "Format",
    "IncompleteListError",
    "ListReader",
    "Listed",
    "UnknownFormatError",
    "UnreadableListError",
    "file_chunks",
    "format_named",
    "write_list",
]
