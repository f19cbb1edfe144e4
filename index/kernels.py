"""The compiled searches: machine code for this processor, made once and kept.

``warm_up`` compiles everything, or loads what an earlier start left in numba's cache beside the
sources (or under ``NUMBA_CACHE_DIR``). Where no cache can be written, as on a read-only file
system, it compiles anew at each start, in seconds. It must have run before the first query;
``kernels`` runs it if need be, so that nothing is ever compiled twice in a process. No compiler is
needed on the machine: LLVM comes inside llvmlite.

Signatures are declared with read-only inputs, since a memory-mapped array is one, and numba takes
such an array for another type. It knows how to compile; not what the functions are for.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
from numba.core import types

from index import (
    answering,
    checksum,
    intrinsics,
    naming,
    permuting,
    probing,
    scanning,
    sorting,
)


def _input(element: types.Type) -> types.Array:
    return types.Array(element, 1, "C", readonly=True)


def _output(element: types.Type) -> types.Array:
    return types.Array(element, 1, "C")


_LONG, _BYTE, _HALF, _WORD = types.int64, types.uint8, types.uint16, types.uint32


@dataclass(frozen=True)
class Kernels:
    """Compiled functions, each as documented where it is written.

    All release the interpreter lock.
    """

    answer: Callable[..., int]
    probe: Callable[..., int]
    scan: Callable[..., int]
    permute: Callable[..., None]
    count_table: Callable[..., None]
    fill_table: Callable[..., None]
    halve: Callable[..., None]
    find: Callable[..., None]
    xxh64: Callable[..., int]


def _signatures() -> dict[str, tuple[Callable[..., Any], Any]]:
    """Name to (function, signature) of every kernel."""
    number, longs, out = _LONG, _input(_LONG), _output(_LONG)
    codes = types.Array(_BYTE, 2, "C", readonly=True)
    words, halves, bytes_ = _output(_WORD), _output(_HALF), _output(_BYTE)
    return {
        "answer": (answering.answer, number(codes, longs, longs, out)),
        "probe": (
            probing.probe,
            number(longs, longs, longs, number, number, number, number, *[out] * 6),
        ),
        "scan": (scanning.scan, number(longs, number, number, longs, number, *[out] * 4)),
        "permute": (permuting.permute, types.void(codes, out)),
        "count_table": (sorting.count_table, types.void(longs, number, words)),
        "fill_table": (
            sorting.fill_table,
            types.void(longs, number, _input(_WORD), words, halves, bytes_),
        ),
        "halve": (sorting.halve, types.void(longs, out, out)),
        "find": (sorting.find, types.void(longs, _input(_WORD), longs, out)),
        "xxh64": (checksum.xxh64, number(_input(_BYTE))),
    }


def _version() -> str:
    """A digest of the kernels' sources.

    It becomes part of the cached functions' names: numba itself notices a change in a function's
    own file only, not in what it calls.
    """
    digest = hashlib.sha256()
    for module in (
        *(answering, checksum, intrinsics, naming),
        *(permuting, probing, scanning, sorting),
    ):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:12]


def _compile(version: str) -> Kernels:
    return Kernels(
        **{
            name: compiled(function, signature, version)
            for name, (function, signature) in _signatures().items()
        }
    )


def compiled(function: Callable[..., Any], signature: Any, version: str) -> Any:  # noqa: ANN401 - untyped
    """``function`` as machine code, from the cache if it holds this ``version``."""
    function.__qualname__ = f"{function.__name__}_{version}"
    try:
        return numba.njit(signature, nogil=True, cache=True)(function)
    except (RuntimeError, OSError):
        # No place to keep the cache, or no room in it: the code itself is as good.
        return numba.njit(signature, nogil=True)(function)


_lock = threading.Lock()
_ready: list[Kernels] = []


def kernels() -> Kernels:
    """The compiled kernels; compiles them if that has not been done."""
    if not _ready:
        with _lock:
            if not _ready:
                _ready.append(_compile(_version()))
    return _ready[0]


def warm_up() -> None:
    """Compile every kernel, or load it from the cache. Call it at start, never inside a request."""
    kernels()
