"""Limits on a JSON document, held while its bytes pass and before any parser sees them.

A parser of streams keeps what it is in the middle of: a string without end, an object without end,
arrays nested a million deep. Here those are refused by name in constant memory. It finds strings
and brackets and nothing else: whether the text is JSON is the parser's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from service.lists.formats.errors import UnreadableListError

MAX_DEPTH: Final = 32
"""Arrays and objects within one another; the lists that are read have at most eight."""

MAX_STRING: Final = 64 * 1024
"""Bytes of one string."""

MAX_RECORD: Final = 1 << 20
"""Bytes of one record."""

_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_LONG_NUMBER: Final = re.compile(rb"[0-9]{400}")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


class JsonLimits:
    """What passes through ``guarded`` is the same bytes, or an error; one object a document."""

    def __init__(self, record_depth: int) -> None:
        """``record_depth``: how deep a record's own braces stand, the outermost being 1."""
        self._record_depth = record_depth
        self.depth = 0
        self.in_string = False
        self._escaped = False  # the last byte was a backslash within a string
        self._string = 0  # bytes of the string that is open
        self._record = 0  # bytes since no record was open
        self._seen = 0

    def guarded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """``chunks`` again. Raises ``UnreadableListError``."""
        for chunk in chunks:
            self._look(chunk)
            yield chunk

    def _look(self, chunk: bytes) -> None:
        plain = chunk
        if self._escaped:
            plain, self._escaped = plain[1:], False
        if b"\\" in plain:
            plain = _ESCAPE.sub(b"__", plain)
            self._escaped = plain.endswith(b"\\")
        parts = plain.split(b'"')
        first_outside = 1 if self.in_string else 0
        self._check_strings(parts, first_outside)
        self.in_string = (len(parts) - 1 + first_outside) % 2 == 1
        outside = b'"'.join(parts[first_outside::2])
        if _LONG_NUMBER.search(outside):
            raise UnreadableListError(f"a number of hundreds of digits, {self._where()}")
        self._follow(outside, len(chunk))
        self._seen += len(chunk)

    def _check_strings(self, parts: list[bytes], first_outside: int) -> None:
        inside = parts[1 - first_outside :: 2]
        if not inside:
            self._string = 0
            return
        longest = max(map(len, inside))
        if first_outside:
            longest = max(longest, self._string + len(inside[0]))
        if longest > MAX_STRING:
            raise UnreadableListError(
                f"a text longer than {MAX_STRING} bytes, {self._where()}: that is no list entry"
            )
        # The last part is an open string exactly if it is inside.
        open_at_end = (len(parts) - 1 + first_outside) % 2 == 1
        if not open_at_end:
            self._string = 0
        elif len(parts) == 1:
            self._string += len(parts[0])
        else:
            self._string = len(parts[-1])

    def _follow(self, outside: bytes, size: int) -> None:
        """Keep count of the depth, and of how long a record has been open."""
        depth, least = self.depth, self.depth
        for bracket in outside.translate(None, _NOT_BRACKETS):
            if bracket in b"[{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise UnreadableListError(
                        f"nested more than {MAX_DEPTH} deep, {self._where()}: that is no list"
                    )
            else:
                depth -= 1
                least = min(least, depth)
        self.depth = depth
        self._record = 0 if least < self._record_depth else self._record + size
        if self._record > MAX_RECORD:
            raise UnreadableListError(
                f"an entry longer than {MAX_RECORD} bytes, {self._where()}: that is no list entry"
            )

    def _where(self) -> str:
        return f"near byte {self._seen:,}"
