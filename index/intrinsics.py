"""The machine instructions the kernels need and NumPy does not name, as numba intrinsics.

Each is emitted as generic LLVM vector code, so the compiler lowers it to whatever the user's
processor has: AVX-512 ``vpopcnt`` where present, shuffles or plain instructions elsewhere. Loads
skip numba's check for negative indices; callers guarantee that what they read exists (arrays end in
``PADDING`` spare bytes for that). It knows nothing of indexes.

The functions with a leading underscore follow numba's intrinsic protocol: types in, (signature,
code generator) out. What kernels call is declared at the end of the file.
"""

# ruff: noqa: ANN401, ARG001 - the intrinsic protocol is untyped and fixes the arguments
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

PADDING: Final = 128
"""Bytes that may be read, and ignored, beyond the last element of an array handed to a kernel."""

_BYTE, _HALF, _WORD, _LONG = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_Built = tuple[Any, Any]


def _function(module: Any, kind: Any, name: str) -> Any:
    declare: Any = cgutils.get_or_insert_function
    return declare(module, kind, name)


def _vector(element: ir.Type, lanes: int) -> ir.VectorType:
    return ir.VectorType(element, lanes)


def _at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The address of element ``index`` of an array argument."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


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


def _loaded_vector(builder: Any, address: Any, element: ir.Type, lanes: int, align: int) -> Any:
    pointer = builder.bitcast(address, _vector(element, lanes).as_pointer())
    return builder.load(pointer, align=align)


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


def _prefetch(_typing: Any, array: Any, index: Any) -> _Built:
    """Ask for the cache line of ``array[index]`` to be brought near; never faults."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = builder.bitcast(
            _at(context, builder, signature.args[0], args[0], args[1]), _BYTE.as_pointer()
        )
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _WORD, _WORD, _WORD])
        function = _function(builder.module, kind, "llvm.prefetch.p0")
        # Read, keep in every cache level, data.
        builder.call(function, [address, *(ir.Constant(_WORD, flag) for flag in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.int64), emit


def _load(_typing: Any, array: Any, index: Any) -> _Built:
    """``array[index]`` as an int64, for an index known to be in range; small types are unsigned."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_at(context, builder, signature.args[0], args[0], args[1]))
        return value if value.type == _LONG else builder.zext(value, _LONG)

    return types.int64(array, types.int64), emit


def _load24(_typing: Any, array: Any, index: Any) -> _Built:
    """The 24-bit little-endian number in bytes ``3 * index`` and on; reads one byte more."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = builder.mul(args[1], ir.Constant(_LONG, 3))
        address = _at(context, builder, signature.args[0], args[0], start)
        word = builder.load(builder.bitcast(address, _WORD.as_pointer()), align=1)
        return builder.and_(builder.zext(word, _LONG), ir.Constant(_LONG, 0xFFFFFF))

    return types.int64(array, types.int64), emit


def _load64(_typing: Any, array: Any, index: Any) -> _Built:
    """The int64 in bytes ``index`` to ``index + 7`` of a uint8 array, wherever that starts."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _at(context, builder, signature.args[0], args[0], args[1])
        return builder.load(builder.bitcast(address, _LONG.as_pointer()), align=1)

    return types.int64(array, types.int64), emit


def _near32(_typing: Any, array: Any, index: Any, word: Any, bound: Any) -> _Built:
    """Which of the 32 uint16 from ``array[index]`` lie within ``bound`` bits of ``word``.

    Bit *i* of the answer is element *i*.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _at(context, builder, signature.args[0], args[0], args[1])
        vector = _loaded_vector(builder, address, _HALF, 32, 2)
        wanted = _splat(builder, builder.trunc(args[2], _HALF), _HALF, 32)
        bits = _bit_counts(builder, builder.xor(vector, wanted), "v32i16")
        limit = _splat(builder, builder.trunc(args[3], _HALF), _HALF, 32)
        near = builder.icmp_unsigned("<=", bits, limit)
        return builder.zext(builder.bitcast(near, _WORD), _LONG)

    return types.int64(array, types.int64, types.int64, types.int64), emit


def _sums8(builder: Any, parts: list[tuple[Any, Any]]) -> Any:
    """Distances of eight codes from vectors of alternating halves:

    ``parts`` holds (first, second).
    """
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


def _near8_by_head(
    _typing: Any, head: Any, row: Any, first: Any, second: Any, bound: Any
) -> _Built:
    """Which of the eight rows from ``row`` lie within ``bound`` bits in their first 128 bits.

    ``head``: int64, two a row. Bit *i* of the answer is row *i*.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        halves = _xor16(context, builder, signature.args[0], args[0], args[1], args[2], args[3])
        near = builder.icmp_unsigned(
            "<=", _sums8(builder, [halves]), _splat(builder, args[4], _LONG, 8)
        )
        return builder.zext(builder.bitcast(near, _BYTE), _LONG)

    return types.int64(head, *[types.int64] * 4), emit


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

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        halves = [
            _xor16(context, builder, kinds[0], args[0], args[2], args[3], args[4]),
            _xor16(context, builder, kinds[1], args[1], args[2], args[5], args[6]),
        ]
        near = builder.icmp_unsigned(
            "<=", _sums8(builder, halves), _splat(builder, args[7], _LONG, 8)
        )
        return builder.zext(builder.bitcast(near, _BYTE), _LONG)

    return types.int64(head, tail, *[types.int64] * 6), emit


def _xor16(
    context: Any, builder: Any, kind: Any, array: Any, row: Any, first: Any, second: Any
) -> tuple[Any, Any]:
    """Sixteen int64 from row ``row``, two a row, against the query's two words."""
    wanted = _pair(builder, first, second)
    start = builder.shl(row, ir.Constant(_LONG, 1))
    vectors = []
    for side in (0, 1):
        place = builder.add(start, ir.Constant(_LONG, 8 * side))
        address = _at(context, builder, kind, array, place)
        vectors.append(builder.xor(_loaded_vector(builder, address, _LONG, 8, 8), wanted))
    return vectors[0], vectors[1]


def _declared(generator: Any) -> Any:
    return intrinsic(generator)


# The types are those kernels see; numba reads none of this.
_Array = NDArray[Any]

popcount: Final[Callable[[int], int]] = _declared(_popcount)
lowest_bit: Final[Callable[[int], int]] = _declared(_lowest_bit)
prefetch: Final[Callable[[_Array, int], None]] = _declared(_prefetch)
load: Final[Callable[[_Array, int], int]] = _declared(_load)
load24: Final[Callable[[_Array, int], int]] = _declared(_load24)
load64: Final[Callable[[_Array, int], int]] = _declared(_load64)
near32: Final[Callable[[_Array, int, int, int], int]] = _declared(_near32)
near8: Final[Callable[[_Array, _Array, int, int, int, int, int, int], int]] = _declared(_near8)
near8_by_head: Final[Callable[[_Array, int, int, int, int], int]] = _declared(_near8_by_head)
