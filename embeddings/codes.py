"""The code format: what 256 bits are, on one page.

A **code** is 256 bits in 32 bytes. A batch is ``codes``: uint8 (n, 32), C-contiguous. Bit *i* is
the sign of descriptor dimension *i* (1 where it is > 0) and stands in byte ``i // 8`` at ``1 <<
(7 - i % 8)``: most significant bit first, so that the hex form reads left to right and is the
order of PDQ's hex form too. A single code crosses package borders as ``bytes`` of length 32. Hex
is 64 lower-case digits. Distances are Hamming distances: integers, in bits, 0 to 256.

It knows NumPy and nothing else: not which model made a code (see ``checkpoint``), nor how codes are
searched (see ``index``).
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

CODE_BITS: Final = 256
CODE_BYTES: Final = CODE_BITS // 8

Codes = NDArray[np.uint8]
"""uint8 (n, 32)."""

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class CodeFormatError(ValueError):
    """A value that is not a code in the format of this module."""


def pack(bits: NDArray[np.bool_]) -> Codes:
    """Pack ``bits``, bool (n, 256), into codes: uint8 (n, 32)."""
    if bits.ndim != 2 or bits.shape[1] != CODE_BITS:
        raise CodeFormatError(f"bits must have shape (n, {CODE_BITS}), not {bits.shape}")
    return np.packbits(bits, axis=1)


def from_descriptors(descriptors: NDArray[np.float32]) -> Codes:
    """Codes of ``descriptors``, float (n, 256): the sign of each dimension. uint8 (n, 32)."""
    return pack(np.asarray(descriptors) > 0)


def unpack(codes: Codes) -> NDArray[np.uint8]:
    """The bits of ``codes``, uint8 (n, 32), as 0 and 1: uint8 (n, 256)."""
    return np.unpackbits(checked(codes), axis=1)


def to_hex(code: bytes) -> str:
    """The 64 lower-case hex digits of one code, 32 bytes."""
    if len(code) != CODE_BYTES:
        raise CodeFormatError(f"a code has {CODE_BYTES} bytes, not {len(code)}")
    return code.hex()


def from_hex(text: str) -> bytes:
    """One code, 32 bytes, from 64 hex digits; upper case is accepted."""
    lowered = text.lower()
    if not _HEX.fullmatch(lowered):
        raise CodeFormatError(f"a code is 64 hex digits, not {len(text)} characters like this")
    return bytes.fromhex(lowered)


def stack(codes: list[bytes]) -> Codes:
    """Single codes, each 32 bytes, as one batch: uint8 (n, 32)."""
    if any(len(code) != CODE_BYTES for code in codes):
        raise CodeFormatError(f"every code must have {CODE_BYTES} bytes")
    return np.frombuffer(b"".join(codes), np.uint8).reshape(-1, CODE_BYTES).copy()


def checked(codes: Codes) -> Codes:
    """``codes`` itself, C-contiguous, once it is known to be uint8 (n, 32)."""
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != CODE_BYTES:
        raise CodeFormatError(
            f"codes must be uint8 (n, {CODE_BYTES}), not {codes.dtype} {codes.shape}"
        )
    return np.ascontiguousarray(codes)


def distances(queries: Codes, codes: Codes) -> NDArray[np.int32]:
    """Hamming distances, bits, of every query to every code: int32 (q, n).

    Plain and slow on purpose: it is what faster searches are checked against.
    """
    left, right = checked(queries).view(np.uint64), checked(codes).view(np.uint64)
    out = np.empty((len(left), len(right)), np.int32)
    for row, query in enumerate(left):
        out[row] = np.bitwise_count(query ^ right).sum(axis=1, dtype=np.int32)
    return out
