"""How the instructions in ``intrinsics`` are emitted, as numba intrinsics.

Each becomes generic LLVM vector code, which the compiler lowers to whatever the user's processor
has: AVX-512 ``vpopcnt`` where present, shuffles or plain instructions elsewhere. It knows nothing
of indexes.

Functions with a leading underscore follow numba's intrinsic protocol: types in, (signature, code
generator) out. What joins them to their names is declared at the end of the file.
"""

# ruff: noqa: ANN401, ARG001, ARG005 - protocols are untyped and fix arguments
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload, register_jitable

from index.kernels import intrinsics

_BYTE, _HALF, _WORD, _LONG = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_Built = tuple[Any, Any]


def _vector(element: ir.Type, lanes: int) -> ir.VectorType:
    return ir.VectorType(element, lanes)


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _offset(builder: Any, address: Any, index: Any, size: int) -> Any:
    """``address`` and ``index`` elements of ``size`` bytes."""
    return builder.add(address, builder.mul(index, ir.Constant(_LONG, size)))


def _function(module: Any, kind: Any, name: str) -> Any:
    declare: Any = cgutils.get_or_insert_function
    return declare(module, kind, name)


def _splat(builder: Any, value: Any, element: ir.Type, lanes: int) -> Any:
    """A vector with ``value`` in each lane."""
    kind = _vector(element, lanes)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_WORD, 0))
    zeros = ir.Constant(_vector(_WORD, lanes), [0] * lanes)
    return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), zeros)


def _pair(builder: Any, low: Any, high: Any) -> Any:
    """Eight int64 lanes that alternate ``low`` and ``high``."""
    lanes = ir.Constant(_vector(_LONG, 8), ir.Undefined)
    for lane in range(8):
        value = high if lane % 2 else low
        lanes = builder.insert_element(lanes, value, ir.Constant(_WORD, lane))
    return lanes


def _bit_counts(builder: Any, vector: Any, name: str) -> Any:
    kind = vector.type
    function = _function(builder.module, ir.FunctionType(kind, [kind]), f"llvm.ctpop.{name}")
    return builder.call(function, [vector])


def _popcount(_typing: Any, value: Any) -> _Built:
    """The number of set bits of an int64."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.int64), emit


def _lowest_bit(_typing: Any, value: Any) -> _Built:
    """The place of the lowest set bit of a nonzero int64."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit


def _address(_typing: Any, array: Any) -> _Built:
    """Where an array begins."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, _LONG)

    return types.int64(array), emit


def _prefetch(_typing: Any, address: Any) -> _Built:
    """Ask for the cache line at ``address`` to be brought near; never faults."""

    def emit(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _WORD, _WORD, _WORD])
        function = _function(builder.module, kind, "llvm.prefetch.p0")
        # Read, keep in every cache level, data.
        flags = [ir.Constant(_WORD, flag) for flag in (0, 3, 1)]
        builder.call(function, [_pointer(builder, args[0], _BYTE), *flags])
        return context.get_dummy_value()

    return types.void(types.int64), emit


def _loader(element: ir.Type, size: int, align: int) -> Callable[[Any, Any, Any], _Built]:
    """The int64 value of element ``index``, ``size`` bytes each, from ``address``; unsigned."""

    def generate(_typing: Any, address: Any, index: Any) -> _Built:
        def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = _offset(builder, args[0], args[1], size)
            value = builder.load(_pointer(builder, place, element), align=align)
            return value if element == _LONG else builder.zext(value, _LONG)

        return types.int64(types.int64, types.int64), emit

    return generate


def _near_halves(lanes: int) -> Callable[[Any, Any, Any, Any], _Built]:
    """Which of the ``lanes`` uint16 from ``address`` lie within ``bound`` bits of ``word``.

    Bit *i* of the answer is element *i*.
    """

    def generate(_typing: Any, address: Any, word: Any, bound: Any) -> _Built:
        def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            vector = builder.load(_pointer(builder, args[0], _vector(_HALF, lanes)), align=2)
            wanted = _splat(builder, builder.trunc(args[1], _HALF), _HALF, lanes)
            bits = _bit_counts(builder, builder.xor(vector, wanted), f"v{lanes}i16")
            limit = _splat(builder, builder.trunc(args[2], _HALF), _HALF, lanes)
            near = builder.icmp_unsigned("<=", bits, limit)
            return builder.zext(builder.bitcast(near, ir.IntType(lanes)), _LONG)

        return types.int64(*[types.int64] * 3), emit

    return generate


def _sums8(builder: Any, parts: list[tuple[Any, Any]]) -> Any:
    """Distances of eight codes from vectors of alternating halves, each (first four, last four)."""
    totals = []
    for side in (0, 1):
        total = _bit_counts(builder, parts[0][side], "v8i64")
        for part in parts[1:]:
            total = builder.add(total, _bit_counts(builder, part[side], "v8i64"))
        totals.append(total)
    lanes = _vector(_WORD, 8)
    even = builder.shuffle_vector(*totals, ir.Constant(lanes, list(range(0, 16, 2))))
    odd = builder.shuffle_vector(*totals, ir.Constant(lanes, list(range(1, 16, 2))))
    return builder.add(even, odd)


def _xor16(builder: Any, address: Any, row: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Sixteen int64 from row ``row``, two a row, against the query's two words."""
    wanted = _pair(builder, first, second)
    start = _offset(builder, address, row, 16)
    vectors = []
    for side in (0, 1):
        place = builder.add(start, ir.Constant(_LONG, 64 * side))
        loaded = builder.load(_pointer(builder, place, _vector(_LONG, 8)), align=8)
        vectors.append(builder.xor(loaded, wanted))
    return vectors[0], vectors[1]


