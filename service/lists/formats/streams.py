"""A list's bytes as a stream that can be looked into before it is read.

It knows bytes; not what they say.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

CHUNK: Final = 1 << 16
"""Bytes that are read at a time."""

HEAD: Final = 1 << 16
"""Bytes by which a format is recognised."""


class ByteStream:
    """Bytes that come in chunks, read once; ``peek`` shows what comes next."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Read ``chunks`` as they are asked for."""
        self._chunks = iter(chunks)
        self._ahead = b""

    def peek(self, size: int = HEAD) -> bytes:
        """The next ``size`` bytes, fewer only where the stream ends; they are still to be read."""
        if len(self._ahead) < size:
            parts, length = [self._ahead], len(self._ahead)
            for chunk in self._chunks:
                parts.append(chunk)
                length += len(chunk)
                if length >= size:
                    break
            self._ahead = b"".join(parts)
        return self._ahead[:size]

    def head(self) -> bytes:
        """How the stream begins, as UTF-8 without its mark: by this a format is recognised."""
        start = self.peek()
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return start.decode("utf-16", "ignore").encode(errors="ignore")
        return start.removeprefix(codecs.BOM_UTF8)

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes (a chunk where that is less, or negative); empty only at the end."""
        if not self._ahead:
            self._ahead = next((chunk for chunk in self._chunks if chunk), b"")
        size = min(CHUNK, size) if size >= 0 else CHUNK
        given, self._ahead = self._ahead[:size], self._ahead[size:]
        return given

    def __iter__(self) -> Iterator[bytes]:
        """What is left, in chunks, none of them empty."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            yield ahead
        yield from (chunk for chunk in self._chunks if chunk)
