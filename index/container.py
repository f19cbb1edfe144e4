"""Arrays in a file: written once, checksummed, mapped into memory when read.

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
folder is forced to disk too. Every byte that is used is covered by a checksum and verified before
use. It knows nothing of what the arrays mean.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from index.errors import DamagedFileError
from index.intrinsics import PADDING
from index.kernels import kernels

_PREFIX: Final = struct.Struct("<8sQQ")
_ALIGNMENT: Final = 4096
_LONGEST_HEADER: Final = 1 << 24
_TYPES: Final = frozenset({"uint8", "uint16", "uint32", "int32", "int64"})
_WRITE: Final = 1 << 24
"""Bytes handed to one write call."""


@dataclass(frozen=True)
class Contents:
    """What a file holds."""

    fields: Mapping[str, Any]
    """The header without its parts."""
    parts: Mapping[str, NDArray[Any]]
    """Read-only one-dimensional arrays, mapped."""
    header_xxh64: str
    """16 hex digits: names this very content, since the header holds the parts' checksums."""


def checksum(array: NDArray[Any]) -> str:
    """XXH64 of an array's bytes, 16 hex digits."""
    value = kernels().xxh64(array.reshape(-1).view(np.uint8))
    return f"{value & (1 << 64) - 1:016x}"


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
    """Map a file and verify all of it;

    else ``DamagedFileError``. Raises ``OSError`` if it is not there.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _PREFIX.size:
            raise DamagedFileError(f"{path.name}: only {size} bytes long")
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    magic, length, stated = _PREFIX.unpack_from(mapped)
    if magic != _magic(kind):
        raise DamagedFileError(f"{path.name}: does not start as a file of kind {kind} does")
    if length > min(_LONGEST_HEADER, size - _PREFIX.size):
        raise DamagedFileError(f"{path.name}: the header would be {length} bytes long")
    whole = np.frombuffer(mapped, np.uint8)
    header = whole[_PREFIX.size : _PREFIX.size + length]
    if checksum(header) != f"{stated:016x}":
        raise DamagedFileError(f"{path.name}: the header fails its checksum")
    # Only what a checksum vouches for is parsed.
    fields = json.loads(header.tobytes())
    described = fields.pop("parts")
    parts = {name: _part(path, whole, part) for name, part in described.items()}
    wanted = [(name, parts[name], part["xxh64"]) for name, part in described.items()]
    with ThreadPoolExecutor(threads) as pool:
        damaged = sorted(name for name in pool.map(_mismatch, wanted) if name)
    if damaged:
        raise DamagedFileError(f"{path.name}: {', '.join(damaged)} fails its checksum")
    return Contents(fields, parts, f"{stated:016x}")


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


def _part(path: Path, whole: NDArray[np.uint8], part: Mapping[str, Any]) -> NDArray[Any]:
    at, size, kind = int(part["at"]), int(part["size"]), str(part["type"])
    if kind not in _TYPES or at % _ALIGNMENT or size % np.dtype(kind).itemsize:
        raise DamagedFileError(f"{path.name}: a part is of no type or place known")
    if at < _PREFIX.size or size < 0 or at + size + PADDING > len(whole):
        raise DamagedFileError(f"{path.name}: shorter than its parts")
    return whole[at : at + size].view(kind)


def _mismatch(wanted: tuple[str, NDArray[Any], str]) -> str:
    """The part's name if it fails its checksum, else nothing."""
    name, array, stated = wanted
    return "" if checksum(array) == stated else name
