"""Whatever becomes of an index's files or memory while it is open, it misses nothing in silence."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from numpy.typing import NDArray

from embeddings.codes import Codes
from index.contract.changes import Additions, Changes
from index.contract.errors import RebuildNeededError
from index.contract.interface import Hits, Ids
from index.contract.numbered import Fed
from index.digests.digest_index import DigestIndex
from index.files import container
from index.segmented.segmented_index import SegmentedIndex
from tests.index.damages import DAMAGES, Damage

Same = Callable[[Hits, Hits], None]


def entries(rows: Codes) -> Additions:
    """``rows`` under ids 0, 1, … in group 1."""
    return Additions(np.arange(len(rows)), rows, np.ones(len(rows), np.int32))


def opened_codes(folder: Path) -> SegmentedIndex:
    return SegmentedIndex.open(folder, "space", "code", background=False)


def opened_digests(folder: Path) -> DigestIndex:
    return DigestIndex.open(folder, 32, "sha256", background=False)


@pytest.fixture
def codes_folder(tmp_path: Path, random_codes: Codes) -> Path:
    """A folder with an index of ``random_codes`` in one segment."""
    with opened_codes(tmp_path / "code") as index:
        index.rebuild([entries(random_codes)], 7, "mark")
    return tmp_path / "code"


@pytest.fixture
def digests_folder(tmp_path: Path, random_codes: Codes) -> Path:
    index = opened_digests(tmp_path / "sha256")
    index.rebuild([entries(random_codes)], 7, "mark")
    index.close()
    return tmp_path / "sha256"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != "LOCK")


@pytest.mark.usefixtures("tables_only")
@pytest.mark.parametrize("damage", DAMAGES)
def test_codes_are_found_whatever_becomes_of_the_files(
    codes_folder: Path, random_codes: Codes, damage: Damage, same: Same
) -> None:
    with opened_codes(codes_folder) as index:
        before = index.search(random_codes, 20)
        assert len(before.ids) >= len(random_codes)
        assert [path.suffix for path in files(codes_folder)] == [".segment", ""]
        for path in files(codes_folder):
            damage(path)
        same(index.search(random_codes, 20), before)


@pytest.mark.parametrize("damage", DAMAGES)
def test_digests_are_found_whatever_becomes_of_the_files(
    digests_folder: Path, random_codes: Codes, damage: Damage, same: Same
) -> None:
    with opened_digests(digests_folder) as index:
        before = index.search(random_codes)
        assert len(before.ids) == len(random_codes)
        for path in files(digests_folder):
            damage(path)
        same(index.search(random_codes), before)


class Told:
    """Hears alarms, and counts the bytes that were looked at."""

    def __init__(self) -> None:
        self.alarms: list[str] = []
        self.bytes = 0

    def pace(self, size: int) -> None:
        self.bytes += size

    def scrub(self, index: Fed, deep: bool = True) -> str:
        return index.scrub(self.pace, self.alarms.append, deep)


@pytest.fixture
def told() -> Told:
    return Told()


def emptied(folder: Path) -> Path:
    """A copy of a folder without its lock, as a restart would find it."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("LOCK"))
    return copy


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [0, 1])
def test_a_damaged_file_of_codes_is_noticed_and_written_anew(
    codes_folder: Path,
    random_codes: Codes,
    file: int,
    damage: Damage,
    deep: bool,
    told: Told,
    same: Same,
) -> None:
    """Whether it is read or only looked at: nobody can write it without leaving a trace."""
    with opened_codes(codes_folder) as index:
        before = index.search(random_codes, 20)
        assert told.scrub(index) == ""
        path = files(codes_folder)[file]
        damage(path)
        assert path.name in told.scrub(index, deep)
        index.maintain()
        assert told.scrub(index) == ""
        with opened_codes(emptied(codes_folder)) as again:
            assert again.needs_rebuild == ""
            assert again.sequence == 7
            same(again.search(random_codes, 20), before)
    assert told.alarms == []


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [0, 1])
def test_a_damaged_file_of_digests_is_noticed_and_written_anew(
    digests_folder: Path, random_codes: Codes, file: int, damage: Damage, told: Told, same: Same
) -> None:
    index = opened_digests(digests_folder)
    before = index.search(random_codes)
    assert told.scrub(index) == ""
    path = files(digests_folder)[file]
    damage(path)
    assert path.name in told.scrub(index, deep=False)
    index.maintain()
    assert told.scrub(index) == ""
    again = opened_digests(emptied(digests_folder))
    assert again.needs_rebuild == ""
    same(again.search(random_codes), before)
    again.close()
    index.close()
    assert told.alarms == []


