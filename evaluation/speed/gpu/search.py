"""Searches on devices: made afresh, timed, and every answer checked

Codes are random and made where they are searched. Queries are fresh in every run: some lie exactly
one bit within, at and beyond the radius of a code that is held, the others nowhere near. Before
each run everything answers are written to is poisoned. Planted codes are looked for in every
answer, and for some queries the whole answer is compared with a brute force that shares no code
with the index. It knows an index; not floors or bars.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, Codes, pack, unpack
from evaluation.base.errors import WrongAnswerError
from index.contract.interface import Hits
from index.gpu.resident import GpuIndex
from index.gpu.rows.slabs import SLAB_ROWS

_CHUNK: Final = 1 << 22
_CHECKED: Final = 2
"""Queries a run whose whole answer is compared with brute force."""
_NEAR: Final = 20
"""Bits at which codes are planted for ``nearest``: nothing random lies as near."""


@dataclass(frozen=True)
class SearchRow:
    """One kind of search at one size."""

    entries: int
    batch: int
    kind: str
    """``radius`` or ``nearest``."""
    value: int
    """Bits, or k."""
    ms: float
    """From codes in host memory to ids and distances there, median."""
    worst_ms: float
    pairs_per_second: float
    read_share: float
    """Of the measured bandwidth, had all 32 bytes of each code been read once."""
    floor_share: float
    """Of the faster arithmetic floor."""
    checked: int
    """Queries compared with brute force in full."""
    planted: int
    """Codes planted one bit within, at and beyond the radius, each found or not as it should be."""


def filled(index: GpuIndex, entries: int) -> None:
    """Add random codes until ``index`` holds ``entries``. Raises ``DeviceMemoryError``."""
    held = index.stats().entries
    while held < entries:
        most = min(entries - held, SLAB_ROWS * len(index.shards))
        edges = np.linspace(0, most, len(index.shards) + 1).astype(int).tolist()
        parts = [
            torch.randint(-(2**31), 2**31, (high - low, 8), dtype=torch.int32, device=shard.device)
            for shard, low, high in zip(index.shards, edges[:-1], edges[1:], strict=True)
        ]
        index.add_words(held, parts)
        held += most


def timed(
    index: GpuIndex, batch: int, kind: str, value: int, runs: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], int, int]:
    """Seconds of each of ``runs`` searches, and how much of their answers was checked.

    Raises ``WrongAnswerError``.
    """
    times, checked, planted = [], 0, 0
    for run in range(runs + 2):
        codes, expected = _queries(index, batch, value if kind == "radius" else _NEAR, rng)
        for shard in index.shards:
            shard.poison()
        _wait(index)
        start = time.perf_counter()
        hits = index.search(codes, value) if kind == "radius" else index.nearest(codes, value)
        taken = time.perf_counter() - start
        planted += _check_planted(hits, expected, kind, value)
        # Brute force over a billion codes takes a while: not in every run.
        if run in (0, runs):
            checked += _check_in_full(index, codes[-_CHECKED:], batch, hits, kind, value)
        if run >= 2:
            times.append(taken)
    return np.array(times), checked, planted


_Expected = list[tuple[int, int, int]]
"""Query, id, distance."""


def _queries(
    index: GpuIndex, batch: int, radius: int, rng: np.random.Generator
) -> tuple[Codes, _Expected]:
    """Random codes, up to three of which were held codes with r-1, r and r+1 bits flipped."""
    codes = rng.integers(0, 256, (batch, 32), np.uint8)
    expected = []
    for place in range(min(batch, 3)):
        distance = max(radius - 1 + (place if batch > 1 else int(rng.integers(0, 3))), 0)
        shard = index.shards[int(rng.integers(0, len(index.shards)))]
        row = rng.integers(0, len(shard.directory), 1)
        bits = unpack(shard.slabs.codes(row)).copy()
        bits[:, rng.permutation(CODE_BITS)[:distance]] ^= 1
        codes[place] = pack(bits.astype(np.bool_))[0]
        expected.append((place, int(shard.directory.ids(row)[0]), distance))
    return codes, expected


def _check_planted(hits: Hits, expected: _Expected, kind: str, value: int) -> int:
    for query, id_, distance in expected:
        found = {match.id: match.distance for match in hits.of(query)}
        if kind == "radius":
            right = found.get(id_, distance) == distance and (id_ in found) == (distance <= value)
        else:
            right = found.get(id_) == distance
        if not right:
            raise WrongAnswerError(f"a code planted {distance} bits away: {kind} {value}")
    return len(expected)


def _check_in_full(
    index: GpuIndex, codes: Codes, batch: int, hits: Hits, kind: str, value: int
) -> int:
    """Compare the last answers with brute force, ids and distances."""
    for place, code in enumerate(codes):
        query = batch - len(codes) + place
        truth = _brute_force(index, code, kind, value)
        found = [(match.distance, match.id) for match in hits.of(query)]
        if found != truth:
            raise WrongAnswerError(
                f"{len(found)} matches where brute force has {len(truth)}: {kind} {value}"
            )
    return len(codes)


def _brute_force(
    index: GpuIndex, code: NDArray[np.uint8], kind: str, value: int
) -> list[tuple[int, int]]:
    """(distance, id) in order, by bytes and a table of their bits."""
    found: list[tuple[int, int]] = []
    counts = np.array([byte.bit_count() for byte in range(256)], np.uint8)
    for shard in index.shards:
        table = torch.from_numpy(counts).to(shard.device)
        asked = torch.from_numpy(code.view(np.int32).copy()).to(shard.device)
        for slab in shard.slabs.slabs:
            for start in range(0, slab.filled, _CHUNK):
                planes = slab.planes[:, start : min(start + _CHUNK, slab.filled)]
                away = torch.zeros(planes.shape[1], dtype=torch.int64, device=shard.device)
                for word in range(8):
                    octets = (planes[word] ^ asked[word]).view(torch.uint8).view(-1, 4)
                    for byte in range(4):
                        away += table[octets[:, byte].long()]
                keys = (away << 40) | torch.arange(len(away), device=shard.device)
                if kind == "radius":
                    keys = keys[away <= value]
                else:
                    keys = torch.topk(keys, min(value, len(keys)), largest=False)[0]
                host = keys.cpu().numpy()
                ids = shard.directory.ids((host & ((1 << 40) - 1)) + slab.first + start)
                found += zip((host >> 40).tolist(), ids.tolist(), strict=True)
    found.sort()
    return found if kind == "radius" else found[:value]


def _wait(index: GpuIndex) -> None:
    for shard in index.shards:
        if shard.device.type == "cuda":
            torch.cuda.synchronize(shard.device)
