"""From the kernels' sources to an object file for this processor.

numba turns each into LLVM's language, LLVM into machine code; both come as wheels, and no compiler
is needed on the machine. What numba adds for exceptions is cut off: kernels raise none and
allocate nothing, so that the object needs nothing of numba, nor of Python, to run. ``kernels``
keeps and loads it.

It knows how to compile; not what the functions are for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import llvmlite.binding as llvm
from numba import carray, cfunc  # type: ignore[attr-defined]  # numba does not say it exports them
from numba.core import types
from numba.extending import register_jitable
from numba.np.numpy_support import from_dtype

from index.kernels import layout, permuting, probing, scanning, single
from index.kernels.build.lowering import teach
from index.kernels.build.signatures import KERNELS, PREFIX, Array

_RUNTIME: Final = re.compile(r"^declare (.*@(?:numba_|NRT_|_?Py)\w*\(.*\)).*$", re.MULTILINE)
"""Declarations of what only exceptions and arrays that end need: none here does."""

_ERRORS: Final = re.compile(
    r"^(@PyExc_\w+) = external (?:local_unnamed_addr )?global .*$", re.MULTILINE
)
"""Python's exceptions, which nothing raises either."""

_LIBRARY: Final = frozenset({"memcpy", "memmove", "memset"})
"""What a kernel may need of the C library."""

_TRAP: Final = r"define internal \1 {\n  call void @llvm.trap()\n  unreachable\n}"


_Pointer = Any
"""An address to numba, which has no name in Python's types."""


# Each array comes as its address and its length.


def _answer(
    code: _Pointer,
    n: int,
    fields: _Pointer,
    n2: int,
    shared: _Pointer,
    n3: int,
    memory: _Pointer,
    n4: int,
) -> int:
    return single.answer(
        carray(code, n), carray(fields, n2), carray(shared, n3), carray(memory, n4)
    )


def _probe(
    queries: _Pointer, n: int, fields: _Pointer, n2: int, shared: _Pointer, n3: int,
    first_query: int, last_query: int, first_table: int, last_table: int, desk: _Pointer, n4: int,
    ranges: _Pointer, n5: int, waiting: _Pointer, n6: int, rows: _Pointer, n7: int,
    distances: _Pointer, n8: int, ends: _Pointer, n9: int, plans: _Pointer, n10: int,
) -> int:  # fmt: skip
    return probing.probe(
        carray(queries, n), carray(fields, n2), carray(shared, n3), first_query, last_query,
        first_table, last_table, carray(desk, n4), carray(ranges, n5), carray(waiting, n6),
        carray(rows, n7), carray(distances, n8), carray(ends, n9), carray(plans, n10),
    )  # fmt: skip


def _scan(
    fields: _Pointer, n: int, first_row: int, last_row: int, asked: _Pointer, n2: int, radius: int,
    queries: _Pointer, n3: int, rows: _Pointer, n4: int, distances: _Pointer, n5: int,
    state: _Pointer, n6: int,
) -> int:  # fmt: skip
    return scanning.scan(
        carray(fields, n), first_row, last_row, carray(asked, n2), radius, carray(queries, n3),
        carray(rows, n4), carray(distances, n5), carray(state, n6),
    )  # fmt: skip


def _permute(codes: _Pointer, n: int, out: _Pointer, n2: int) -> int:
    permuting.permute(carray(codes, n), carray(out, n2))
    return 0


def _count_table(codes: _Pointer, n: int, table: int, offsets: _Pointer, n2: int) -> int:
    layout.count_table(carray(codes, n), table, carray(offsets, n2))
    return 0


def _fill_table(
    codes: _Pointer, n: int, table: int, offsets: _Pointer, n2: int, places: _Pointer, n3: int,
    checks: _Pointer, n4: int, rows: _Pointer, n5: int,
) -> int:  # fmt: skip
    layout.fill_table(
        carray(codes, n), table, carray(offsets, n2), carray(places, n3), carray(checks, n4),
        carray(rows, n5),
    )  # fmt: skip
    return 0


def _halve(codes: _Pointer, n: int, head: _Pointer, n2: int, tail: _Pointer, n3: int) -> int:
    layout.halve(carray(codes, n), carray(head, n2), carray(tail, n3))
    return 0


def _find(
    ids: _Pointer,
    n: int,
    order: _Pointer,
    n2: int,
    wanted: _Pointer,
    n3: int,
    out: _Pointer,
    n4: int,
) -> int:
    layout.find(carray(ids, n), carray(order, n2), carray(wanted, n3), carray(out, n4))
    return 0


_FUNCTIONS: Final[dict[str, tuple[Callable[..., int], Callable[..., Any]]]] = {
    "answer": (_answer, single.answer),
    "probe": (_probe, probing.probe),
    "scan": (_scan, scanning.scan),
    "permute": (_permute, permuting.permute),
    "count_table": (_count_table, layout.count_table),
    "fill_table": (_fill_table, layout.fill_table),
    "halve": (_halve, layout.halve),
    "find": (_find, layout.find),
}
"""Name to (the function with an interface of numbers alone, the kernel it calls)."""


def object_file() -> bytes:
    """All of ``KERNELS`` for this processor, each under its name. Takes half a minute."""
    teach()
    whole = llvm.parse_assembly("")
    for name, taken in KERNELS.items():
        function, kernel = _FUNCTIONS[name]
        register_jitable(kernel)
        whole.link_in(_module(name, function, taken))
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="jitdefault",
        jit=True,
    )
    written: bytes = machine.emit_object(whole)
    return written


def _module(name: str, function: Callable[..., int], taken: Sequence[Array | None]) -> Any:  # noqa: ANN401
    """``function`` in LLVM's language: one symbol, which needs nothing from elsewhere."""
    kinds: list[Any] = []
    for one in taken:
        if one is not None:
            kinds.append(types.CPointer(from_dtype(one.dtype)))  # type: ignore[no-untyped-call]
        kinds.append(types.int64)
    compiled = cfunc(types.int64(*kinds))(function)
    module = llvm.parse_assembly(_alone(compiled.inspect_llvm()))
    for part in (*module.functions, *module.global_variables):
        if part.name == compiled.native_name:
            part.name = PREFIX + name
        elif not part.is_declaration:
            part.linkage = "internal"
    module.verify()
    needed = {
        part.name
        for part in (*module.functions, *module.global_variables)
        if part.is_declaration and not part.name.startswith("llvm.")
    }
    if needed - _LIBRARY:
        raise AssertionError(f"kernel {name} needs {sorted(needed - _LIBRARY)}")
    return module


def _alone(text: str) -> str:
    """LLVM's ``text`` with a trap for each function of the runtime that it declares."""
    if "@NRT_MemInfo_alloc" in text:
        raise AssertionError("a kernel allocates memory")
    text = _ERRORS.sub(r"\1 = internal global ptr null", text)
    return _RUNTIME.sub(_TRAP, text) + "\ndeclare void @llvm.trap()\n"
