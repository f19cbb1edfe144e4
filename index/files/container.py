"""Arrays in a file: written once, checksummed, copied into memory when read.

All numbers are little-endian. Byte by byte::

    0       8   magic: the five bytes "LKIDX", a kind ("S" segment, "M" manifest), the format
                version (1), a newline (damaged by transfers that rewrite line ends)
    8       8   H, the length of the header, uint64
    16      8   XXH64, seed 0, of the header, uint64
    24      H   the header: one JSON object, UTF-8; "parts" maps each part's name to its first
                byte ("at", a multiple of 4096), length in bytes ("size"), NumPy type ("type")
                and XXH64 as 16 hex digits ("xxh64"); the rest is the writer's own
    ...         zeros up to the first part; each part is followed by at least 128 zero bytes,
                so that vector instructions may read past its end

A file appears whole or not at all: it is written beside its name, forced to disk, renamed, and the
folder is forced to disk too. Every byte that is used is covered by a checksum, and what is verified
is what was copied into this process's own memory: whatever becomes of a file that was read (zeroed,
truncated, deleted, on a disk that fails), nothing that is searched changes, and nobody is killed by
a page that is gone. Mapping would start sooner and let processes share memory, and give both away:
docs/benchmarks.md has the figures. It knows nothing of what the arrays mean.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from index.contract.errors import DamagedFileError
from index.contract.numbered import Pace
from index.files.memory import allocated
from index.kernels.intrinsics import PADDING

_PREFIX: Final = struct.Struct("<8sQQ")
_ALIGNMENT: Final = 4096
_LONGEST_HEADER: Final = 1 << 24
_TYPES: Final = frozenset({"uint8", "uint16", "uint32", "uint64", "int32", "int64"})
_WRITE: Final = 1 << 24
"""Bytes handed to one write call."""
_READ: Final = 1 << 20
"""Bytes taken by one read call: they are still in the core's cache when they are summed up."""


@dataclass(frozen=True)
class Contents:
    """What a file holds."""

    fields: Mapping[str, Any]
    """The header without its parts."""
    parts: Mapping[str, NDArray[Any]]
    """Read-only one-dimensional arrays, in memory of this process alone."""
    header_xxh64: str
    """16 hex digits: names this very content, since the header holds the parts' checksums."""


def checksum(array: NDArray[Any]) -> str:
    """XXH64 of an array's bytes, 16 hex digits."""
    return xxhash.xxh64_hexdigest(array.reshape(-1).view(np.uint8).data)


def write(
    path: Path, kind: str, fields: Mapping[str, Any], parts: Mapping[str, NDArray[Any]]
) -> str:
    """Write a file and return its header's checksum.

    Raises ``OSError`` and leaves no file behind.
    """
    described: dict[str, dict[str, Any]] = {}
    at = 0
    arrays = {name: np.ascontiguousarray(array).reshape(-1) for name, array in parts.items()}
    # Places and the header's length depend on each other: count places from the first part.
    for name, array in arrays.items():
        described[name] = {
            "at": at,
            "size": array.nbytes,
            "type": str(array.dtype),
            "xxh64": checksum(array),
        }
        at = _aligned(at + array.nbytes + PADDING)
    start = _aligned(_PREFIX.size + len(_header(fields, described, 0)) + 32 * len(described))
    header = _header(fields, described, start)
    header_xxh64 = checksum(np.frombuffer(header, np.uint8))
    beside = path.with_name(path.name + ".tmp")
    try:
        with open(beside, "wb", opener=_private) as file:
            file.write(_PREFIX.pack(_magic(kind), len(header), int(header_xxh64, 16)))
            file.write(header)
            for name, array in arrays.items():
                _fill_to(file, start + described[name]["at"])
                file.writelines(_pieces(array))
            _fill_to(file, start + at)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return header_xxh64


