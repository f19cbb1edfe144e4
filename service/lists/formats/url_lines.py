"""Lists of URLs, one rule a line: a page, ``HOST/PATH/*``, or a domain (``domain.urls.rules``).

Nothing tells such a list from other text, so it is read where somebody says that it is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.domain.errors import BadSignalError
from service.domain.signals import parse_signals
from service.domain.values import ImportRow, RejectedLine
from service.lists.formats.drafts import Notes, Row
from service.lists.formats.lines import read_lines
from service.lists.formats.names import COMMENT
from service.lists.formats.streams import ByteStream

NAME: Final = "urls"


def rows(stream: ByteStream, notes: Notes) -> Iterator[Row]:
    """A row for each line that is no comment. Raises ``UnreadableListError``."""
    del notes
    for line in read_lines(stream):
        if isinstance(line, RejectedLine):
            yield line
        elif not line.text.lstrip().startswith(COMMENT):
            try:
                yield ImportRow(line.number, parse_signals({"url": line.text}))
            except BadSignalError as error:
                yield RejectedLine(line.number, str(error), "url")