def _within(builder: Any, halves: list[tuple[Any, Any]], bound: Any) -> Any:
    near = builder.icmp_unsigned("<=", _sums8(builder, halves), _splat(builder, bound, _LONG, 8))
    return builder.zext(builder.bitcast(near, _BYTE), _LONG)


def _near8_by_head(
    _typing: Any, head: Any, row: Any, first: Any, second: Any, bound: Any
) -> _Built:
    """Which of the eight rows from ``row`` lie within ``bound`` bits in their first 128 bits.

    ``head``: address of int64, two a row. Bit *i* of the answer is row *i*.
    """

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _within(builder, [_xor16(builder, *args[:4])], args[4])

    return types.int64(*[types.int64] * 5), emit


def _near8(
    _typing: Any,
    head: Any,
    tail: Any,
    row: Any,
    first: Any,
    second: Any,
    third: Any,
    fourth: Any,
    bound: Any,
) -> _Built:
    """Which of the eight rows from ``row`` lie within ``bound`` bits. Bit *i* is row *i*."""

    def emit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        head, tail, row, first, second, third, fourth, bound = args
        halves = [
            _xor16(builder, head, row, first, second),
            _xor16(builder, tail, row, third, fourth),
        ]
        return _within(builder, halves, bound)

    return types.int64(*[types.int64] * 8), emit


def _of1(emitted: Any) -> Any:
    return lambda a: lambda a: emitted(a)


def _of2(emitted: Any) -> Any:
    return lambda a, b: lambda a, b: emitted(a, b)


def _of3(emitted: Any) -> Any:
    return lambda a, b, c: lambda a, b, c: emitted(a, b, c)


def _of5(emitted: Any) -> Any:
    return lambda a, b, c, d, e: lambda a, b, c, d, e: emitted(a, b, c, d, e)


def _of8(emitted: Any) -> Any:
    return lambda a, b, c, d, e, f, g, h: (
        lambda a, b, c, d, e, f, g, h: emitted(a, b, c, d, e, f, g, h)
    )


_EMITTED: Final = (
    (intrinsics.popcount, _of1, _popcount),
    (intrinsics.lowest_bit, _of1, _lowest_bit),
    (intrinsics.address, _of1, _address),
    (intrinsics.prefetch, _of1, _prefetch),
    (intrinsics.load8, _of2, _loader(_BYTE, 1, 1)),
    (intrinsics.load16, _of2, _loader(_HALF, 2, 2)),
    (intrinsics.load32, _of2, _loader(_WORD, 4, 4)),
    (intrinsics.load64, _of2, _loader(_LONG, 8, 8)),
    (intrinsics.load32_of_3, _of2, _loader(_WORD, 3, 1)),
    (intrinsics.load64_of_1, _of2, _loader(_LONG, 1, 1)),
    (intrinsics.near32, _of3, _near_halves(32)),
    (intrinsics.near16, _of3, _near_halves(16)),
    (intrinsics.near8, _of8, _near8),
    (intrinsics.near8_by_head, _of5, _near8_by_head),
)


@functools.cache
def teach() -> None:
    """Let numba know the instructions, and the functions that are parts of kernels."""
    for part in intrinsics.PARTS:
        register_jitable(part)
    for instruction, of, emitted in _EMITTED:
        overload(instruction)(of(intrinsic(emitted)))
