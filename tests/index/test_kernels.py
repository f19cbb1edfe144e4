"""Machine code is made once, ahead of queries, with or without a place to keep it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.codes import Codes, distances
from index import intrinsics, kernels
from index.permutation import reordered


def test_bits_are_reordered_so_that_neighbours_part_and_distances_stay(
    random_codes: Codes,
) -> None:
    """Bit i becomes bit i // 16 of sub-code i % 16."""
    words = reordered(random_codes[:50])
    bits = np.unpackbits(random_codes[:50], axis=1).reshape(50, 16, 16)
    expected = (bits.transpose(0, 2, 1).astype(np.uint32) << np.arange(16)).sum(axis=2)
    np.testing.assert_array_equal(words.view(np.uint16).reshape(50, 16), expected)
    moved = words.view(np.uint8).reshape(50, 32)
    np.testing.assert_array_equal(
        distances(moved, moved), distances(random_codes[:50], random_codes[:50])
    )


def test_read_only_and_writable_arrays_are_read_alike(random_codes: Codes) -> None:
    """A memory-mapped array is read-only."""
    frozen = random_codes.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(reordered(frozen), reordered(random_codes))


def test_a_kernel_refuses_what_it_does_not_take(random_codes: Codes) -> None:
    """Machine code sees addresses only: types, gaps and write protection are checked before."""
    permute, out = kernels.kernels().permute, np.empty(4 * len(random_codes), np.int64)
    with pytest.raises(TypeError, match="takes uint8, not float64"):
        permute(random_codes.astype(float), out)
    with pytest.raises(TypeError, match="takes uint8, not <class 'bytes'>"):
        permute(random_codes.tobytes(), out)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="in one piece"):
        permute(random_codes[::2], out)
    out.flags.writeable = False
    with pytest.raises(TypeError, match="writable"):
        permute(random_codes, out)
    with pytest.raises(ValueError, match="longer than"):
        permute(random_codes)


@given(st.binary(max_size=300))
def test_the_checksum_is_xxh64(data: bytes) -> None:
    """By its specification, in Python's unbounded integers."""
    found = kernels.kernels().xxh64(np.frombuffer(data, np.uint8))
    assert found & (1 << 64) - 1 == _xxh64(data)


def _xxh64(data: bytes) -> int:
    one, two, three = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    four, five, mask = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5, (1 << 64) - 1

    def left(value: int, bits: int) -> int:
        return ((value << bits) | (value >> (64 - bits))) & mask

    def mixed(lane: int, word: int) -> int:
        return left((lane + word * two) & mask, 31) * one & mask

    at, total = 0, five
    if len(data) >= 32:
        lanes = [(one + two) & mask, two, 0, -one & mask]
        while at + 32 <= len(data):
            words = np.frombuffer(data[at : at + 32], "<u8").tolist()
            lanes = [mixed(lane, word) for lane, word in zip(lanes, words, strict=True)]
            at += 32
        total = sum(left(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & mask
        for lane in lanes:
            total = ((total ^ mixed(0, lane)) * one + four) & mask
    total = (total + len(data)) & mask
    while at + 8 <= len(data):
        word = int.from_bytes(data[at : at + 8], "little")
        total = (left(total ^ mixed(0, word), 27) * one + four) & mask
        at += 8
    if at + 4 <= len(data):
        word = int.from_bytes(data[at : at + 4], "little")
        total = (left(total ^ word * one & mask, 23) * two + three) & mask
        at += 4
    for byte in data[at:]:
        total = left(total ^ byte * five & mask, 11) * one & mask
    total = (total ^ total >> 33) * two & mask
    total = (total ^ total >> 29) * three & mask
    return total ^ total >> 32


class Compiler:
    """Stands for half a minute's work, and counts how often it is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        return b"machine code"


def test_machine_code_is_made_once_and_kept(tmp_path: Path) -> None:
    compiled = Compiler()
    for _ in range(3):
        assert kernels.machine_code([tmp_path / "new"], compiled) == b"machine code"
    assert compiled.asked == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"kernels-{kernels.key()}.bin"]


def test_where_the_first_place_cannot_be_written_the_second_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    compiled = Compiler()
    for _ in range(2):
        kernels.machine_code([tmp_path / "file" / "no", tmp_path / "yes"], compiled)
    assert compiled.asked == 1
    for _ in range(2):
        assert kernels.machine_code([tmp_path / "file" / "no"], compiled) == b"machine code"
    assert compiled.asked == 3


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_damaged_file_is_made_anew(tmp_path: Path, place: int) -> None:
    compiled = Compiler()
    kernels.machine_code([tmp_path], compiled)
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert kernels.machine_code([tmp_path], compiled) == b"machine code"
    path.write_bytes(path.read_bytes()[:9])
    assert kernels.machine_code([tmp_path], compiled) == b"machine code"
    assert compiled.asked == 3


def test_code_that_others_could_have_written_is_not_loaded(tmp_path: Path) -> None:
    compiled = Compiler()
    kernels.machine_code([tmp_path], compiled)
    (path,) = tmp_path.iterdir()
    path.chmod(0o666)
    kernels.machine_code([tmp_path], compiled)
    assert compiled.asked == 2
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_key_is_bound_to_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A change in any of the kernels' sources gives the machine code another name."""
    before = kernels.key()
    changed = tmp_path / "naming.py"
    changed.write_bytes(Path(str(kernels.naming.__file__)).read_bytes() + b"\n")
    monkeypatch.setattr(kernels.naming, "__file__", str(changed))
    assert kernels.key() != before


def test_instructions_are_for_compiled_code_alone() -> None:
    with pytest.raises(intrinsics.NotCompiledError):
        intrinsics.popcount(3)


def test_importing_the_package_loads_neither_torch_nor_compilers() -> None:
    code = "import sys, index; assert not {'torch', 'llvmlite', 'faiss'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_searching_does_not_load_numba() -> None:
    """Its import would be most of a restart; only compiling needs it."""
    kernels.warm_up()
    code = (
        "import sys; from index.segmented import SegmentedIndex; from index.kernels import warm_up;"
        "warm_up(); assert not {'torch', 'numba', 'faiss'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
