"""Bytes in chunks to numbered lines of text, in constant memory, whatever the bytes are.

A line ends with LF, CRLF or CR. A UTF-8 byte-order mark is dropped. A line that is too long, not
UTF-8 or holds a NUL byte comes out as a ``RejectedLine``, and the next one is read as usual. It
knows nothing of what lines mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from service.formats.errors import UnreadableListError
from service.store.values import RejectedLine

MAX_LINE: Final = 64 * 1024
"""Bytes, without the line's end. A line with every signal and 32 long labels has about 8 KiB."""

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_NOT_TEXT: Final = (
    (b"\xff\xfe", "UTF-16 text: save the list as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save the list as UTF-8"),
    (b"PK\x03\x04", "a ZIP archive (or a spreadsheet): unpack it, or save it as CSV"),
    (b"\x1f\x8b", "compressed with gzip: decompress it first"),
    (b"SQLite format 3\x00", "a SQLite database"),
)


@dataclass(frozen=True)
class Line:
    """One line that says something."""

    number: int
    """From 1."""
    text: str
    """Without the line's end."""


def read_lines(chunks: Iterable[bytes]) -> Iterator[Line | RejectedLine]:
    """Every line that is not blank; raises ``UnreadableListError`` for what is clearly no text."""
    for number, raw in enumerate(_split(_checked_start(chunks)), 1):
        if len(raw) > MAX_LINE:
            yield RejectedLine(number, f"longer than {MAX_LINE} bytes")
        elif b"\0" in raw:
            yield RejectedLine(number, "holds a NUL byte")
        else:
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                yield RejectedLine(number, f"not UTF-8, at byte {error.start + 1}")
                continue
            if text and not text.isspace():
                yield Line(number, text)


def _checked_start(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes without their mark, once they are known not to be a file of another kind."""
    longest = max(len(start) for start, _ in _NOT_TEXT)
    start, rest = b"", iter(chunks)
    for chunk in rest:
        start += chunk
        if len(start) >= longest:
            break
    for magic, what in _NOT_TEXT:
        if start.startswith(magic):
            raise UnreadableListError(f"not a list but {what}")
    yield start.removeprefix(_UTF8_MARK)
    yield from rest


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends; of one that is too long, only a little more than ``MAX_LINE``."""
    pending, after_cr = b"", False
    for chunk in chunks:
        if not chunk:
            continue
        # A CRLF may be cut in two by the border between chunks: its LF ends no second line.
        fresh = chunk[1:] if after_cr and chunk.startswith(b"\n") else chunk
        after_cr = chunk.endswith(b"\r")
        if not fresh:
            continue
        parts = (pending + fresh).splitlines(keepends=True)
        pending = b"" if parts[-1].endswith((b"\n", b"\r")) else parts.pop()[: MAX_LINE + 1]
        for part in parts:
            yield part.rstrip(b"\r\n")
    if pending:
        yield pending
