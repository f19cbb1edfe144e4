"""What a ``SegmentedIndex`` holds survives restarts;

what it cannot vouch for it refuses to answer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from embeddings.codes import Codes
from index.contract.changes import Additions, Changes
from index.contract.errors import (
    ClosedIndexError,
    DuplicateIdError,
    RebuildNeededError,
    RowsError,
    SequenceError,
)
from index.contract.numbered import NumberedIndex
from index.files import container
from index.flat.flat_index import FlatIndex
from index.opening import open_index
from index.segmented.segmented_index import SegmentedIndex
from index.segments import building
from index.storage.merging import mergeable


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and segments from a few rows on."""
    monkeypatch.setattr(building, "TABLES_FROM", 64)
    monkeypatch.setattr("index.storage.maintenance.SEAL_AT", 32)


def opened(path: Path, store: str = "store", background: bool = False) -> SegmentedIndex:
    return SegmentedIndex.open(path, "lite0", "code", store, threads=2, background=background)


def entries(codes: Codes, first: int = 0) -> Additions:
    ids = np.arange(first, first + len(codes))
    return Additions(ids, codes, (ids % 3).astype(np.int32))


def ids_of(index: NumberedIndex, codes: Codes) -> list[int]:
    return sorted(set(index.search(codes, 0).ids.tolist()))


def test_a_saved_index_opens_with_its_entries_and_its_sequence(
    tmp_path: Path, random_codes: Codes
) -> None:
    with opened(tmp_path) as index:
        assert (index.sequence, index.needs_rebuild) == (0, "")
        index.apply(Changes(add=entries(random_codes[:300])), 7)
        index.apply(Changes(remove=np.array([5]), disable=np.array([6, 7])), 9)
        assert index.apply(Changes(enable=np.array([7])), 12).enabled == 1
    with opened(tmp_path) as index:
        assert index.sequence == 12
        assert ids_of(index, random_codes) == [i for i in range(300) if i not in (5, 6)]
        assert (index.stats().entries, index.stats().enabled) == (299, 298)
        assert index.set_enabled(np.array([6]), True) == 1
        assert index.remove(np.array([5])) == 0


def test_what_came_after_the_last_snapshot_is_told_by_the_sequence(
    tmp_path: Path, random_codes: Codes
) -> None:
    """A crash: the index is gone without a word, and the store applies what is newer."""
    index = opened(tmp_path)
    index.apply(Changes(add=entries(random_codes[:100])), 1)
    assert index.save()
    index.apply(Changes(remove=np.array([3]), add=entries(random_codes[100:110], 100)), 2)
    crash(index)
    with opened(tmp_path) as again:
        assert again.sequence == 1
        assert ids_of(again, random_codes) == list(range(100))
        again.apply(Changes(remove=np.array([3]), add=entries(random_codes[100:110], 100)), 2)
        assert ids_of(again, random_codes) == [i for i in range(110) if i != 3]


def test_a_change_applies_whole_or_not_at_all(random_codes: Codes) -> None:
    index = SegmentedIndex(background=False)
    index.apply(Changes(add=entries(random_codes[:50])), 4)
    bad = Changes(remove=np.array([1]), add=entries(random_codes[:3], 48))
    with pytest.raises(DuplicateIdError):
        index.apply(bad, 5)
    with pytest.raises(SequenceError, match="change 4 is not after 4"):
        index.apply(Changes(remove=np.array([1])), 4)
    assert index.sequence == 4
    assert ids_of(index, random_codes[:50]) == list(range(50))
    moved = Changes(remove=np.array([1]), add=entries(random_codes[90:91], 1))
    assert index.apply(moved, 5).removed == 1
    assert index.search(random_codes[90:91], 0).ids.tolist() == [1]


def test_disabled_rows_can_be_added_and_rebuilt_disabled(random_codes: Codes) -> None:
    flags = np.arange(40) % 2 == 0
    rows = Additions(np.arange(40), random_codes[:40], np.zeros(40, np.int32), flags)
    index = SegmentedIndex(background=False)
    index.apply(Changes(add=rows), 1)
    assert ids_of(index, random_codes[:40]) == list(range(0, 40, 2))
    index.rebuild([rows], 2)
    assert ids_of(index, random_codes[:40]) == list(range(0, 40, 2))
    assert (index.stats().entries, index.sequence) == (40, 2)
    index.set_enabled(np.arange(40), True)
    assert ids_of(index, random_codes[:40]) == list(range(40))


