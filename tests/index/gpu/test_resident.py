"""Codes on devices are found as brute force finds them, whatever the codes and the buffers.

The devices are a CPU here: the same code, but for the kernels, which ``test_kernels`` looks at.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from embeddings.codes import Codes
from index.contract.changes import Additions, Changes
from index.contract.errors import (
    ClosedIndexError,
    DeviceMemoryError,
    DuplicateIdError,
    NoDeviceError,
    RadiusError,
    SequenceError,
)
from index.contract.interface import CodeIndex, Hits
from index.contract.oracle import OracleIndex
from index.gpu import open_gpu_index, wants_gpu
from index.gpu.calibration import Calibration
from index.gpu.resident import GpuIndex

Flip = Callable[[Codes, int], Codes]
Same = Callable[[Hits, Hits], None]

COUNTING = Calibration(matrix_from=10_000)
PRODUCTS = Calibration(matrix_from=1)

_rng = np.random.default_rng(5)
POOL = _rng.integers(0, 256, (10, 32), np.uint8)
POOL[5:] = POOL[:5] ^ np.packbits(_rng.random((5, 256)) < 0.08, axis=1)


@pytest.fixture(autouse=True)
def fine_steps() -> Iterator[None]:
    """Scans may begin at every 16th row, so that few rows fill several slabs and pieces."""
    patches = [mock.patch(f"index.gpu.{name}.STEP", 16) for name in _STEPPED]
    for patch in patches:
        patch.start()
    yield
    for patch in patches:
        patch.stop()


_STEPPED = ("rows.slabs", "scans.scanning", "scans.neighbours")


def poisoned(index: GpuIndex) -> GpuIndex:
    for shard in index.shards:
        shard.scanner.poison()
    return index


def both(
    codes: Codes,
    ids: Sequence[int] | np.ndarray,
    devices: int = 1,
    calibration: Calibration | None = None,
    slab_rows: int = 4096,
    room: int = 100,
    most: int = 1 << 26,
) -> tuple[GpuIndex, OracleIndex]:
    ours = GpuIndex(["cpu"] * devices, calibration, None, slab_rows, room, most)
    oracle = OracleIndex()
    for index in (ours, oracle):
        index.add(np.array(ids), codes, (np.arange(len(codes)) % 3).astype(np.int32))
    return ours, oracle


@pytest.mark.parametrize("calibration", [COUNTING, PRODUCTS])
@pytest.mark.parametrize("radius", [0, 1, 31, 48, 64, 128, 255])
def test_codes_one_bit_to_either_side_of_the_radius_are_told_apart(
    flip: Flip, random_codes: Codes, calibration: Calibration, radius: int
) -> None:
    queries = random_codes[:3]
    planted = [flip(queries, bits) for bits in (max(radius - 1, 0), radius, radius + 1)]
    index = GpuIndex(["cpu"], calibration, slab_rows=32, room=4)
    index.add(np.arange(9), np.concatenate(planted), np.zeros(9, np.int32))
    hits = poisoned(index).search(queries, radius)
    for query in range(3):
        found = {match.id for match in hits.of(query)}
        assert {query, query + 3} <= found
        assert query + 6 not in found


@pytest.mark.parametrize("calibration", [COUNTING, PRODUCTS])
@pytest.mark.parametrize("batch", [1, 2, 17, 4096, 4099])
def test_batches_of_one_and_of_thousands(
    random_codes: Codes, flip: Flip, same: Same, calibration: Calibration, batch: int
) -> None:
    codes = random_codes[:64]
    ours, oracle = both(codes, range(64), calibration=calibration)
    queries = np.resize(flip(codes, 20), (batch, 32))
    same(poisoned(ours).search(queries, 40), oracle.search(queries, 40))
    same(poisoned(ours).nearest(queries, 2), oracle.nearest(queries, 2))


@pytest.mark.parametrize("order", ["ascending", "shuffled"])
def test_codes_that_are_all_equal(random_codes: Codes, same: Same, order: str) -> None:
    """Every row ties with every other, and the buffer is too small for any of the answers."""
    codes = np.repeat(random_codes[:1], 900, axis=0)
    ids = np.arange(900) if order == "ascending" else np.random.default_rng(1).permutation(900)
    ours, oracle = both(codes, ids, room=2, most=400, slab_rows=64)
    queries = random_codes[:2]
    with mock.patch("index.gpu.scans.neighbours._TIES", 50):
        for radius in (0, 256):
            same(poisoned(ours).search(queries, radius), oracle.search(queries, radius))
            same(ours.search(queries, radius, 5), oracle.search(queries, radius, 5))
        for k in (1, 7, 899, 2000):
            same(poisoned(ours).nearest(queries, k), oracle.nearest(queries, k))
        chosen = frozenset({2})
        same(ours.nearest(queries, 3, chosen), oracle.nearest(queries, 3, chosen))
    assert ours.shards[0].scanner.repeated


def test_a_buffer_that_is_too_small_is_noticed_and_made_to_measure(
    random_codes: Codes, same: Same
) -> None:
    ours, oracle = both(random_codes[:300], range(300), room=10)
    same(poisoned(ours).search(random_codes[:2], 256), oracle.search(random_codes[:2], 256))
    assert ours.shards[0].scanner.repeated == 1
    assert ours.shards[0].scanner.nbytes == 8 * 601
    same(poisoned(ours).search(random_codes[:2], 256), oracle.search(random_codes[:2], 256))
    assert ours.shards[0].scanner.repeated == 1


def test_answers_beyond_what_may_be_held_are_refused_by_name(random_codes: Codes) -> None:
    ours, _ = both(random_codes[:64], range(64), room=4, most=100)
    with pytest.raises(DeviceMemoryError, match="160 matches of 10 queries with 16 codes"):
        ours.search(random_codes[:10], 256)
    assert len(ours.search(random_codes[:5], 256).ids) == 320


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_groups_and_entries_have_radii_of_their_own(
    random_codes: Codes, flip: Flip, same: Same, devices: int
) -> None:
    codes = flip(np.resize(random_codes[:4], (120, 32)), 20)
    ours, oracle = both(codes, range(120), devices, slab_rows=32)
    queries = random_codes[:4]
    for radius in (19, 20, {0: 20, 1: 19}, {2: 256}, {0: 0, 1: 20, 2: 64}, {7: 256}, {}):
        same(ours.search(queries, radius), oracle.search(queries, radius))
    assert ours.set_radius(np.array([0, 4, 999]), 19) == 2
    found = ours.search(queries, 64).ids.tolist()
    assert set(range(120)) - set(found) >= {0, 4}
    assert len(found) >= 118
    ours.set_enabled(np.array([0]), False)
    ours.set_radius(np.array([0, 4]), 256)
    assert ours.set_enabled(np.array([0]), True) == 1
    same(ours.search(queries, 20), oracle.search(queries, 20))
    with pytest.raises(RadiusError):
        ours.set_radius(np.array([0]), 257)


def test_memory_is_let_go_when_most_entries_are_gone(random_codes: Codes, same: Same) -> None:
    ours, oracle = both(random_codes[:512], range(512), slab_rows=64)
    full = ours.stats().bytes["codes"]
    for index in (ours, oracle):
        index.remove(np.arange(0, 512, 5))
        index.remove(np.arange(100, 512))
    assert ours.stats().bytes["codes"] < full / 2
    same(ours.search(random_codes[:9], 110), oracle.search(random_codes[:9], 110))
    ours.compact()
    assert len(ours.shards[0].directory) == len(oracle._ids)
    kept = ours.shards[0].slabs.codes(np.arange(len(oracle._ids)))
    np.testing.assert_array_equal(kept, oracle._codes)


def test_codes_that_do_not_fit_are_refused_and_change_nothing(random_codes: Codes) -> None:
    index = GpuIndex(["cpu"], budget=36 * 64, slab_rows=32)
    zeros = np.zeros(64, np.int32)
    index.add(np.arange(40), random_codes[:40], zeros[:40])
    with pytest.raises(DeviceMemoryError, match="free"):
        index.apply(
            Changes(np.arange(10), Additions(np.arange(50, 114), random_codes[:64], zeros)), 7
        )
    assert (index.stats().entries, index.sequence) == (40, 0)


def test_after_an_error_or_close_it_says_so(random_codes: Codes) -> None:
    index = open_gpu_index("cpu")
    zeros = np.zeros(3, np.int32)
    index.apply(Changes(add=Additions(np.arange(3), random_codes[:3], zeros)), 4, "m4")
    with pytest.raises(SequenceError):
        index.apply(Changes(), 4)
    with pytest.raises(DuplicateIdError, match="among them 0"):
        index.rebuild([Additions(np.arange(2), random_codes[:2], zeros[:2])] * 2, 9)
    assert (index.stats().entries, index.sequence, index.mark) == (0, 0, "")
    off = np.array([True, False, True])
    index.rebuild([Additions(np.arange(3), random_codes[:3], zeros, off)], 9, "m9")
    assert (index.stats().enabled, index.sequence, index.mark) == (2, 9, "m9")
    assert index.save() is False
    index.close()
    index.close()
    for use in (lambda: index.search(random_codes[:1], 3), lambda: index.remove(np.arange(2))):
        with pytest.raises(ClosedIndexError):
            use()


def test_a_device_that_is_not_there_is_named() -> None:
    for use in (wants_gpu, open_gpu_index):
        with pytest.raises(NoDeviceError, match="tpu"):
            use("tpu")
    assert wants_gpu("cuda")
    assert not wants_gpu("cpu")
    with mock.patch("index.gpu.opening._cuda_devices", return_value=()):
        assert not wants_gpu("auto")
        with pytest.raises(NoDeviceError, match="no CUDA device"):
            open_gpu_index("cuda")


def test_the_package_loads_torch_only_when_it_opens_an_index() -> None:
    script = (
        "import sys, index, index.gpu; index.gpu.wants_gpu('cpu');sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


class Device(RuleBasedStateMachine):
    """Two parts of few rows, tiny slabs, tiny buffers, beside the oracle."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = [mock.patch(f"index.gpu.{name}.STEP", 16) for name in _STEPPED]
        for patch in self.patches:
            patch.start()
        self.index = GpuIndex(["cpu", "cpu"], slab_rows=16, room=3, most=100)
        self.oracle = OracleIndex()
        self.sequence = 0

    def teardown(self) -> None:
        self.index.close()
        for patch in self.patches:
            patch.stop()

    some = st.lists(st.integers(0, 90), max_size=30)

    @rule(remove=some, add=some, disable=some, enable=some)
    def change(
        self, remove: list[int], add: list[int], disable: list[int], enable: list[int]
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
        try:
            applied = self.index.apply(changes, self.sequence + 1)
        except DuplicateIdError:
            assert refused
            return
        assert not refused
        self.sequence += 1
        assert applied.removed == self.oracle.remove(changes.remove)
        self.oracle.add(ids, changes.add.codes, changes.add.groups)
        assert applied.disabled == self.oracle.set_enabled(changes.disable, False)
        assert applied.enabled == self.oracle.set_enabled(changes.enable, True)
        self.oracle.set_enabled(ids[~flags], False)

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @rule(
        queries=st.lists(st.integers(0, len(POOL) - 1), max_size=6),
        radius=st.one_of(
            st.integers(0, 60),
            st.sampled_from([100, 256]),
            st.dictionaries(st.integers(0, 3), st.integers(0, 130), max_size=3),
        ),
        limit=st.one_of(st.none(), st.integers(1, 3)),
        k=st.integers(1, 9),
    )
    def ask(
        self, queries: list[int], radius: int | dict[int, int], limit: int | None, k: int
    ) -> None:
        codes = POOL[queries]
        groups = frozenset(radius) if isinstance(radius, dict) else None
        poisoned(self.index)
        for ours, theirs in (
            (self.index.search(codes, radius, limit), self.oracle.search(codes, radius, limit)),
            (self.index.nearest(codes, k, groups), self.oracle.nearest(codes, k, groups)),
        ):
            for column in ("offsets", "ids", "groups", "distances"):
                np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))
            assert ours.truncated == theirs.truncated

    @invariant()
    def counts_agree(self) -> None:
        ours, theirs = self.index.stats(), self.oracle.stats()
        assert (ours.entries, ours.enabled) == (theirs.entries, theirs.enabled)
        assert (ours.sequence, ours.trouble) == (self.sequence, "")


TestDevice = Device.TestCase
TestDevice.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_it_offers_what_every_index_of_codes_offers() -> None:
    index: CodeIndex = open_gpu_index("cpu")
    assert index.stats().kind == "torch on cpu"
