"""The compiled searches: machine code for this processor, made once and kept.

``warm_up`` loads what an earlier start left (see ``machine_code``). If there is nothing,
``compiling`` makes it, in half a minute; where no cache can be written, as on a read-only file
system, it does so at each start. It must have run before the first query; ``kernels`` runs it if
need be, so that nothing is ever compiled twice in a process. LLVM loads the object file in
milliseconds, without numba, whose import takes longer than mapping ten million codes.

It knows how kernels are called; not what they are for.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from index.kernels import intrinsics, layout, matches, permuting, probing, scanning, single
from index.kernels.build import machine_code
from index.kernels.build.signatures import KERNELS, PREFIX, Array


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


def _sources() -> bytes:
    """What the machine code depends on, as the files are now: SHA-256."""
    digest = hashlib.sha256()
    modules = (single, intrinsics, matches, permuting, probing, scanning, layout)
    own = (
        Path(__file__).with_name(name) for name in ("signatures.py", "compiling.py", "lowering.py")
    )
    for path in (*(Path(str(module.__file__)) for module in modules), *own):
        digest.update(path.read_bytes())
    return digest.digest()


_IMPORTED: Final = _sources()
"""As they were when they were imported: files may change while a process runs."""


def key() -> str:
    """Names the machine code that these sources become on this processor: 16 hex digits.

    Another name once the files are not what was imported.
    """
    now = _sources()
    digest = hashlib.sha256(_IMPORTED + (b"" if now == _IMPORTED else now))
    digest.update(importlib.metadata.version("llvmlite").encode())
    digest.update(llvm.get_host_cpu_name().encode())
    digest.update(llvm.get_host_cpu_features().flatten().encode())
    return digest.hexdigest()[:16]


def _compiled() -> bytes:
    from index.kernels.build.compiling import object_file  # brings numba

    return object_file()


def _load() -> tuple[Kernels, object]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    code = machine_code.kept(key, _compiled, machine_code.folders())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    loaded = {}
    for name, taken in KERNELS.items():
        address = engine.get_function_address(PREFIX + name)
        if not address:
            raise RuntimeError(f"the machine code has no {name}")
        loaded[name] = Kernel(address, taken)
    return Kernels(**loaded), engine  # the code lives as long as the engine


_lock = threading.Lock()
_ready: list[tuple[Kernels, object]] = []
_failed: list[Exception] = []


def kernels() -> Kernels:
    """The compiled kernels; compiles them if that has not been done.

    What failed once in a process fails again at once: it is tried a single time.
    """
    if not _ready:
        with _lock:
            if _failed:
                raise RuntimeError("kernels could not be loaded") from _failed[0]
            if not _ready:
                try:
                    _ready.append(_load())
                except Exception as failure:
                    _failed.append(failure)
                    raise
    return _ready[0][0]


def warm_up() -> None:
    """Load every kernel, or compile it. Call it at start, never inside a request."""
    kernels()
