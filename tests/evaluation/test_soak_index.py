"""Killed at random moments, the index loses no acknowledged entry and finds none that is gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.speed.index import soak
from index.segmented.segmented_index import SegmentedIndex

pytestmark = pytest.mark.slow


def test_a_short_soak_is_survived(tmp_path: Path) -> None:
    result = soak.soak(tmp_path, seconds=6, seed=1)
    assert result.kills >= 1
    assert result.changes > 10
    assert result.queries > 0


def test_the_soak_notices_a_lost_entry_and_one_that_should_be_gone(tmp_path: Path) -> None:
    """The check itself can fail."""
    truth = soak.Truth()
    with SegmentedIndex.open(tmp_path, "soak", "code", background=False) as index:
        for number in (1, 2, 3):
            index.apply(soak.changes(number), number)
            truth.apply(number)
        soak._check_everything(index, truth)
        index.remove(np.array([soak.ADDED * 3 + 5]))
        with pytest.raises(soak.SoakError, match="1 entries lost"):
            soak._check_everything(index, truth)
    gone = int(np.flatnonzero(truth.moment.status[soak.ADDED :] == 0)[0]) + soak.ADDED
    with SegmentedIndex.open(tmp_path, "soak", "code", background=False) as index:
        ids = np.array([gone])
        index.add(ids, soak.codes_of(ids), np.zeros(1, np.int32))
        with pytest.raises(soak.SoakError, match="1 found that are gone"):
            soak._check_everything(index, truth)
