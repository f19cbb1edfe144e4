"""Whatever happens to an index, in whatever order, it answers as brute force does or refuses to."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from index.contract.changes import Additions, Changes
from index.contract.errors import DuplicateIdError
from index.contract.oracle import OracleIndex
from index.segmented.segmented_index import SegmentedIndex

_rng = np.random.default_rng(5)
POOL = _rng.integers(0, 256, (10, 32), np.uint8)
# Near copies, so that radii between 0 and 40 tell codes apart.
POOL[5:] = POOL[:5] ^ np.packbits(_rng.random((5, 256)) < 0.08, axis=1)

SOME_IDS = st.lists(st.integers(0, 70), max_size=14)
RADII = st.one_of(
    st.integers(0, 60),
    st.sampled_from([100, 256]),
    st.dictionaries(st.integers(0, 3), st.integers(0, 130), max_size=3),
)


class Index(RuleBasedStateMachine):
    """The store is the oracle and a log of numbered changes; the index may die at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lookalike-index-"))
        self.patches: list[Any] = [
            mock.patch("index.segments.building.TABLES_FROM", 8),
            mock.patch("index.storage.maintenance.SEAL_AT", 12),
            mock.patch("index.storage.kept_index.BULK", 13),
        ]
        for patch in self.patches:
            patch.start()
        self.oracle = OracleIndex()
        self.log: list[tuple[int, Changes]] = []
        self.sequence = 0

    @initialize(cheap_scans=st.booleans())
    def open(self, cheap_scans: bool) -> None:
        """Half of the runs use the tables wherever they can."""
        if not cheap_scans:
            patch = mock.patch("index.search.routing.scan_cost", lambda rows, _queries: rows * 1e9)
            self.patches.append(patch)
            patch.start()
        self.index = self.opened()

    def opened(self) -> SegmentedIndex:
        return SegmentedIndex.open(self.folder, "space", "pdq", threads=1, background=False)

    def teardown(self) -> None:
        self.die()
        for patch in self.patches:
            patch.stop()
        shutil.rmtree(self.folder)

    def die(self) -> None:
        folder = self.index._folder
        if folder is not None and not self.index._closed:
            folder.close()
            self.index._closed = True

    @rule(remove=SOME_IDS, add=SOME_IDS, disable=SOME_IDS, enable=SOME_IDS, gap=st.integers(1, 3))
    def change(
        self, remove: list[int], add: list[int], disable: list[int], enable: list[int], gap: int
    ) -> None:
        ids = np.array(add, np.int64)
        flags = ids % 5 != 0
        changes = Changes(
            np.array(remove, np.int64),
            Additions(ids, POOL[ids % len(POOL)], (ids % 4).astype(np.int32), flags),
            np.array(disable, np.int64),
            np.array(enable, np.int64),
        )
        known = set(self.oracle._ids.tolist())
        refused = len(set(add)) < len(add) or bool(set(add) & (known - set(remove)))
        number = self.sequence + gap
        try:
            applied = self.index.apply(changes, number)
        except DuplicateIdError:
            assert refused
            return
        assert not refused
        self.sequence = number
        self.log.append((number, changes))
        assert applied.removed == self.oracle.remove(changes.remove)
        self.oracle.add(ids, changes.add.codes, changes.add.groups)
        assert applied.disabled == self.oracle.set_enabled(changes.disable, False)
        assert applied.enabled == self.oracle.set_enabled(changes.enable, True)
        self.oracle.set_enabled(ids[~flags], False)

    @rule()
    def maintain(self) -> None:
        self.index.maintain()

    @rule(broken=st.booleans())
    def save(self, broken: bool) -> None:
        if broken:
            full = OSError(errno.ENOSPC, "No space left on device")
            with mock.patch.object(os, "fsync", side_effect=full):
                self.index.save()
        else:
            assert self.index.save()
            assert self.index.stats().trouble == ""

    @rule()
    def close_and_open(self) -> None:
        self.index.close()
        self.index = self.opened()
        assert (self.index.needs_rebuild, self.index.sequence) == ("", self.sequence)

    @rule()
    def crash_and_open(self) -> None:
        self.die()
        self.index = self.opened()
        assert self.index.needs_rebuild == ""
        for number, changes in self.log:
            if number > self.index.sequence:
                self.index.apply(changes, number)

    @rule(data=st.data())
    def damage_and_open(self, data: st.DataObject) -> None:
        self.die()
        files = sorted(path for path in self.folder.iterdir() if path.name != "LOCK")
        if files:
            path = data.draw(st.sampled_from(files))
            content = bytearray(path.read_bytes())
            # Headers and the beginnings of parts: bytes that count.
            place = data.draw(st.sampled_from([8, 20, 30, 60, *range(4096, len(content), 4096)]))
            content[place] ^= data.draw(st.integers(1, 255))
            path.write_bytes(content)
        self.index = self.opened()
        if self.index.needs_rebuild:
            batches = [self.rows(), Additions()]
            self.index.rebuild(batches, self.sequence)
        for number, changes in self.log:
            if number > self.index.sequence:
                self.index.apply(changes, number)

    def rows(self) -> Additions:
        """What the store holds now."""
        oracle = self.oracle
        return Additions(
            oracle._ids.copy(),
            oracle._codes.copy(),
            oracle._groups.copy(),
            oracle._enabled.copy(),
        )

    @rule(
        queries=st.lists(st.integers(0, len(POOL) - 1), max_size=4),
        radius=RADII,
        limit=st.one_of(st.none(), st.integers(1, 3)),
        k=st.integers(1, 9),
    )
    def ask(
        self, queries: list[int], radius: int | dict[int, int], limit: int | None, k: int
    ) -> None:
        codes = POOL[queries]
        groups = frozenset(radius) if isinstance(radius, dict) else None
        for ours, theirs in (
            (self.index.search(codes, radius, limit), self.oracle.search(codes, radius, limit)),
            (self.index.nearest(codes, k, groups), self.oracle.nearest(codes, k, groups)),
        ):
            for column in ("offsets", "ids", "groups", "distances"):
                np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))
            assert ours.truncated == theirs.truncated

    @invariant()
    def counts_agree(self) -> None:
        if hasattr(self, "index"):
            ours, theirs = self.index.stats(), self.oracle.stats()
            assert (ours.entries, ours.enabled) == (theirs.entries, theirs.enabled)
            assert ours.sequence == self.sequence


TestIndex = Index.TestCase
TestIndex.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
