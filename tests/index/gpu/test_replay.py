"""Recorded searches answer what ordinary ones do, and step aside when they cannot.

A stand-in for the CUDA graph does the recorded work again each time; all around it is real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest

from embeddings.codes import Codes
from index.contract.interface import Hits
from index.contract.oracle import OracleIndex
from index.gpu.resident import GpuIndex
from index.gpu.scans.plain import PlainEngine

Flip = Callable[[Codes, int], Codes]
Same = Callable[[Hits, Hits], None]


def again(work: Callable[[], None], _stream: object) -> Callable[[], None]:
    return work


@pytest.fixture
def index() -> Iterator[GpuIndex]:
    """An index that believes its engine can be recorded."""
    with (
        mock.patch.object(PlainEngine, "recordable", True),
        mock.patch("index.gpu.scans.replay.recorded", again),
        mock.patch("index.gpu.scans.replay._FETCHED", 50),
    ):
        index = GpuIndex(["cpu"], slab_rows=4096)
        stream: Any = mock.Mock()
        index.shards[0].replays._stream = stream
        yield index


def test_recordings_answer_as_the_oracle_while_rows_come_and_go(
    index: GpuIndex, random_codes: Codes, flip: Flip, same: Same
) -> None:
    oracle = OracleIndex()
    replays = index.shards[0].replays
    queries = flip(random_codes[:40], 30)
    for round_ in range(4):
        rows = np.arange(round_ * 700, round_ * 700 + 700)
        for some in (index, oracle):
            some.add(rows, random_codes[rows], (rows % 3).astype(np.int32))
            some.remove(rows[::9])
        for batch in (1, 2, 3, 5, 16):
            index.shards[0].poison()
            for radius in (29, 30, 31, {0: 30, 2: 29}, {7: 40}):
                asked = queries[batch : 2 * batch]
                same(index.search(asked, radius), oracle.search(asked, radius))
    assert replays.replayed == 4 * 5 * 5
    assert replays.trouble == ""


def test_batches_and_answers_that_are_too_large_go_the_ordinary_way(
    index: GpuIndex, random_codes: Codes, same: Same
) -> None:
    oracle = OracleIndex()
    for some in (index, oracle):
        some.add(np.arange(60), np.repeat(random_codes[:1], 60, 0), np.zeros(60, np.int32))
    replays = index.shards[0].replays
    same(index.search(random_codes[:1], 3), oracle.search(random_codes[:1], 3))
    same(index.search(random_codes[:17], 3), oracle.search(random_codes[:17], 3))
    assert replays.replayed == 0
    same(index.search(random_codes[1:2], 3), oracle.search(random_codes[1:2], 3))
    assert replays.replayed == 1


def test_where_recording_fails_searches_go_on_and_say_so(
    index: GpuIndex, random_codes: Codes
) -> None:
    def refused(_work: object, _stream: object) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    index.add(np.arange(9), random_codes[:9], np.zeros(9, np.int32))
    with mock.patch("index.gpu.scans.replay.recorded", refused):
        assert index.search(random_codes[:1], 3).ids.tolist() == [0]
    assert "capturing" in index.stats().trouble
    assert index.search(random_codes[4:5], 3).ids.tolist() == [4]