@pytest.mark.parametrize("name", ["head", "tail", "ids", "live", "rows", "checks"])
@pytest.mark.usefixtures("tables_only")
def test_codes_that_changed_in_memory_are_never_searched_again(
    codes_folder: Path, random_codes: Codes, name: str, told: Told, same: Same
) -> None:
    """Until all entries were handed over; a restart before that finds nothing to trust."""
    with opened_codes(codes_folder) as index:
        before = index.search(random_codes, 20)
        told.scrub(index)
        (part,) = index._holder.state.parts
        spoil(getattr(part, name) if name == "live" else getattr(part.segment, name))
        assert told.scrub(index) == ""
        (alarm,) = told.alarms
        assert alarm.startswith(name)
        assert index.needs_rebuild == alarm
        with pytest.raises(RebuildNeededError):
            index.search(random_codes, 20)
        with pytest.raises(RebuildNeededError):
            index.apply(Changes(remove=np.array([1])))
        index.maintain()
        assert not index.save()
        with opened_codes(emptied(codes_folder)) as again:
            assert again.sequence == 0
        index.rebuild([entries(random_codes)], 8, "mark")
        assert told.scrub(index) == ""
        same(index.search(random_codes, 20), before)


@pytest.mark.parametrize("name", ["digests", "keys", "row_of_key", "live"])
def test_digests_that_changed_in_memory_are_never_searched_again(
    digests_folder: Path, random_codes: Codes, name: str, told: Told, same: Same
) -> None:
    index = opened_digests(digests_folder)
    before = index.search(random_codes)
    told.scrub(index)
    (part,) = index._holder.state.parts
    spoil(getattr(part if name == "live" else part.segment, name))
    assert told.scrub(index) == ""
    assert told.alarms == [index.needs_rebuild]
    with pytest.raises(RebuildNeededError):
        index.search(random_codes)
    assert not index.save()
    with opened_digests(emptied(digests_folder)) as again:
        assert again.sequence == 0
    index.rebuild([entries(random_codes)], 8, "mark")
    assert told.scrub(index) == ""
    same(index.search(random_codes), before)
    index.close()


def spoil(array: NDArray[Any]) -> None:
    """Flip a bit of what nobody may write to, as a fault of memory does."""
    ctypes.c_uint8.from_address(array.ctypes.data + array.nbytes // 2).value ^= 1


def test_all_of_memory_and_files_is_looked_at_and_untouched_files_only_if_asked(
    codes_folder: Path, told: Told
) -> None:
    with opened_codes(codes_folder) as index:
        memory = sum(index.stats().bytes[name] for name in ("head", "tail", "ids", "bitmaps"))
        told.scrub(index)
        whole, told.bytes = told.bytes, 0
        told.scrub(index, deep=False)
        assert memory <= told.bytes < whole


MARKS: list[Callable[[Ids], Changes]] = [
    lambda ids: Changes(remove=ids),
    lambda ids: Changes(disable=ids),
    lambda ids: Changes(enable=ids),
]


class ScrubbedIndexes(RuleBasedStateMachine):
    """Whatever is changed, saved and merged, scrubbing never finds damage where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.codes = opened_codes(Path(self.folder.name) / "code")
        self.digests = opened_digests(Path(self.folder.name) / "sha256")
        self.indexes: list[SegmentedIndex | DigestIndex] = [self.codes, self.digests]
        self.next = 0

    def apply(self, changes: Changes) -> None:
        for index in self.indexes:
            index.apply(changes, index.sequence + 1, "mark")

    @rule(rows=st.integers(1, 400))
    def add(self, rows: int) -> None:
        ids = np.arange(self.next, self.next + rows)
        self.next += rows
        codes = np.random.default_rng(self.next).integers(0, 256, (rows, 32), np.uint8)
        self.apply(Changes(add=Additions(ids, codes, np.ones(rows, np.int32))))

    @rule(data=st.data(), change=st.sampled_from(MARKS))
    def mark(self, data: st.DataObject, change: Callable[[Ids], Changes]) -> None:
        ids = data.draw(st.lists(st.integers(0, self.next), max_size=9, unique=True))
        self.apply(change(np.array(sorted(ids), np.int64)))

    @rule()
    def save(self) -> None:
        for index in self.indexes:
            assert index.save()
            index.maintain()

    @rule(deep=st.booleans())
    def scrub(self, deep: bool) -> None:
        told = Told()
        assert [told.scrub(index, deep) for index in self.indexes] == ["", ""]
        assert told.alarms == []

    def teardown(self) -> None:
        self.scrub(deep=True)
        for index in self.indexes:
            index.close()
        self.folder.cleanup()


TestScrubbedIndexes = ScrubbedIndexes.TestCase
TestScrubbedIndexes.settings = settings(max_examples=15, stateful_step_count=15)


@pytest.mark.parametrize("lost", ["fields", "parts"])
def test_files_that_are_whole_and_of_another_release_are_built_anew(
    codes_folder: Path, digests_folder: Path, lost: str
) -> None:
    """Their checksums hold, and something is not there: that is no reason not to start."""
    for folder in (codes_folder, digests_folder):
        path = folder / "MANIFEST"
        held = container.read(path, "M")
        fields = {name: value for name, value in held.fields.items() if name != "segments"}
        if lost == "parts":
            container.write(path, "M", held.fields, {})
        else:
            container.write(path, "M", fields, held.parts)
    with opened_codes(codes_folder) as codes:
        assert "another release" in codes.needs_rebuild
    digests = opened_digests(digests_folder)
    assert "another release" in digests.needs_rebuild
    digests.close()
