"""A file is read as it was written, or refused by name: never something in between."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.contract.errors import DamagedFileError
from index.files.container import checksum, read, write

PARTS: dict[str, NDArray[Any]] = {
    "small": np.arange(5, dtype=np.uint16),
    "empty": np.empty(0, np.uint32),
    "long": np.arange(3000, dtype=np.int64),
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "ef46db3751d8e999"),
        (b"a", "d24ec4f1a98c6e5b"),
        (b"abc", "44bc2cf5ad770999"),
        (b"Nobody inspects the spammish repetition", "fbcea83c8a378bf1"),
    ],
)
def test_the_checksum_is_xxh64(data: bytes, expected: str) -> None:
    """Published values, of every path through the code: empty, short, and beyond 32 bytes."""
    assert checksum(np.frombuffer(data, np.uint8)) == expected


def test_arrays_come_back_as_they_were_written_and_cannot_be_changed(tmp_path: Path) -> None:
    header = write(tmp_path / "file", "S", {"rows": 5, "name": "ä"}, PARTS)
    contents = read(tmp_path / "file", "S", threads=2)
    assert dict(contents.fields) == {"rows": 5, "name": "ä"}
    assert contents.header_xxh64 == header
    for name, array in PARTS.items():
        assert contents.parts[name].dtype == array.dtype
        np.testing.assert_array_equal(contents.parts[name], array)
        assert not contents.parts[name].flags.writeable
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def covered(path: Path) -> list[int]:
    """The bytes that mean something: prefix, header and parts."""
    size = path.stat().st_size
    header = 24 + int.from_bytes(path.read_bytes()[8:16], "little")
    used = set(range(header))
    at = 4096
    for array in PARTS.values():
        used |= set(range(at, at + array.nbytes))
        at = -(-(at + array.nbytes + 128) // 4096) * 4096
    assert max(used) < size
    return sorted(used)


def test_a_flipped_bit_anywhere_that_counts_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "S", {"rows": 5}, PARTS)
    good = path.read_bytes()
    places = covered(path)
    for place in [*places[:700:3], *places[700::97], places[-1]]:
        damaged = bytearray(good)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match="file"):
            read(path, "S")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_torn_or_overwritten_file_is_noticed(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "file"
    write(path, "S", {"rows": 5}, PARTS)
    good = path.read_bytes()
    kept = data.draw(st.integers(0, len(good) - 1))
    filler = data.draw(st.sampled_from([b"", b"\0", b"\xff"]))
    torn = good[:kept] + filler * (len(good) - kept)
    path.write_bytes(torn)
    try:
        contents = read(path, "S")
    except DamagedFileError:
        return
    # Only bytes that nobody uses were lost.
    for name, array in PARTS.items():
        np.testing.assert_array_equal(contents.parts[name], array)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "file", "M", {}, PARTS)
    with pytest.raises(DamagedFileError, match="kind S"):
        read(tmp_path / "file", "S")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "other", "S")


@pytest.mark.parametrize("failing", ["fsync", "write"])
def test_a_full_disk_leaves_the_old_file_and_no_debris(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write(tmp_path / "file", "S", {"version": 1}, PARTS)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr("index.files.container._fill_to", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "file", "S", {"version": 2}, PARTS)
    monkeypatch.undo()
    assert read(tmp_path / "file", "S").fields["version"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
