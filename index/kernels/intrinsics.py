"""The machine instructions the kernels need and NumPy does not name.

Here they have names, types and meanings; ``lowering`` says how they are emitted when kernels are
compiled, and nothing but compiled code can call them. Memory is named by address, so that a kernel
takes one array of addresses and not twenty arrays; callers guarantee that it exists and stays
(arrays end in ``PADDING`` spare bytes for vector loads). An address is an int. It knows nothing of
indexes, and needs no compiler to be imported.
"""

# ruff: noqa: ARG001 - what is said here is names and types
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from numpy.typing import NDArray

PADDING: Final = 128
"""Bytes that may be read, and ignored, beyond the last element of an array handed to a kernel."""

PARTS: Final[list[Callable[..., Any]]] = []
"""Functions marked ``inlined``: of every kernel module imported so far."""

_F = TypeVar("_F", bound=Callable[..., Any])


def inlined(function: _F) -> _F:
    """Mark a function as a part of kernels: it is compiled where one calls it, not before."""
    PARTS.append(function)
    return function


class NotCompiledError(TypeError):
    """An instruction was called as a Python function."""


def popcount(value: int) -> int:
    """The number of set bits of an int64."""
    raise NotCompiledError


def lowest_bit(value: int) -> int:
    """The place of the lowest set bit of a nonzero int64."""
    raise NotCompiledError


def address(array: NDArray[Any]) -> int:
    """Where an array begins."""
    raise NotCompiledError


def prefetch(address: int) -> None:
    """Ask for the cache line at ``address`` to be brought near; never faults."""
    raise NotCompiledError


def load8(address: int, index: int) -> int:
    """Byte ``index`` from ``address``."""
    raise NotCompiledError


def load16(address: int, index: int) -> int:
    """The uint16 number ``index`` from ``address``."""
    raise NotCompiledError


def load32(address: int, index: int) -> int:
    """The uint32 number ``index`` from ``address``."""
    raise NotCompiledError


def load64(address: int, index: int) -> int:
    """The int64 number ``index`` from ``address``."""
    raise NotCompiledError


def load32_of_3(address: int, index: int) -> int:
    """Four bytes from ``3 * index``: numbers of 24 bits, and a byte too many."""
    raise NotCompiledError


def load64_of_1(address: int, index: int) -> int:
    """Eight bytes from byte ``index``, wherever that is."""
    raise NotCompiledError


def near32(address: int, word: int, bound: int) -> int:
    """Which of the 32 uint16 from ``address`` lie within ``bound`` bits of ``word``: bit by bit."""
    raise NotCompiledError


def near16(address: int, word: int, bound: int) -> int:
    """The same of 16."""
    raise NotCompiledError


def near8(
    head: int, tail: int, row: int, first: int, second: int, third: int, fourth: int, bound: int
) -> int:
    """Which of the eight rows from ``row`` lie within ``bound`` bits; bit *i* is row *i*.

    ``head`` and ``tail``: addresses of int64, two a row; ``first`` to ``fourth``: the query.
    """
    raise NotCompiledError


def near8_by_head(head: int, row: int, first: int, second: int, bound: int) -> int:
    """The same by the first 128 bits alone."""
    raise NotCompiledError
