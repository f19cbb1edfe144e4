"""XXH64, seed 0: the checksum of files, at the speed memory is read.

Written from its public specification. It notices damage, not forgery: files are protected by
their permissions. ``kernels`` compiles it. Arithmetic is on int64, which wraps as uint64 does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.intrinsics import address, inlined, load8, load64_of_1


def _signed(value: int) -> int:
    """The int64 with the bits of an unsigned ``value``."""
    return value - (1 << 64) if value >> 63 else value


_P1 = _signed(0x9E3779B185EBCA87)
_P2 = _signed(0xC2B2AE3D27D4EB4F)
_P3 = _signed(0x165667B19E3779F9)
_P4 = _signed(0x85EBCA77C2B2AE63)
_P5 = _signed(0x27D4EB2F165667C5)
_START1 = _signed((0x9E3779B185EBCA87 + 0xC2B2AE3D27D4EB4F) % (1 << 64))
_START4 = _signed(-0x9E3779B185EBCA87 % (1 << 64))


@inlined
def shifted(value: int, bits: int) -> int:
    """Logical shift right of an int64."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


@inlined
def rotated(value: int, bits: int) -> int:
    """Rotation left of an int64."""
    return (value << bits) | shifted(value, 64 - bits)


@inlined
def mixed(lane: int, value: int) -> int:
    """One round of the hash."""
    return rotated(lane + value * _P2, 31) * _P1


def xxh64(data: NDArray[np.uint8]) -> int:
    """XXH64 of uint8 (n,), as an int64 with its bits."""
    start, size, at = address(data), data.size, 0
    if size >= 32:
        one, two, three, four = _START1, _P2, 0, _START4
        while at + 32 <= size:
            one = mixed(one, load64_of_1(start, at))
            two = mixed(two, load64_of_1(start, at + 8))
            three = mixed(three, load64_of_1(start, at + 16))
            four = mixed(four, load64_of_1(start, at + 24))
            at += 32
        total = rotated(one, 1) + rotated(two, 7) + rotated(three, 12) + rotated(four, 18)
        for lane in (one, two, three, four):
            total = (total ^ mixed(0, lane)) * _P1 + _P4
    else:
        total = _P5
    total += size
    while at + 8 <= size:
        total = rotated(total ^ mixed(0, load64_of_1(start, at)), 27) * _P1 + _P4
        at += 8
    if at + 4 <= size:
        word = 0
        for place in range(4):
            word |= load8(start, at + place) << (8 * place)
        total = rotated(total ^ (word * _P1), 23) * _P2 + _P3
        at += 4
    while at < size:
        total = rotated(total ^ (load8(start, at) * _P5), 11) * _P1
        at += 1
    total = (total ^ shifted(total, 33)) * _P2
    total = (total ^ shifted(total, 29)) * _P3
    return total ^ shifted(total, 32)