def test_a_rebuild_replaces_everything_or_nothing(tmp_path: Path, random_codes: Codes) -> None:
    with opened(tmp_path) as index:
        index.apply(Changes(add=entries(random_codes[:50])), 4)
        with pytest.raises(DuplicateIdError):
            index.rebuild([entries(random_codes[:9]), entries(random_codes[:9], 8)], 5)
        with pytest.raises(RowsError):
            index.rebuild([Additions(np.arange(3), random_codes[:2], np.zeros(3, np.int32))], 5)
        assert ids_of(index, random_codes) == list(range(50))
        index.rebuild((entries(random_codes[at : at + 70], at) for at in (70, 140)), 3)
        assert index.sequence == 3
    with opened(tmp_path) as index:
        assert ids_of(index, random_codes) == list(range(70, 210))
        assert index.sequence == 3


def damage(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 16
    path.write_bytes(data)


@pytest.mark.parametrize("harm", ["manifest", "segment", "gone", "swapped", "store", "space"])
def test_damage_is_noticed_said_and_never_searched(
    tmp_path: Path, random_codes: Codes, harm: str
) -> None:
    with opened(tmp_path) as index:
        index.apply(Changes(add=entries(random_codes[:200])), 3)
    (segment,) = tmp_path.glob("*.segment")
    if harm == "manifest":
        damage(tmp_path / "MANIFEST", 60)
    if harm == "segment":
        damage(segment, segment.stat().st_size // 2 // 4096 * 4096)
    if harm == "gone":
        segment.unlink()
    if harm == "swapped":
        with opened(tmp_path / "other") as other:
            other.apply(Changes(add=entries(random_codes[200:400])), 3)
        segment.write_bytes((tmp_path / "other" / segment.name).read_bytes())
    store = "another" if harm == "store" else "store"
    space = "lite1" if harm == "space" else "lite0"
    with SegmentedIndex.open(tmp_path, space, "code", store, background=False) as index:
        assert index.needs_rebuild
        assert index.stats().trouble == index.needs_rebuild
        assert harm not in ("store", "space") or f"its {harm} is" in index.needs_rebuild
        with pytest.raises(RebuildNeededError):
            index.search(random_codes[:1], 3)
        with pytest.raises(RebuildNeededError):
            index.nearest(random_codes[:1], 3)
        with pytest.raises(RebuildNeededError):
            index.apply(Changes(remove=np.array([3])), 4)
        assert index.stats().entries == 0
        index.rebuild([entries(random_codes[:150])], 5)
        assert (index.needs_rebuild, index.stats().trouble) == ("", "")
        assert ids_of(index, random_codes) == list(range(150))
    with SegmentedIndex.open(tmp_path, space, "code", store, background=False) as index:
        assert (index.needs_rebuild, index.sequence) == ("", 5)
        assert ids_of(index, random_codes) == list(range(150))


def test_a_damaged_index_that_nobody_rebuilds_saves_nothing(
    tmp_path: Path, random_codes: Codes
) -> None:
    with opened(tmp_path) as index:
        index.apply(Changes(add=entries(random_codes[:200])), 3)
    damage(tmp_path / "MANIFEST", 60)
    before = (tmp_path / "MANIFEST").read_bytes()
    with opened(tmp_path) as index:
        assert index.needs_rebuild
    assert (tmp_path / "MANIFEST").read_bytes() == before


def test_a_second_process_reads_and_never_writes(tmp_path: Path, random_codes: Codes) -> None:
    with opened(tmp_path) as writer:
        writer.apply(Changes(add=entries(random_codes[:100])), 1)
        writer.save()
        with opened(tmp_path) as reader:
            assert ids_of(reader, random_codes) == list(range(100))
            reader.apply(Changes(remove=np.arange(50)), 2)
            assert not reader.save()
        writer.apply(Changes(add=entries(random_codes[100:101], 100)), 2)
    with opened(tmp_path) as index:
        assert ids_of(index, random_codes) == list(range(101))


def test_a_full_disk_costs_durability_not_answers(
    tmp_path: Path, random_codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = opened(tmp_path)
    index.apply(Changes(add=entries(random_codes[:100])), 1)
    assert index.save()
    index.apply(Changes(remove=np.array([4]), add=entries(random_codes[100:200], 100)), 2)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        index.maintain()
        assert not index.save()
        assert "No space left" in index.stats().trouble
        assert ids_of(index, random_codes) == [i for i in range(200) if i != 4]
        crash(index)
        with opened(tmp_path, background=False) as again:
            assert again.sequence == 1
            assert ids_of(again, random_codes) == list(range(100))
            again.apply(Changes(add=entries(random_codes[300:301], 300)), 2)
    with opened(tmp_path) as index:
        assert index.sequence == 1
        index.apply(Changes(add=entries(random_codes[300:301], 300)), 2)
        assert index.save()
        assert index.stats().trouble == ""


@pytest.mark.parametrize("step", range(1, 9))
def test_a_crash_between_any_two_steps_of_a_save_leaves_a_state_that_was(
    tmp_path: Path, random_codes: Codes, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever is forced to disk or renamed last, the manifest in place names whole files."""
    index = opened(tmp_path)
    index.apply(Changes(add=entries(random_codes[:100])), 1)
    index.save()
    index.apply(Changes(remove=np.array([4]), add=entries(random_codes[100:200], 100)), 2)
    done = 0

    class Killed(BaseException):
        pass

    def count() -> None:
        nonlocal done
        done += 1
        if done == step:
            raise Killed

    def fsync(handle: int, real: object = os.fsync) -> None:
        count()
        real(handle)  # type: ignore[operator]
        if step % 2:
            count()

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        patched.setattr(Path, "unlink", lambda *_, **__: None)
        with contextlib.suppress(Killed):
            index.save()
    crash(index)
    with opened(tmp_path) as again:
        assert again.needs_rebuild == ""
        expected = {1: list(range(100)), 2: [i for i in range(200) if i != 4]}
        assert ids_of(again, random_codes) == expected[again.sequence]
        if again.sequence == 1:
            again.apply(Changes(remove=np.array([4]), add=entries(random_codes[100:200], 100)), 2)
        assert ids_of(again, random_codes) == expected[2]
    files = sorted(path.suffix for path in tmp_path.iterdir())
    assert ".tmp" not in files


def test_a_change_made_during_maintenance_is_not_lost(
    random_codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows removed, disabled, enabled or added while a segment is built keep their latest state."""
    index = SegmentedIndex(background=False)
    index.add(np.arange(100), random_codes[:100], np.zeros(100, np.int32))
    index.set_enabled(np.arange(20, 30), False)
    real = building.build
    meddled: list[bool] = []

    def meddling(*args: object, **kwargs: object) -> object:
        if not meddled:
            meddled.append(True)
            index.remove(np.arange(10))
            index.set_enabled(np.arange(10, 15), False)
            index.set_enabled(np.arange(20, 25), True)
            index.add(np.arange(5), random_codes[200:205], np.zeros(5, np.int32))
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("index.segments.codes.build", meddling)
    index.maintain()
    assert meddled
    assert ids_of(index, random_codes[:100]) == [*range(15, 25), *range(30, 100)]
    assert index.search(random_codes[200:205], 0).ids.tolist() == [0, 1, 2, 3, 4]
    assert (index.stats().entries, index.stats().enabled) == (95, 85)


def test_a_rebuild_during_maintenance_wins(
    random_codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = SegmentedIndex(background=False)
    index.add(np.arange(100), random_codes[:100], np.zeros(100, np.int32))
    real = building.build
    other = threading.Thread(target=lambda: index.rebuild([entries(random_codes[500:520], 500)], 8))

    def meddling(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr("index.segments.codes.build", real)
        other.start()
        while index.sequence != 8:
            continue
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("index.segments.codes.build", meddling)
    index.maintain()
    other.join()
    assert ids_of(index, random_codes) == list(range(500, 520))


def test_the_background_seals_merges_and_saves_by_itself(
    tmp_path: Path, random_codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.storage.maintenance.SAVE_EVERY", 0.0)
    index = opened(tmp_path, background=True)
    for at in range(0, 3000, 50):
        index.apply(Changes(add=entries(random_codes[at : at + 50], at)), at + 1)
    index.settle()
    crash(index)
    with opened(tmp_path) as again:
        assert again.sequence > 1
        again_has = ids_of(again, random_codes)
        assert again_has == list(range(len(again_has)))
        assert len(again_has) == again.sequence + 49
        assert len(list(tmp_path.glob("*.segment"))) < 8


def test_segments_stay_few_and_dead_rows_are_dropped(random_codes: Codes) -> None:
    index = SegmentedIndex(background=False)
    for at in range(0, 3000, 40):
        index.add(np.arange(at, at + 40), random_codes[at : at + 40], np.full(40, at % 7, np.int32))
        index.maintain()
    before = index.stats().bytes
    index.remove(np.arange(0, 2000))
    index.maintain()
    assert index.stats().bytes["head"] < before["head"] / 2
    assert ids_of(index, random_codes) == list(range(2000, 3000))


def test_a_failure_of_the_background_is_said(
    random_codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no memory for a segment")

    index = SegmentedIndex(background=True)
    monkeypatch.setattr("index.storage.maintenance.sealed", broken)
    index.add(np.arange(50), random_codes[:50], np.zeros(50, np.int32))
    index.settle()
    assert "no memory" in index.stats().trouble
    assert ids_of(index, random_codes[:50]) == list(range(50))
    monkeypatch.undo()
    index.add(np.arange(50, 52), random_codes[50:52], np.zeros(2, np.int32))
    index.settle()
    assert ids_of(index, random_codes[:52]) == list(range(52))


def test_a_closed_index_says_so(tmp_path: Path, random_codes: Codes) -> None:
    index = opened(tmp_path)
    index.close()
    index.close()
    with pytest.raises(ClosedIndexError):
        index.search(random_codes[:1], 3)
    with pytest.raises(ClosedIndexError):
        index.apply(Changes(remove=np.array([1])))
    with pytest.raises(ClosedIndexError):
        index.rebuild([], 1)


def test_where_kernels_cannot_be_compiled_a_scan_takes_over(
    tmp_path: Path, random_codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_index(tmp_path / "a", "lite0", "code").stats().kind == "segmented"

    def unable() -> None:
        raise RuntimeError("no code for this processor")

    monkeypatch.setattr("index.kernels.build.loading.warm_up", unable)
    index = open_index(tmp_path / "b", "lite0", "code")
    assert index.stats().kind == "flat"
    assert "no code for this processor" in index.stats().trouble
    index.rebuild([entries(random_codes[:20])], 4)
    index.apply(Changes(remove=np.array([1]), disable=np.array([2])), 6)
    assert ids_of(index, random_codes) == [0, *range(3, 20)]
    assert index.sequence == 6
    with pytest.raises(SequenceError):
        index.apply(Changes(), 6)


def test_files_name_their_space_signal_and_sequence(tmp_path: Path, random_codes: Codes) -> None:
    with opened(tmp_path) as index:
        index.apply(Changes(add=entries(random_codes[:70])), 11)
    (segment,) = tmp_path.glob("*.segment")
    fields = container.read(segment, "S").fields
    assert dict(fields) == {
        "space": "lite0",
        "signal": "code",
        "store": "store",
        "sequence": 11,
        "rows": 70,
    }


def test_merging_bounds_the_number_of_segments() -> None:
    class Sized:
        def __init__(self, entries: int) -> None:
            self.entries = entries

        def __len__(self) -> int:
            return self.entries

    def plan(sizes: list[int]) -> list[int]:
        return mergeable([Sized(size) for size in sizes])  # type: ignore[misc]

    assert plan([1000, 100, 10]) == []
    assert plan([1000, 100, 30]) == [1, 2]
    assert plan([1000, 100, 80, 90]) == [0, 1, 2, 3]
    assert plan([1 << 24, 1 << 24, 5]) == []
    assert plan([]) == []


def crash(index: SegmentedIndex) -> None:
    """What the death of the process does: the lock goes, nothing is saved."""
    index.settle()
    folder = index._folder
    assert folder is not None
    folder.close()
    index._folder = None


@pytest.mark.parametrize("kind", [SegmentedIndex, FlatIndex])
def test_an_index_knows_which_groups_it_holds(
    kind: type[SegmentedIndex | FlatIndex], random_codes: Codes
) -> None:
    """In segments and in what was added since."""
    index = kind()
    assert index.groups() == frozenset()
    count = len(random_codes) - 1
    groups = np.where(np.arange(count) % 2, 7, 3).astype(np.int32)
    index.rebuild([Additions(np.arange(count), random_codes[:-1], groups)], 1)
    index.add(np.array([count]), random_codes[-1:], np.array([9], np.int32))
    assert index.groups() == {3, 7, 9}
    index.close()