def read(path: Path, kind: str, threads: int = 1) -> Contents:
    """Copy a file into memory and verify the copy, on so many threads.

    Raises ``DamagedFileError`` if it is not what was written, and ``OSError`` if it is not there.
    """
    with path.open("rb", buffering=0) as file:
        opened = _opened(path, file, kind)

        def copied(part: _Described) -> NDArray[Any]:
            array = allocated(part.size // np.dtype(part.type).itemsize, part.type)
            _verified(path, file, part, array.view(np.uint8).data, lambda _: None)
            array.flags.writeable = False
            return array

        with ThreadPoolExecutor(threads) as pool:
            arrays = list(pool.map(copied, opened.parts))
    parts = {part.name: array for part, array in zip(opened.parts, arrays, strict=True)}
    return Contents(opened.fields, parts, opened.header_xxh64)


def header(path: Path, kind: str) -> Mapping[str, Any]:
    """The header of a file without its parts, which are not looked at; raises as ``read``."""
    with path.open("rb", buffering=0) as file:
        return _opened(path, file, kind).fields


def verify(path: Path, kind: str, pace: Pace = lambda _: None) -> str:
    """Read a file and return its header's checksum; raises as ``read``, and whatever ``pace``
    does."""
    buffer = memoryview(bytearray(_READ))
    with path.open("rb", buffering=0) as file:
        opened = _opened(path, file, kind)
        for part in opened.parts:
            _verified(path, file, part, buffer, pace)
    return opened.header_xxh64


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _magic(kind: str) -> bytes:
    return b"LKIDX" + kind.encode() + b"\x01\n"


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT


def _header(
    fields: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]], start: int
) -> bytes:
    moved = {name: {**part, "at": start + part["at"]} for name, part in described.items()}
    return json.dumps({**fields, "parts": moved}, sort_keys=True).encode()


def _private(name: str, flags: int) -> int:
    """Listed codes are sensitive: only the owner reads them."""
    return os.open(name, flags, 0o600)


def _fill_to(file: BinaryIO, place: int) -> None:
    file.write(bytes(place - file.tell()))


def _pieces(array: NDArray[Any]) -> Iterable[memoryview]:
    view = array.view(np.uint8).data
    return (view[at : at + _WRITE] for at in range(0, len(view), _WRITE))


@dataclass(frozen=True)
class _Described:
    """A part, as the header has it."""

    name: str
    at: int
    size: int
    type: str
    xxh64: str


@dataclass(frozen=True)
class _Opened:
    """What a file's header says, after its checksum vouched for it."""

    fields: Mapping[str, Any]
    parts: tuple[_Described, ...]
    header_xxh64: str


def _opened(path: Path, file: FileIO, kind: str) -> _Opened:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size:
        raise DamagedFileError(f"{path.name}: only {size} bytes long")
    magic, length, stated = _PREFIX.unpack(prefix)
    if magic != _magic(kind):
        raise DamagedFileError(f"{path.name}: does not start as a file of kind {kind} does")
    if length > min(_LONGEST_HEADER, size - _PREFIX.size):
        raise DamagedFileError(f"{path.name}: the header would be {length} bytes long")
    header = file.read(length)
    if xxhash.xxh64_intdigest(header) != stated:
        raise DamagedFileError(f"{path.name}: the header fails its checksum")
    # Only what a checksum vouches for is parsed.
    fields = json.loads(header)
    described = fields.pop("parts")
    parts = tuple(_described(path, size, name, part) for name, part in described.items())
    return _Opened(fields, parts, f"{stated:016x}")


def _described(path: Path, whole: int, name: str, part: Mapping[str, Any]) -> _Described:
    at, size, kind = int(part["at"]), int(part["size"]), str(part["type"])
    if kind not in _TYPES or at % _ALIGNMENT or size % np.dtype(kind).itemsize:
        raise DamagedFileError(f"{path.name}: a part is of no type or place known")
    if at < _PREFIX.size or size < 0 or at + size + PADDING > whole:
        raise DamagedFileError(f"{path.name}: shorter than its parts")
    return _Described(name, at, size, kind, str(part["xxh64"]))


def _verified(path: Path, file: FileIO, part: _Described, into: memoryview, pace: Pace) -> None:
    """Read a part into ``into``, again and again from its beginning if it is shorter."""
    summed, done = xxhash.xxh64(), 0
    while done < part.size:
        place = done % len(into)
        piece = into[place : place + min(_READ, part.size - done)]
        # At a place: threads share the file.
        got = os.preadv(file.fileno(), [piece], part.at + done)
        if not got:
            raise DamagedFileError(f"{path.name}: shorter than its parts")
        summed.update(piece[:got])
        done += got
        pace(got)
    if summed.hexdigest() != part.xxh64:
        raise DamagedFileError(f"{path.name}: {part.name} fails its checksum")
