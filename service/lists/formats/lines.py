"""Bytes in chunks to numbered lines of text, in constant memory, whatever the bytes are.

A line ends with LF, CRLF or CR. Text is UTF-8, or UTF-16 with the byte-order mark that says so;
the mark is dropped. A line that is too long, not such text or holds a NUL byte comes out as a
``RejectedLine``, and the next one is read as usual. It knows nothing of what lines mean.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from service.domain.values import RejectedLine
from service.lists.formats.errors import UnreadableListError

MAX_LINE: Final = 1024 * 1024
"""Bytes, without the line's end. A line with every signal and 32 long labels has about 8 KiB, one
with as many frames as there may be less than 700."""

_UTF16_MARKS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NOT_TEXT: Final = (
    (b"\xff\xfe\0\0", "UTF-32 text: save the list as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32 text: save the list as UTF-8"),
    (b"PK\x03\x04", "a ZIP archive (or a spreadsheet): unpack it, or save it as CSV"),
    (b"\x1f\x8b", "compressed with gzip: decompress it first"),
    (b"SQLite format 3\x00", "a SQLite database"),
)


class Line(NamedTuple):
    """One line that says something. A tuple, since a list of a million lines makes a million."""

    number: int
    """From 1."""
    text: str
    """Without the line's end."""


def read_lines(
    chunks: Iterable[bytes], encoding: str | None = None
) -> Iterator[Line | RejectedLine]:
    """Every line that is not blank; raises ``UnreadableListError`` for what is clearly no text.

    ``encoding``: a code page that the text is written in; ``None``: UTF-8, or UTF-16 with its mark.
    """
    if encoding is None:
        encoding, text_chunks = _as_utf8(chunks)
    else:
        text_chunks = _transcoded(chunks, encoding)
    for number, raw in enumerate(_split(text_chunks), 1):
        if len(raw) > MAX_LINE:
            yield RejectedLine(number, f"longer than {MAX_LINE} bytes")
        elif b"\0" in raw:
            yield RejectedLine(number, "holds a NUL byte")
        else:
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                where = ""
                if encoding == "UTF-8":
                    where = (
                        f", at byte {error.start + 1}: save the list as UTF-8, or name its"
                        " encoding in a column map"
                    )
                yield RejectedLine(number, f"not {encoding}{where}")
                continue
            if text and not text.isspace():
                yield Line(number, text)


def _as_utf8(chunks: Iterable[bytes]) -> tuple[str, Iterator[bytes]]:
    """What the bytes are written in, and the same text as UTF-8, without its mark.

    Raises ``UnreadableListError`` for a file of another kind.
    """
    longest = max(len(start) for start, _ in _NOT_TEXT)
    start, rest = b"", iter(chunks)
    for chunk in rest:
        start += chunk
        if len(start) >= longest:
            break
    for magic, what in _NOT_TEXT:
        if start.startswith(magic):
            raise UnreadableListError(f"not a list but {what}")
    for mark, encoding in _UTF16_MARKS:
        if start.startswith(mark):
            return "UTF-16", _transcoded(chain([start.removeprefix(mark)], rest), encoding)
    # Every second byte is NUL in what Latin letters, digits and commas become.
    if tuple(map(bool, start[:4])) in ((True, False, True, False), (False, True, False, True)):
        raise UnreadableListError(
            "not a list that is read but UTF-16 text without a byte-order mark: save it as UTF-8"
        )
    return "UTF-8", chain([start.removeprefix(codecs.BOM_UTF8)], rest)


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text as UTF-8, without its mark. Raises ``UnreadableListError``."""
    return _as_utf8(chunks)[1]


def _transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Text as UTF-8; half a pair, half a character at the end, or a byte that the code page lacks,
    as what no UTF-8 decoder takes, so that it costs its own line."""
    utf16 = encoding.startswith("utf-16")
    decoder = codecs.getincrementaldecoder(encoding)(
        "surrogatepass" if utf16 else "surrogateescape"
    )
    for chunk in chunks:
        yield decoder.decode(chunk).encode(errors="surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode(errors="surrogatepass")
    except UnicodeDecodeError:
        yield b"\xff"


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
