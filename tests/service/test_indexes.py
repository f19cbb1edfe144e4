"""One search over all indexes."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.contract.changes import Additions, Changes
from index.contract.interface import Ids
from index.digests.digest_index import DigestIndex
from service.domain.search import Search
from service.domain.signals import Keyed, Signals, signal_types
from service.replica.columns import PDQ, IndexName, index_ids
from service.replica.indexes import Indexes
from service.replica.shelf import FolderShelf, MemoryShelf, Shelf

SPACE = "s-256-0"
CODE = IndexName("code", SPACE)
ITEM = Signals.of(
    md5=b"m" * 16, pdq=b"c" * 32, codes={SPACE: b"c" * 32}, url="https://example.org/1"
)
SAID = {"md5": b"m" * 16, "url": Keyed()("pexample.org/1"), "pdq": b"c" * 32}
ALL = {"md5", "pdq", "code", "url"}
FOUND = {kind: [1] for kind in sorted(ALL)}


@pytest.fixture(params=["memory", "folder"])
def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> Indexes:
    shelf: Shelf = MemoryShelf()
    if request.param == "folder":
        shelf = FolderShelf(tmp_path / "index", lambda: "store")
    made = Indexes(shelf)
    assert made.open([SPACE]) == {
        CODE,
        *(IndexName(one.name) for one in signal_types() if not one.spaced),
    }
    return made


def feed(indexes: Indexes, ids: list[int], group: int, number: int, item: bytes = b"") -> None:
    """Set entries, all of them ``ITEM``, but with another PDQ hash and code if given."""
    rows: Ids = index_ids(np.array(ids, np.int64))
    for name, index in indexes.all.items():
        said = SAID.get(name.signal, b"c" * 32 if name.signal == "code" else b"")
        if name in (PDQ, CODE) and item:
            said = item
        payload = np.frombuffer(said * len(ids), np.uint8).reshape(len(ids), -1)
        add = Additions(rows, payload, np.full(len(ids), group, np.int32)) if said else Additions()
        index.apply(Changes(remove=rows, add=add), number)


def search(indexes: Indexes, radius: int = 0, limit: int | None = None) -> dict[str, list[int]]:
    groups = frozenset({1, 2})
    radii = dict.fromkeys(groups, radius)
    found = indexes.search(
        Search(ITEM, groups, frozenset(), {("pdq", ""): radii, ("code", SPACE): radii}, limit)
    ).found
    return {kind: sorted(hit.id for hit in found if hit.signal == kind) for kind in ALL}


def test_a_flood_of_references_is_cut_short(indexes: Indexes) -> None:
    """Of each index and group the nearest are given, ties by id; no group crowds another out."""
    feed(indexes, list(range(50)), 1, 1, item=b"c" * 31 + b"\0")
    feed(indexes, list(range(50, 53)), 1, 2)
    feed(indexes, [53, 54], 2, 3)
    ids = search(indexes, radius=8, limit=5)
    assert ids["pdq"] == ids["code"] == [0, 1, 50, 51, 52, 53, 54]
    assert ids["md5"] == ids["url"] == [0, 1, 2, 3, 4, 53, 54]
    indexes.close()


def test_an_entry_being_replaced_is_never_missed(indexes: Indexes) -> None:
    """Searches that run while an entry is taken out and put back find it every time."""
    feed(indexes, [1], 1, 1)
    stop, misses = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            if search(indexes) != FOUND:
                misses.append(1)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(2, 200):
        feed(indexes, [1], 1, number)
    stop.set()
    for thread in threads:
        thread.join()
    assert not misses
    indexes.close()


def test_spaces_are_opened_as_they_come(indexes: Indexes) -> None:
    """Each once; only those with codes in force count as held."""
    assert indexes.open([SPACE, "other"]) == {IndexName("code", "other")}
    assert indexes.open([SPACE, "other"]) == frozenset()
    assert indexes.spaces() == frozenset()
    feed(indexes, [1], 1, 1)
    assert SPACE in indexes.spaces()
    kinds = {one.name.signal: one.stats.kind for one in indexes.stats()}
    assert kinds["pdq"] in {"flat", "segmented"}
    assert kinds["url"] == "digest"
    indexes.close()


def test_a_folder_that_cannot_be_used_is_said_and_done_without(tmp_path: Path) -> None:
    """The indexes answer from memory, and operators are told."""
    (tmp_path / "index").write_text("not a folder")
    indexes = Indexes(FolderShelf(tmp_path / "index", lambda: "store"))
    indexes.open([SPACE])
    feed(indexes, [1], 1, 1)
    assert search(indexes) == FOUND
    assert all("memory only" in one.stats.trouble for one in indexes.stats())
    indexes.close()


def test_an_index_that_is_damaged_is_left_out_and_said(indexes: Indexes) -> None:
    """What the others find is found all the same; nobody takes it for everything there is."""
    feed(indexes, [1, 2], 1, 1)
    asked = Search(
        ITEM, frozenset({1}), frozenset(), {("pdq", ""): {1: 0}, ("code", SPACE): {1: 0}}
    )
    whole = indexes.search(asked)
    assert not whole.incomplete
    assert not indexes.damaged
    damaged = indexes.all[IndexName("md5")]
    assert isinstance(damaged, DigestIndex)
    damaged._holder.lost = "its memory changed"
    assert indexes.damaged
    rest = indexes.search(asked)
    assert rest.incomplete
    assert {hit.signal for hit in whole.found} - {hit.signal for hit in rest.found} == {"md5"}
    assert len(rest.found) == len(whole.found) - 2
    # Who does not ask it misses nothing by it.
    assert not indexes.search(replace(asked, exact=frozenset())).incomplete
