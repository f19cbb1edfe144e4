"""The compiled searches: machine code for this processor, made once and kept.

``warm_up`` loads what an earlier start left in ``__pycache__`` beside the sources or, where that
cannot be written, in the user's cache folder (``XDG_CACHE_HOME``, else ``~/.cache``). If there is
nothing, ``compiling`` makes it, in half a minute; where no cache can be written, as on a read-only
file system, it does so at each start. It must have run before the first query; ``kernels`` runs it
if need be, so that nothing is ever compiled twice in a process.

What is kept is an object file in a file of its own format, ``kernels-KEY.bin``::

    0       8   magic: "LKOBJ1" and two newlines
    8      32   SHA-256 of the rest
    40     ...  the object file, as LLVM wrote it

KEY names the kernels' sources, the compiler's version and the processor. LLVM loads it in
milliseconds, without numba, whose import takes longer than mapping ten million codes. It is code:
a file that another user than this one, or than the sources' owner, could have written is not
loaded.

It knows how kernels are called; not what they are for.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from index import answering, checksum, intrinsics, naming, permuting, probing, scanning, sorting

PREFIX: Final = "lookalike_"
"""How the object's symbols begin."""

_MAGIC: Final = b"LKOBJ1\n\n"
_DIGEST: Final = 32


@dataclass(frozen=True)
class Array:
    """An argument that is an array: one dimension or more, C-contiguous."""

    dtype: np.dtype[Any]
    written: bool = False


_CODES, _LONGS = Array(np.dtype(np.uint8)), Array(np.dtype(np.int64))
_WORDS = Array(np.dtype(np.uint32))
_TO_BYTES, _TO_HALVES = Array(np.dtype(np.uint8), True), Array(np.dtype(np.uint16), True)
_TO_WORDS, _TO_LONGS = Array(np.dtype(np.uint32), True), Array(np.dtype(np.int64), True)
_NUMBER: Final = None

KERNELS: Final[Mapping[str, Sequence[Array | None]]] = {
    "answer": (_CODES, _LONGS, _LONGS, _TO_LONGS),
    "probe": (*[_LONGS] * 3, *[_NUMBER] * 4, *[_TO_LONGS] * 7),
    "scan": (_LONGS, _NUMBER, _NUMBER, _LONGS, _NUMBER, *[_TO_LONGS] * 4),
    "permute": (_CODES, _TO_LONGS),
    "count_table": (_LONGS, _NUMBER, _TO_WORDS),
    "fill_table": (_LONGS, _NUMBER, _WORDS, _TO_WORDS, _TO_HALVES, _TO_BYTES),
    "halve": (_LONGS, _TO_LONGS, _TO_LONGS),
    "find": (_LONGS, _WORDS, _LONGS, _TO_LONGS),
    "xxh64": (_CODES,),
}
"""Every kernel's arguments, in order: arrays, and whole numbers where there is ``None``."""


class Kernel:
    """A compiled function, as documented where it is written. Releases the interpreter lock."""

    __slots__ = ("_taken", "at")

    def __init__(self, address: int, taken: Sequence[Array | None]) -> None:
        """``address``: of the machine code."""
        self._taken = taken
        numbers = sum(1 if one is None else 2 for one in taken)
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * numbers)
        self.at: Callable[..., int] = kind(address)
        """The function itself; for each array, its address and its length in elements."""

    def __call__(self, *given: NDArray[Any] | int) -> int:
        """Call it; ``TypeError`` if an array is not what it takes."""
        numbers: list[int] = []
        for value, taken in zip(given, self._taken, strict=True):
            if taken is None:
                numbers.append(value)  # type: ignore[arg-type]  # a number, else ctypes refuses it
                continue
            _check(value, taken)
            numbers += (value.ctypes.data, value.size)  # type: ignore[union-attr]  # checked
        return self.at(*numbers)


def _check(value: object, taken: Array) -> None:
    if not isinstance(value, np.ndarray) or value.dtype != taken.dtype:
        raise TypeError(f"a kernel takes {taken.dtype}, not {getattr(value, 'dtype', type(value))}")
    if not value.flags.c_contiguous or (taken.written and not value.flags.writeable):
        raise TypeError("a kernel takes arrays in one piece, and writes to writable ones only")


@dataclass(frozen=True)
class Kernels:
    """Every kernel."""

    answer: Kernel
    probe: Kernel
    scan: Kernel
    permute: Kernel
    count_table: Kernel
    fill_table: Kernel
    halve: Kernel
    find: Kernel
    xxh64: Kernel


def key() -> str:
    """Names the machine code that these sources become on this processor: 16 hex digits."""
    digest = hashlib.sha256()
    for module in (
        *(answering, checksum, intrinsics, naming),
        *(permuting, probing, scanning, sorting),
    ):
        digest.update(Path(str(module.__file__)).read_bytes())
    for name in ("kernels.py", "compiling.py", "lowering.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    for package in ("numba", "llvmlite"):
        digest.update(importlib.metadata.version(package).encode())
    digest.update(llvm.get_host_cpu_name().encode())
    digest.update(llvm.get_host_cpu_features().flatten().encode())
    return digest.hexdigest()[:16]


def folders() -> tuple[Path, ...]:
    """Where machine code is looked for and kept, the first first."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(__file__).parent / "__pycache__", Path(cache) / "lookalike"


def machine_code(places: Sequence[Path], compiled: Callable[[], bytes]) -> bytes:
    """The object file from one of ``places``; else ``compiled`` makes it, and it is kept there."""
    name = f"kernels-{key()}.bin"
    for place in places:
        kept = _read(place / name)
        if kept:
            return kept
    made = compiled()
    for place in places:
        with contextlib.suppress(OSError):
            _write(place / name, made)
            break
    return made


def _read(path: Path) -> bytes:
    """The object file in ``path``; empty where there is none that can be trusted."""
    try:
        owner, data = path.stat(), path.read_bytes()
    except OSError:
        return b""
    trusted = {os.getuid(), Path(__file__).stat().st_uid}
    if owner.st_uid not in trusted or owner.st_mode & 0o022:
        return b""
    start = len(_MAGIC) + _DIGEST
    whole = data[:start] == _MAGIC + hashlib.sha256(data[start:]).digest()
    return data[start:] if whole else b""


def _write(path: Path, made: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(_MAGIC + hashlib.sha256(made).digest() + made)
            file.flush()
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def _compiled() -> bytes:
    from index.compiling import object_file  # brings numba

    return object_file()


_lock = threading.Lock()
_ready: list[tuple[Kernels, object]] = []


def _load() -> tuple[Kernels, object]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code(folders(), _compiled)))
    engine.finalize_object()
    loaded = {
        name: Kernel(engine.get_function_address(PREFIX + name), taken)
        for name, taken in KERNELS.items()
    }
    return Kernels(**loaded), engine  # the code lives as long as the engine


def kernels() -> Kernels:
    """The compiled kernels; compiles them if that has not been done."""
    if not _ready:
        with _lock:
            if not _ready:
                _ready.append(_load())
    return _ready[0][0]


def warm_up() -> None:
    """Load every kernel, or compile it. Call it at start, never inside a request."""
    kernels()
