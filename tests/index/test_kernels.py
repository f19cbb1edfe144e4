"""Machine code is made once, ahead of queries, with or without a place to keep it."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.codes import Codes, distances
from index.contract.hits import Collector
from index.kernels import intrinsics, matches
from index.kernels.build import loading, machine_code
from index.search.batches import search_part
from index.search.workers import Workers
from index.segments.building import build
from index.segments.permutation import reordered
from index.segments.segment import CodeSegment
from index.storage.state import HeldSegment


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
    permute, out = loading.kernels().permute, np.empty(4 * len(random_codes), np.int64)
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


def test_a_change_of_the_sources_gives_the_machine_code_another_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files may change after they were imported: what is compiled then is not what they say."""
    before = loading.key()
    changed = tmp_path / "naming.py"
    changed.write_bytes(Path(str(matches.__file__)).read_bytes() + b"\n")
    monkeypatch.setattr(matches, "__file__", str(changed))
    assert loading.key() != before
    monkeypatch.setattr(loading, "_IMPORTED", loading._sources())
    assert loading.key() != before


def test_what_cannot_be_loaded_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[bool] = []

    def broken() -> bytes:
        tries.append(True)
        raise OSError("no LLVM here")

    monkeypatch.setattr(loading, "_ready", [])
    monkeypatch.setattr(loading, "_failed", [])
    monkeypatch.setattr(loading, "_compiled", broken)
    monkeypatch.setattr(machine_code, "folders", lambda: iter(()))
    with pytest.raises(OSError, match="no LLVM"):
        loading.kernels()
    with pytest.raises(RuntimeError, match="could not be loaded"):
        loading.kernels()
    assert len(tries) == 1


def test_kernels_touch_nothing_beyond_the_padding(random_codes: Codes) -> None:
    """Every array of a segment ends ``PADDING`` bytes before memory that must not be touched."""
    segment = build(
        np.arange(len(random_codes)),
        np.zeros(len(random_codes), np.int32),
        reordered(random_codes),
        1,
    )
    arrays: dict[str, Any] = {name: _guarded(array) for name, array in segment.parts().items()}
    guarded = CodeSegment(**arrays)
    part = HeldSegment.fresh(guarded)
    workers = Workers(1)
    for radius in (0, 31, 48, 64, 100, 256):
        out = Collector(20, None)
        search_part(part, reordered(random_codes[:20]), radius, workers, out, None)
        expected = np.count_nonzero(distances(random_codes[:20], random_codes) <= radius)
        assert len(out.hits().ids) == expected


def _guarded(array: NDArray[Any]) -> NDArray[Any]:
    page = mmap.PAGESIZE
    whole = -(-(array.nbytes + intrinsics.PADDING) // page) * page
    memory = mmap.mmap(-1, whole + page)
    start = np.frombuffer(memory, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    guard = ctypes.c_void_p(start.ctypes.data + whole)
    assert libc.mprotect(guard, ctypes.c_size_t(page), 0) == 0
    first = whole - intrinsics.PADDING - array.nbytes
    first -= first % array.itemsize
    kept = start[first : first + array.nbytes].view(array.dtype)
    kept[:] = array
    return kept


def test_instructions_are_for_compiled_code_alone() -> None:
    with pytest.raises(intrinsics.NotCompiledError):
        intrinsics.popcount(3)


def test_importing_the_package_loads_neither_torch_nor_compilers() -> None:
    code = "import sys, index; assert not {'torch', 'llvmlite', 'faiss'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_searching_does_not_load_numba() -> None:
    """Its import would be most of a restart; only compiling needs it."""
    loading.warm_up()
    code = (
        "import sys; from index.segmented.segmented_index import SegmentedIndex;"
        "from index.kernels.build.loading import warm_up;"
        "warm_up(); assert not {'torch', 'numba', 'faiss'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
