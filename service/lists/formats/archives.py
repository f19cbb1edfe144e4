"""Lists that come packed: the members of a ZIP archive, or what gzip compressed, as streams.

What unpacks to far more than it is, holds another archive, names paths or is encrypted is refused
by name, in constant memory and before it has filled a disk. Members of a ZIP archive that no list
could be are counted, not read. It knows archives; not what stands in them.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Final

from service.lists.formats.drafts import Notes
from service.lists.formats.errors import IncompleteListError, UnreadableListError
from service.lists.formats.streams import CHUNK, ByteStream

MAX_RATIO: Final = 100
"""Bytes that a byte may unpack to, on average; lists make ten, pages of blanks a thousand."""

FREE: Final = 16 << 20
"""Bytes that may come out before the ratio counts."""

MAX_MEMBERS: Final = 1000
_MAX_DIRECTORY: Final = 1 << 20  # bytes; zipfile reads it at one go, whatever its length
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_GZIP: Final = b"\x1f\x8b"
_READ: Final = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xml", ""})
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True)
class PackingLimits:
    """What may come out of an archive, and where it may wait meanwhile."""

    max_bytes: int = 1 << 36
    """Unpacked, in all."""
    folder: Path | None = None
    """Of the nameless file that a ZIP archive waits in while it is read; ``None``: the system's."""


@dataclass(frozen=True)
class Member:
    """One file of a list."""

    name: str
    """Empty unless there are several."""
    stream: ByteStream


def unpacked(stream: ByteStream, limits: PackingLimits, notes: Notes) -> Iterator[Member]:
    """The files that a list consists of: the stream itself where it is not packed.

    Raises ``UnreadableListError`` and ``IncompleteListError``, here or while one is read.
    """
    head = stream.peek(4)
    if head.startswith(_GZIP):
        yield Member("", _not_packed(_gunzipped(stream, limits), ""))
    elif head in (_ZIP, _EMPTY_ZIP):
        with tempfile.TemporaryFile(dir=limits.folder) as file:
            for chunk in stream:
                file.write(chunk)
            yield from _members(file, limits, notes)
    else:
        yield Member("", stream)


def is_zip(stream: ByteStream) -> bool:
    """Whether the stream is a ZIP archive."""
    return stream.peek(4) in (_ZIP, _EMPTY_ZIP)


class Meter:
    """Counts what comes out, and stops it where it is too much."""

    def __init__(self, limits: PackingLimits, packed: int = 0) -> None:
        """``packed``: bytes that went in."""
        self._limits, self._out, self.packed = limits, 0, packed

    def add(self, size: int) -> None:
        """So many bytes more came out. Raises ``UnreadableListError``."""
        self._out += size
        if self._out > FREE and self._out > MAX_RATIO * self.packed:
            raise UnreadableListError(
                f"the archive unpacks to more than {MAX_RATIO} times its size: that is no list"
            )
        if self._out > self._limits.max_bytes:
            raise UnreadableListError(
                f"the archive unpacks to more than {self._limits.max_bytes} bytes"
            )


def _gunzipped(stream: ByteStream, limits: PackingLimits) -> Iterator[bytes]:
    meter, came = Meter(limits), False
    unpack = zlib.decompressobj(31)
    try:
        for chunk in stream:
            meter.packed += len(chunk)
            rest = chunk
            while rest:
                if unpack.eof:  # several gzip files, one after the other, are one
                    unpack = zlib.decompressobj(31)
                out = unpack.decompress(rest, CHUNK)
                came = True
                meter.add(len(out))
                if out:
                    yield out
                rest = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    except zlib.error:
        raise UnreadableListError("the gzip file is damaged") from None
    # What is left in its buffers comes out now.
    while came and not unpack.eof:
        out = unpack.decompress(unpack.unconsumed_tail, CHUNK)
        if not out:
            raise IncompleteListError("the gzip file was cut off on its way; get it again")
        meter.add(len(out))
        yield out


class _BoundedReads:
    """A file that is never read far at one go."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if size > _MAX_DIRECTORY:
            raise UnreadableListError("the ZIP archive's table of contents is too long for a list")
        return self._file.read(size)

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """It is its owner's to close."""


def opened_zip(file: BinaryIO | IO[bytes]) -> zipfile.ZipFile:
    """A ZIP archive whose table of contents was looked at, and nothing else.

    Raises ``UnreadableListError``.
    """
    try:
        archive = zipfile.ZipFile(_BoundedReads(file))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise UnreadableListError(
            "the ZIP archive is damaged, or was cut off on its way; get it again"
        ) from None
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise UnreadableListError(f"the ZIP archive has {len(infos)} files, over {MAX_MEMBERS}")
    for info in infos:
        _check_member(info)
    if len({info.filename for info in infos}) != len(infos):
        raise UnreadableListError("the ZIP archive holds two files of one name")
    return archive


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.filename
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or not name.isprintable():
        raise UnreadableListError("the ZIP archive holds a file whose name leads outside it")
    if info.flag_bits & _ENCRYPTED:
        raise UnreadableListError("the ZIP archive is encrypted: unpack it first")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Of others Python unpacks as much as there is before anybody can count it.
        raise UnreadableListError(
            "the ZIP archive is packed by a method that is not read: use deflate"
        )
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        raise UnreadableListError("the ZIP archive holds a symbolic link")


def _members(file: IO[bytes], limits: PackingLimits, notes: Notes) -> Iterator[Member]:
    archive, meter = opened_zip(file), Meter(limits, file.seek(0, 2))
    lists = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename)
        if info.is_dir() or path.parts[0] == "__MACOSX":
            continue
        if path.suffix.lower() in _READ and not path.name.startswith("."):
            lists.append(info)
        else:
            notes.pass_over(f"file {path.suffix or path.name} in the archive")
    if not lists:
        raise UnreadableListError(
            "the ZIP archive holds no list (.csv, .tsv, .txt, .json, .jsonl or .xml)"
        )
    for info in sorted(lists, key=lambda one: one.filename):
        name = info.filename if len(lists) > 1 else ""
        yield Member(name, _not_packed(unpacked_member(archive, info, meter), name))


def unpacked_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter
) -> Iterator[bytes]:
    """One file of an archive in chunks. Raises ``UnreadableListError``."""
    try:
        with archive.open(info) as member:
            while chunk := member.read(CHUNK):
                meter.add(len(chunk))
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
        raise UnreadableListError(
            f"{info.filename[-100:]!r} in the ZIP archive is damaged, or packed in a way that is"
            " not read"
        ) from None


def _not_packed(chunks: Iterable[bytes], name: str) -> ByteStream:
    """The stream, unless it is packed once more. Raises ``UnreadableListError``."""
    stream = ByteStream(chunks)
    head = stream.peek(262)
    if head[:4] in (_ZIP, _EMPTY_ZIP) or head.startswith(_GZIP) or head[257:262] == b"ustar":
        where = f" ({name[-100:]!r})" if name else ""
        raise UnreadableListError(f"an archive within an archive{where}: unpack it first")
    return stream
