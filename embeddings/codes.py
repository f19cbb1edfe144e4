"""The code format: what 256 bits are, and the 256 bytes a query may ask them by, on one page.

A **code** is 256 bits in 32 bytes. A batch is ``codes``: uint8 (n, 32), C-contiguous. Bit *i* is
the sign of descriptor dimension *i* (1 where it is > 0) and stands in byte ``i // 8`` at ``1 <<
(7 - i % 8)``: most significant bit first, so that the hex form reads left to right and is the
order of PDQ's hex form too. A single code crosses package borders as ``bytes`` of length 32. Hex
is 64 lower-case digits. Distances are Hamming distances: integers, in bits, 0 to 256.

A query may also bring its **descriptor**, 256 signed bytes: what the network said, brought to one
length and rounded once (``quantised``). Its **score** with a code is the sum of its bytes, each
added where the code's bit is 1 and taken off where it is 0: an integer, higher = more alike, that
anyone can recompute from 256 bytes and 32. The floats behind it differ in their last digits from
one processor to the next, so a byte may differ by one; given the bytes, nothing differs any more.

It knows NumPy and nothing else: not which model made a code (see ``checkpoint``), nor how codes are
searched (see ``index``).
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.figures import CODE_BITS as CODE_BITS
from embeddings.figures import CODE_BYTES as CODE_BYTES
from embeddings.figures import MAX_SCORE as MAX_SCORE

DESCRIPTOR_LENGTH: Final = 512.0
"""The length a descriptor is brought to: a number of it is then about 32, and hardly ever beyond
127."""

_MOST: Final = 127

Codes = NDArray[np.uint8]
"""uint8 (n, 32)."""

Descriptors = NDArray[np.int8]
"""int8 (n, 256), each -127..127."""

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class CodeFormatError(ValueError):
    """A value that is not a code, or a descriptor, in the format of this module."""


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
    out = np.zeros((len(left), len(right)), np.int32)
    for word in range(left.shape[1]):
        out += np.bitwise_count(left[:, word, None] ^ right[:, word])
    return out


def paired_distances(left: Codes, right: Codes) -> NDArray[np.int32]:
    """Hamming distances, bits, of the codes in the same row: int32 (n,)."""
    differing = checked(left).view(np.uint64) ^ checked(right).view(np.uint64)
    counts: NDArray[np.int32] = np.bitwise_count(differing).sum(axis=1, dtype=np.int32)
    return counts


def quantised(descriptors: NDArray[np.floating]) -> Descriptors:
    """``descriptors``, float (n, 256), as signed bytes: int8 (n, 256).

    Each is brought to length ``DESCRIPTOR_LENGTH``, each number rounded to the nearest integer,
    halves to the even one, and held within -127..127; in float64 throughout. One of length 0 stays
    so. Raises ``CodeFormatError`` for another shape, or where a number is not finite.
    """
    values = np.asarray(descriptors, np.float64)
    if values.ndim != 2 or values.shape[1] != CODE_BITS:
        raise CodeFormatError(f"descriptors must have shape (n, {CODE_BITS}), not {values.shape}")
    if not np.isfinite(values).all():
        raise CodeFormatError("a descriptor holds numbers that are not finite")
    length = np.sqrt((values * values).sum(axis=1, keepdims=True))
    scaled = values * (DESCRIPTOR_LENGTH / np.where(length > 0, length, 1.0))
    return np.clip(np.rint(scaled), -_MOST, _MOST).astype(np.int8)


def checked_descriptors(descriptors: Descriptors) -> Descriptors:
    """``descriptors`` itself, C-contiguous, once it is known to be int8 (n, 256)."""
    if (
        descriptors.dtype != np.int8
        or descriptors.ndim != 2
        or descriptors.shape[1] != CODE_BITS
        or (descriptors < -_MOST).any()
    ):
        raise CodeFormatError(
            f"descriptors must be int8 (n, {CODE_BITS}), each -{_MOST}..{_MOST}, not "
            f"{descriptors.dtype} {descriptors.shape}"
        )
    return np.ascontiguousarray(descriptors)


def belongs(descriptor: bytes, code: bytes) -> bool:
    """Whether ``descriptor``, 256 signed bytes, may be that of ``code``: whether its signs are the
    code's bits. A byte of 0 was rounded, and may be either.
    """
    values = np.frombuffer(descriptor, np.int8)
    bits = np.unpackbits(np.frombuffer(code, np.uint8)).astype(np.bool_)
    return bool(((values == 0) | ((values > 0) == bits)).all() and (values >= -_MOST).all())


def scores(queries: Descriptors, codes: Codes) -> NDArray[np.int32]:
    """The score of every query, int8 (q, 256), with every code: int32 (q, n), higher = more alike.

    Plain and slow on purpose: it is what faster searches are checked against.
    """
    signs = unpack(codes).astype(np.int32) * 2 - 1
    out: NDArray[np.int32] = checked_descriptors(queries).astype(np.int32) @ signs.T
    return out
