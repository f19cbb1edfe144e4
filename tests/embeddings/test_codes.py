"""The code format: bits, bytes, hex and distance say the same thing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.codes import (
    CODE_BITS,
    CODE_BYTES,
    CodeFormatError,
    checked,
    distances,
    from_descriptors,
    from_hex,
    pack,
    quantised,
    scores,
    stack,
    to_hex,
    unpack,
)

one_code = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)


@given(one_code)
def test_hex_there_and_back(code: bytes) -> None:
    assert from_hex(to_hex(code)) == code
    assert from_hex(to_hex(code).upper()) == code
    assert to_hex(code) == to_hex(code).lower()
    assert len(to_hex(code)) == 64


@given(st.lists(one_code, max_size=6))
def test_bits_there_and_back(codes: list[bytes]) -> None:
    batch = stack(codes)
    assert batch.shape == (len(codes), CODE_BYTES)
    bits = unpack(batch)
    assert bits.shape == (len(codes), CODE_BITS)
    assert np.array_equal(pack(bits.astype(bool)), batch)
    assert [row.tobytes() for row in batch] == codes


@given(st.lists(one_code, min_size=1, max_size=4), st.lists(one_code, min_size=1, max_size=4))
def test_distance_counts_the_bits_that_differ(left: list[bytes], right: list[bytes]) -> None:
    found = distances(stack(left), stack(right))
    for row, a in enumerate(left):
        for column, b in enumerate(right):
            expected = (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()
            assert found[row, column] == expected


@given(one_code, st.sets(st.integers(0, CODE_BITS - 1)))
def test_flipping_bits_moves_a_code_that_far(code: bytes, flipped: set[int]) -> None:
    bits = unpack(stack([code])).astype(bool)
    bits[0, sorted(flipped)] ^= True
    assert distances(stack([code]), pack(bits)).item() == len(flipped)


@pytest.mark.parametrize(
    ("bit", "expected"), [(0, "80" + "0" * 62), (7, "01" + "0" * 62), (255, "0" * 63 + "1")]
)
def test_the_first_bit_is_the_first_in_hex(bit: int, expected: str) -> None:
    bits = np.zeros((1, CODE_BITS), bool)
    bits[0, bit] = True
    assert to_hex(pack(bits)[0].tobytes()) == expected


def test_a_bit_is_set_where_a_descriptor_is_above_zero() -> None:
    descriptor = np.full((1, CODE_BITS), -1.0, np.float32)
    descriptor[0, :4] = [0.0, -0.0, 1e-30, 5.0]
    assert unpack(from_descriptors(descriptor))[0, :5].tolist() == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 63,
        "0" * 65,
        "g" * 64,
        "0" * 63 + "\n",
        " " + "0" * 63,
        "0x" + "0" * 62,
        "\N{ARABIC-INDIC DIGIT ZERO}" * 64,
        "\N{FULLWIDTH LATIN SMALL LETTER A}" * 64,
    ],
)
def test_what_is_not_64_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(CodeFormatError):
        from_hex(text)


def test_codes_of_another_length_are_refused() -> None:
    with pytest.raises(CodeFormatError):
        to_hex(bytes(31))
    with pytest.raises(CodeFormatError):
        stack([bytes(32), bytes(33)])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 31), np.uint8),
        np.zeros(32, np.uint8),
        np.zeros((2, 32), np.int8),
        np.zeros((2, 256), bool),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(array: NDArray[np.uint8]) -> None:
    for function in (checked, unpack):
        with pytest.raises(CodeFormatError):
            function(array)
    with pytest.raises(CodeFormatError):
        distances(array, np.zeros((1, 32), np.uint8))


def test_bits_of_another_shape_are_refused() -> None:
    with pytest.raises(CodeFormatError):
        pack(np.zeros((3, 255), bool))


def test_a_view_with_gaps_becomes_contiguous() -> None:
    wide = np.arange(128, dtype=np.uint8).reshape(2, 64)
    narrow = checked(wide[:, ::2])
    assert narrow.flags.c_contiguous
    assert np.array_equal(narrow, wide[:, ::2])


def test_no_codes_are_a_batch_too() -> None:
    empty = stack([])
    assert empty.shape == (0, CODE_BYTES)
    assert distances(empty, empty).shape == (0, 0)


def test_a_descriptor_is_brought_to_one_length_rounded_and_held_within_a_byte() -> None:
    floats = np.zeros((3, 256))
    floats[0, :4] = (3.0, -4.0, 0.0, 0.0)  # 307.2 and -409.6 of 512: held within a byte
    floats[1, :] = 0.5  # 32 each
    floats[2, :8] = (2.5, 3.5, -2.5, -0.5, 511, 31, 6, 1)  # of length 512: rounded as they are
    assert np.linalg.norm(floats[2]) == 512
    made = quantised(floats)
    assert made.dtype == np.int8
    assert made[0, :4].tolist() == [127, -127, 0, 0]
    assert set(made[1].tolist()) == {32}
    assert made[2, :8].tolist() == [2, 4, -2, 0, 127, 31, 6, 1]
    # Neither its length nor its precision matters; nothing at all stays nothing.
    np.testing.assert_array_equal(quantised(floats * 7e4), made)
    assert not quantised(np.zeros((1, 256), np.float32)).any()


def test_a_score_adds_the_bytes_with_the_signs_of_the_bits() -> None:
    rng = np.random.default_rng(2)
    asked = rng.integers(-127, 128, (4, 256)).astype(np.int8)
    listed = rng.integers(0, 256, (5, 32)).astype(np.uint8)
    expected = [
        [
            sum(
                int(byte) if code[bit // 8] >> (7 - bit % 8) & 1 else -int(byte)
                for bit, byte in enumerate(query)
            )
            for code in listed
        ]
        for query in asked
    ]
    np.testing.assert_array_equal(scores(asked, listed), expected)


@pytest.mark.parametrize("bad", [np.zeros((1, 255)), np.zeros(256), np.full((1, 256), np.inf)])
def test_what_is_no_descriptor_is_not_quantised(bad: NDArray[np.float64]) -> None:
    with pytest.raises(CodeFormatError):
        quantised(bad)
