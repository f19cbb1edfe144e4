"""Whatever becomes of an index's files while it is open, it finds what it found before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embeddings.codes import Codes
from index.changes import Entries
from index.interface import Hits
from index.listed_digests import FILE, NumberedDigestIndex
from index.segmented import SegmentedIndex
from tests.index.damages import DAMAGES, Damage

Same = Callable[[Hits, Hits], None]


def entries(rows: Codes) -> Entries:
    """``rows`` under ids 0, 1, … in group 1."""
    return Entries(np.arange(len(rows)), rows, np.ones(len(rows), np.int32))


def opened_codes(folder: Path) -> SegmentedIndex:
    return SegmentedIndex.open(folder, "space", "code", background=False)


def opened_digests(folder: Path) -> NumberedDigestIndex:
    return NumberedDigestIndex(32, folder, "sha256")


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
def test_digests_are_found_whatever_becomes_of_the_file(
    digests_folder: Path, random_codes: Codes, damage: Damage, same: Same
) -> None:
    index = opened_digests(digests_folder)
    before = index.search(random_codes)
    assert len(before.ids) == len(random_codes)
    damage(digests_folder / FILE)
    same(index.search(random_codes), before)
    index.close()
