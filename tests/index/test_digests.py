"""``DigestIndex`` answers what a dictionary would: no digest one byte off is ever found."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from index.contract.errors import DuplicateIdError, RowsError
from index.digests.digest_index import DigestIndex, stack


def sha(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


@pytest.mark.parametrize("width", [16, 20, 32])
def test_listed_digests_are_found_and_others_are_not(width: int) -> None:
    index = DigestIndex(width)
    listed = stack([sha(n)[:width] for n in range(500)], width)
    index.add(np.arange(500), listed, np.zeros(500, np.int32))
    assert index.search(listed).ids.tolist() == list(range(500))
    off = listed.copy()
    off[:, -1] ^= 1
    assert not len(index.search(off).ids)


def test_equal_prefixes_are_told_apart() -> None:
    index = DigestIndex(32)
    forged = np.zeros((300, 32), np.uint8)
    forged[:, 20] = np.arange(300) % 256
    forged[:, 21] = np.arange(300) // 256
    index.add(np.arange(300), forged, np.zeros(300, np.int32))
    for row in (0, 17, 299):
        assert index.search(forged[row : row + 1]).ids.tolist() == [row]


def test_one_digest_may_stand_on_many_lists_and_lists_can_be_chosen() -> None:
    index = DigestIndex(16)
    twice = stack([sha(1)[:16]] * 3, 16)
    index.add(np.array([5, 3, 9]), twice, np.array([2, 1, 2], np.int32))
    assert [(match.id, match.group) for match in index.search(twice[:1]).of(0)] == [
        (3, 1),
        (5, 2),
        (9, 2),
    ]
    assert index.search(twice[:1], frozenset({2})).ids.tolist() == [5, 9]
    assert index.search(twice[:1], frozenset()).ids.tolist() == []


def test_wrong_widths_are_refused() -> None:
    with pytest.raises(RowsError):
        stack([b"short"], 16)
    with pytest.raises(RowsError):
        DigestIndex(4)
    index = DigestIndex(16)
    with pytest.raises(RowsError):
        index.search(np.zeros((1, 32), np.uint8))
    with pytest.raises(RowsError):
        index.add(np.array([1]), np.zeros((1, 20), np.uint8), np.zeros(1, np.int32))
    assert index.search(np.zeros((0, 16), np.uint8)).offsets.tolist() == [0]


class AgainstADictionary(RuleBasedStateMachine):
    """Any sequence of changes leaves the answers a dictionary gives."""

    DIGESTS = stack([sha(n)[:16] for n in range(6)], 16)

    def __init__(self) -> None:
        super().__init__()
        self.index = DigestIndex(16)
        self.entries: dict[int, tuple[int, bool]] = {}

    some_ids = st.lists(st.integers(0, 40), max_size=10)

    @rule(ids=some_ids, which=st.integers(0, 5))
    def add(self, ids: list[int], which: int) -> None:
        column = np.array(ids, np.int64)
        digests = np.repeat(self.DIGESTS[which : which + 1], len(ids), axis=0)
        expected = len(set(ids)) == len(ids) and not set(ids) & set(self.entries)
        if expected:
            self.index.add(column, digests, np.zeros(len(ids), np.int32))
            self.entries.update(dict.fromkeys(ids, (which, True)))
        else:
            with pytest.raises(DuplicateIdError):
                self.index.add(column, digests, np.zeros(len(ids), np.int32))

    @rule(ids=some_ids)
    def remove(self, ids: list[int]) -> None:
        present = set(ids) & set(self.entries)
        assert self.index.remove(np.array(ids, np.int64)) == len(present)
        for id_ in present:
            del self.entries[id_]

    @rule(ids=some_ids, enabled=st.booleans())
    def set_enabled(self, ids: list[int], enabled: bool) -> None:
        present = set(ids) & set(self.entries)
        assert self.index.set_enabled(np.array(ids, np.int64), enabled) == len(present)
        for id_ in present:
            self.entries[id_] = (self.entries[id_][0], enabled)

    @invariant()
    def answers_are_the_dictionary_s(self) -> None:
        hits = self.index.search(self.DIGESTS)
        for which in range(6):
            expected = sorted(i for i, entry in self.entries.items() if entry == (which, True))
            assert [match.id for match in hits.of(which)] == expected
        stats = self.index.stats()
        assert stats.entries == len(self.entries)
        assert stats.enabled == sum(enabled for _, enabled in self.entries.values())


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
