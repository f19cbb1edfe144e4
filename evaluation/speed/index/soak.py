"""A soak of the index: writes and queries for minutes, killed again and again.

``lookalike-eval index-soak FOLDER --seconds N`` starts a worker that changes an index in ``FOLDER``
and queries it from other threads, kills it with SIGKILL at random moments, starts it
again, and so on. Now and then the worker's disk is full. After each start, and all the while,
answers are held against what was acknowledged: an entry that was lost, or one that was removed and
is found, ends the soak.

The store is played by a number: change *s* is a function of *s* alone (``changes``), and what is
acknowledged is the highest *s* in a file. It knows the index's contract; not its files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import Codes
from index.contract.changes import Additions, Changes
from index.segmented.segmented_index import SegmentedIndex

ADDED: Final = 97
"""Entries a change adds: those with ids from ``ADDED * s``."""
_ABSENT, _DISABLED, _LIVE = 0, 1, 2
_READERS: Final = 2


@dataclass(frozen=True)
class SoakResult:
    """What a soak has seen."""

    kills: int
    changes: int
    queries: int


class SoakError(Exception):
    """The index lost an entry or found one that is gone."""


def codes_of(ids: NDArray[np.int64]) -> Codes:
    """The code of each id: one id in 16 shares its code with others, and all lie in clusters."""
    # A fixed mixing function, so that no codes need be kept.
    seeds = np.where(ids % 16 == 0, ids // 160, ids).astype(np.uint64)
    words = np.arange(1, 5, dtype=np.uint64)[None] * np.uint64(0x9E3779B97F4A7C15)
    mixed = (seeds[:, None] + np.uint64(1)) * words
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return mixed.view(np.uint8).reshape(-1, 32)


def changes(number: int) -> Changes:
    """Change ``number``, from 1 on:

    adds entries, and removes, disables and enables earlier ones.
    """
    rng = np.random.default_rng(number)
    ids = np.arange(ADDED * number, ADDED * (number + 1))
    earlier = rng.integers(ADDED, ADDED * number, 60) if number > 1 else ids[:0]
    return Changes(
        remove=earlier[:30],
        add=Additions(ids, codes_of(ids), (ids % 7).astype(np.int32)),
        disable=earlier[30:45],
        enable=earlier[45:],
    )


@dataclass(frozen=True, eq=False)
class Moment:
    """What has been acknowledged up to one change."""

    number: int
    status: NDArray[np.uint8]
    """uint8 (n,): of each id."""


class Truth:
    """What has been acknowledged."""

    def __init__(self) -> None:
        """Nothing."""
        self.moment = Moment(0, np.zeros(0, np.uint8))

    def apply(self, number: int) -> None:
        """Take in change ``number``, the next one."""
        change = changes(number)
        status = np.zeros(ADDED * (number + 1), np.uint8)
        status[: len(self.moment.status)] = self.moment.status
        status[change.remove] = _ABSENT
        status[change.add.ids] = _LIVE
        off, on = change.disable, change.enable
        status[off[status[off] != _ABSENT]] = _DISABLED
        status[on[status[on] != _ABSENT]] = _LIVE
        # One assignment: readers see the change whole.
        self.moment = Moment(number, status)


def soak(folder: Path, seconds: float, seed: int = 0) -> SoakResult:
    """Run workers in ``folder`` for ``seconds``, killing each. Raises ``SoakError``."""
    rng = random.Random(seed)  # noqa: S311 - chooses moments, guards nothing
    end = time.monotonic() + seconds
    kills = done = queries = 0
    while time.monotonic() < end:
        program = f"from {__name__} import work; work({str(folder)!r})"
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:  # noqa: S603
            assert worker.stdout is not None
            killer: threading.Timer | None = None
            for line in worker.stdout:
                done, queries = (int(word) for word in line.split())
                if killer is None:
                    killer = threading.Timer(rng.uniform(0.05, 3.0), worker.kill)
                    killer.start()
            code = worker.wait()
        if killer is not None:
            killer.cancel()
        if code != -signal.SIGKILL:
            raise SoakError(f"the worker ended by itself with status {code}")
        kills += 1
    return SoakResult(kills, done, queries)


def work(place: str) -> None:
    """The worker: recover, check everything, then change and query until killed."""
    folder = Path(place)
    acknowledged = folder / "acknowledged"
    last, asked = _acknowledged(acknowledged)
    truth = Truth()
    for number in range(1, last + 1):
        truth.apply(number)
    index = SegmentedIndex.open(folder / "index", "soak", "code")
    if index.needs_rebuild:
        raise SoakError(f"a kill damaged the index: {index.needs_rebuild}")
    if index.sequence > last + 1:
        raise SoakError(f"the index is at {index.sequence}, the store at {last}")
    if index.sequence == last + 1:
        # The change was saved, and its acknowledgement was not: the store has it all the same.
        last += 1
        truth.apply(last)
    for number in range(index.sequence + 1, last + 1):
        index.apply(changes(number), number)
    _check_everything(index, truth)
    failures: list[BaseException] = []
    counts = [0] * _READERS
    for reader in range(_READERS):
        threading.Thread(
            target=_guarded,
            args=(lambda reader=reader: _read(index, truth, counts, reader), failures),
            daemon=True,
        ).start()
    while not failures:
        number = last + 1
        with _sometimes_full_disk(number):
            index.apply(changes(number), number)
        truth.apply(number)
        last = number
        total = asked + sum(counts)
        acknowledged.with_suffix(".new").write_text(f"{last} {total}")
        acknowledged.with_suffix(".new").replace(acknowledged)
        sys.stdout.write(f"{last} {total}\n")
        sys.stdout.flush()
    raise failures[0]


def _acknowledged(path: Path) -> tuple[int, int]:
    if not path.exists():
        return 0, 0
    last, asked = path.read_text().split()
    return int(last), int(asked)


def _check_everything(index: SegmentedIndex, truth: Truth) -> None:
    """Every live entry is found by its own code, and no other entry is."""
    ids = np.arange(ADDED, len(truth.moment.status))
    for start in range(0, len(ids), 4096):
        some = ids[start : start + 4096]
        hits = index.search(codes_of(some), 0)
        found = np.unique(hits.ids[np.isin(hits.ids, some)])
        live = some[truth.moment.status[some] == _LIVE]
        if found.tolist() != live.tolist():
            lost, risen = np.setdiff1d(live, found), np.setdiff1d(found, live)
            raise SoakError(f"{len(lost)} entries lost, {len(risen)} found that are gone")


def _read(index: SegmentedIndex, truth: Truth, counts: list[int], reader: int) -> None:
    """Query entries that no change touches meanwhile; the answer must be what they are."""
    rng = np.random.default_rng([reader, time.monotonic_ns()])
    while True:
        before = truth.moment
        if before.number < 1:
            continue
        ids = rng.integers(ADDED, len(before.status), 16)
        hits = index.search(codes_of(ids), int(rng.choice([0, 31, 48])))
        # A change is in force before it is acknowledged: the one under way counts as well.
        touched = [changes(n) for n in range(before.number + 1, truth.moment.number + 2)]
        moved = np.concatenate([c.remove for c in touched] + [c.disable for c in touched])
        moved = np.concatenate([moved, *(c.enable for c in touched)])
        for place in np.flatnonzero(~np.isin(ids, moved)).tolist():
            id_, live = int(ids[place]), bool(before.status[ids[place]] == _LIVE)
            rows = hits.ids[hits.offsets[place] : hits.offsets[place + 1]]
            if bool((rows == id_).any()) != live:
                said = "lost" if live else "found though it is gone"
                raise SoakError(f"entry {id_} is {said}, after change {before.number}")
        counts[reader] += len(ids)


@contextlib.contextmanager
def _sometimes_full_disk(number: int) -> Iterator[None]:
    """For one change in five, every attempt to force a file to disk fails."""

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if number % 5 == 0:
        with mock.patch.object(os, "fsync", full):
            yield
    else:
        yield


def _guarded(target: Callable[[], None], failures: list[BaseException]) -> None:
    try:
        target()
    except BaseException as failure:  # noqa: BLE001 - the main thread reports it
        failures.append(failure)
