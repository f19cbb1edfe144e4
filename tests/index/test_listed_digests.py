"""A ``DigestIndex`` that a store feeds: changed in one step, kept on disk, never believed
damaged."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index.contract.changes import Additions, Changes
from index.contract.errors import (
    ClosedIndexError,
    DuplicateIdError,
    RebuildNeededError,
    SequenceError,
)
from index.digests.digest_index import DigestIndex

WIDTH = 20


def digests(*numbers: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.array([[number % 251] * WIDTH for number in numbers], np.uint8).reshape(-1, WIDTH)


def entries(*numbers: int, enabled: bool = True) -> Additions:
    ids = np.array(numbers, np.int64)
    on = np.full(len(ids), enabled)
    return Additions(ids, digests(*numbers), np.zeros(len(ids), np.int32), on)


def found(index: DigestIndex, number: int) -> list[int]:
    ids: list[int] = index.search(digests(number)).ids.tolist()
    return ids


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sha1"


@pytest.fixture
def index(folder: Path) -> Iterator[DigestIndex]:
    opened = DigestIndex.open(folder, WIDTH, "sha1", "store")
    yield opened
    opened.close()


def reopened(folder: Path, store: str = "store", write: bool = True) -> DigestIndex:
    return DigestIndex.open(folder, WIDTH, "sha1", store, write)


def test_what_was_saved_is_there_again(index: DigestIndex, folder: Path) -> None:
    """Rows, status, number and mark; a disabled row can be enabled again."""
    index.apply(Changes(add=entries(1, 2, 3)), 5, "five")
    index.apply(Changes(remove=np.array([2]), disable=np.array([3])), 9, "nine")
    index.close()
    again = reopened(folder)
    assert (again.sequence, again.mark, again.needs_rebuild) == (9, "nine", "")
    assert [found(again, n) for n in (1, 2, 3)] == [[1], [], []]
    again.apply(Changes(enable=np.array([3])), 10, "ten")
    assert found(again, 3) == [3]
    again.close()


def test_an_index_that_holds_nothing_is_saved_too(index: DigestIndex, folder: Path) -> None:
    """Or a store without digests would be read from its beginning at each start."""
    index.apply(Changes(), 7, "seven")
    index.close()
    again = reopened(folder)
    assert (again.sequence, again.mark, again.stats().entries) == (7, "seven", 0)
    again.close()


def test_files_are_for_the_owner_alone(index: DigestIndex, folder: Path) -> None:
    index.apply(Changes(add=entries(1)), 1)
    assert index.save()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["MANIFEST", "00000001.segment"])
@pytest.mark.parametrize("at", [0, 20, 4096, -1])
def test_a_damaged_file_is_not_believed(
    index: DigestIndex, folder: Path, name: str, at: int
) -> None:
    """Wherever a bit flips, the index answers nothing until it was rebuilt."""
    index.apply(Changes(add=entries(*range(200))), 5, "five")
    index.close()
    path = folder / name
    content = bytearray(path.read_bytes())
    used = np.flatnonzero(np.frombuffer(bytes(content), np.uint8))
    content[int(used[used >= at][0]) if at >= 0 else int(used[at])] ^= 1
    path.write_bytes(content)
    again = reopened(folder)
    assert again.needs_rebuild
    with pytest.raises(RebuildNeededError):
        found(again, 1)
    with pytest.raises(RebuildNeededError):
        again.apply(Changes(), 6)
    again.rebuild([entries(1, 2), entries(3, enabled=False)], 6, "six")
    assert [found(again, n) for n in (1, 2, 3, 4)] == [[1], [2], [], []]
    again.close()
    last = reopened(folder)
    assert (last.sequence, last.mark, found(last, 2)) == (6, "six", [2])
    last.close()


def test_another_stores_file_is_not_used(index: DigestIndex, folder: Path) -> None:
    index.apply(Changes(add=entries(1)), 1)
    index.close()
    other = reopened(folder, store="another store")
    assert "its store is" in other.needs_rebuild
    other.close()


def test_a_second_opening_reads_and_never_writes(index: DigestIndex, folder: Path) -> None:
    index.apply(Changes(add=entries(1)), 1, "one")
    index.save()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for other in (reopened(folder), reopened(folder, write=False)):
        other.apply(Changes(add=entries(2)), 2, "two")
        assert found(other, 2) == [2]
        assert not other.save()
        other.close()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_change_is_all_or_nothing(index: DigestIndex) -> None:
    """A change that cannot be leaves no trace, its removals included."""
    index.apply(Changes(add=entries(1, 2)), 1)
    with pytest.raises(DuplicateIdError):
        index.apply(Changes(remove=np.array([1]), add=entries(2, 3)), 2)
    assert (index.sequence, found(index, 1), found(index, 3)) == (1, [1], [])
    with pytest.raises(SequenceError):
        index.apply(Changes(), 1)
    index.close()
    with pytest.raises(ClosedIndexError):
        found(index, 1)


def test_a_row_being_replaced_is_never_missed(index: DigestIndex) -> None:
    """Searches under way while it is removed and added find it every time."""
    index.apply(Changes(add=entries(1)), 1)
    stop, misses = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            if found(index, 1) != [1]:
                misses.append(1)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(2, 300):
        index.apply(Changes(remove=np.array([1]), add=entries(1)), number)
    stop.set()
    for thread in threads:
        thread.join()
    assert not misses


def test_enough_changes_are_saved_by_themselves(
    index: DigestIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a crash leaves a restart little to replay."""
    monkeypatch.setattr("index.storage.maintenance.SEAL_AT", 3)
    index.apply(Changes(add=entries(1)), 1, "one")
    index.settle()
    assert [path.name for path in folder.iterdir()] == ["LOCK"]
    index.apply(Changes(add=entries(2, 3, 4)), 2, "two")
    index.settle()
    reader = reopened(folder, write=False)
    assert (reader.sequence, found(reader, 4)) == (2, [4])
    reader.close()


def test_a_full_disk_costs_durability_not_answers(
    index: DigestIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, answers on, and saves when there is room again."""

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    index.apply(Changes(add=entries(1)), 1)
    with monkeypatch.context() as broken:
        broken.setattr("index.files.container.write", full)
        assert not index.save()
    assert "No space left" in index.stats().trouble
    assert found(index, 1) == [1]
    assert index.save()
    assert index.stats().trouble == ""
