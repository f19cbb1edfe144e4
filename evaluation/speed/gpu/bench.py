"""How fast codes are searched and images encoded on CUDA devices, beside what the device can do

``lookalike bench gpu``, or ``python -m evaluation.speed.gpu.bench`` where only torch, Triton,
Pillow,
safetensors and rich are installed. Floors are measured in the same run; which way of comparing is
used from which batch size is measured first and can be kept for ``open_gpu_index``. Every answer is
checked. Figures are handed on as they come: a run that is cut off has not been for nothing. With
``cpu`` a miniature of it runs without a device: it shows that the benchmark works, and its figures
mean nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import torch

from evaluation.base.errors import NoGpuError
from evaluation.speed.gpu.encode import EncodeRow, decoding_note, encode_rows
from evaluation.speed.gpu.floors import Floors, measure
from evaluation.speed.gpu.peer import PeerRow, peer_rows
from evaluation.speed.gpu.search import SearchRow, filled, timed
from index.contract.errors import DeviceMemoryError
from index.gpu.calibration import DEFAULT, TILES, Calibration
from index.gpu.resident import GpuIndex

SIZES: Final = (1_000_000, 10_000_000, 100_000_000, 300_000_000, 1_000_000_000, 3_000_000_000)
BATCHES: Final = (1, 4, 16, 256, 4096)
RADII: Final = (31, 48, 64)
NEIGHBOURS: Final = (1, 10)
CALIBRATED: Final = (16, 32, 48, 64, 96, 128, 192, 256, 512)
"""Batch sizes at which both ways of comparing are timed."""

_NEVER: Final = 1 << 30
_HOST_ROW_BYTES: Final = 13
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Bar:
    """What was asked for, and whether it was reached."""

    what: str
    asked: str
    found: str
    verdict: str
    """``pass``, ``fail``, or ``not measured``."""


@dataclass(frozen=True)
class GpuReport:
    """Everything measured in one run."""

    devices: tuple[str, ...]
    miniature: bool
    """Without a device: nothing here says anything about one."""
    date: str
    versions: str
    floors: Floors
    calibration: Calibration
    searches: tuple[SearchRow, ...]
    peers: tuple[PeerRow, ...]
    encoder: tuple[EncodeRow, ...]
    bars: tuple[Bar, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


Keep = Callable[[GpuReport], None]


def forget(_: GpuReport) -> None:
    """Keep nothing of what was measured so far."""


def run(
    cpu: bool = False,
    most: int = SIZES[-1],
    progress: Progress = lambda _: None,
    keep: Keep = forget,
) -> GpuReport:
    """Measure everything on all CUDA devices, up to ``most`` codes.

    ``keep`` is given all that was measured so far, after each part. Raises ``NoGpuError`` where
    there is no device, unless ``cpu`` asks for the miniature; and ``WrongAnswerError``.
    """
    if not cpu and not torch.cuda.is_available():
        raise NoGpuError(
            "there is no CUDA device here to measure; --cpu runs a miniature that tests the"
            " benchmark itself"
        )
    names = ["cpu"] if cpu else [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    device = torch.device(names[0])
    rng = np.random.default_rng()
    progress("floors: memory, popcounts, products")
    floors = measure(device)
    sizes = (2_000, 9_000) if cpu else tuple(size for size in SIZES if size <= most) or (most,)
    batches = (1, 16) if cpu else BATCHES
    progress("calibrating: popcounts against products")
    index = GpuIndex(names)
    filled(index, min(sizes[-1], 10_000_000))
    calibration = _calibrated(index, batches, device, rng)
    index.close()
    report = GpuReport(
        tuple(names if cpu else [torch.cuda.get_device_name(name) for name in names]),
        cpu,
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        _versions(),
        floors,
        calibration,
        (),
        (),
        (),
        (),
        (),
    )
    keep(report)
    index = GpuIndex(names, calibration)
    for entries in sizes:
        progress(f"{entries:,} codes: filling")
        try:
            _check_host(entries)
            filled(index, entries)
        except DeviceMemoryError as error:
            note = f"{entries:,} codes were not measured: {error}"
            report = replace(report, notes=(*report.notes, note))
            break
        for batch in batches:
            rows = [
                _row(index, entries, batch, kind, value, floors, rng)
                for kind, values in (("radius", RADII), ("nearest", NEIGHBOURS))
                for value in values
            ]
            times = ", ".join(f"{row.kind} {row.value}: {row.ms:.3f} ms" for row in rows)
            progress(f"{entries:,} codes, batch {batch}: {times}")
            report = replace(report, searches=(*report.searches, *rows))
            keep(report)
    notes = [f"replayed graphs: {sum(shard.replays.replayed for shard in index.shards)}"]
    if trouble := index.stats().trouble:
        notes.append(trouble)
    index.close()
    progress("FAISS beside it")
    peers, why = peer_rows(names, 2_000 if cpu else 10_000_000, batches, calibration, rng)
    notes += [why] if why else []
    report = replace(report, peers=tuple(peers), notes=(*report.notes, *notes))
    keep(report)
    progress("encoder")
    encoder = encode_rows(names[0])
    measured = () if cpu else bars(report.searches, peers, encoder)
    report = replace(report, encoder=tuple(encoder), bars=measured)
    keep(report)
    report = replace(report, notes=(*report.notes, decoding_note(names[0])))
    keep(report)
    return report


def bars(
    searches: Sequence[SearchRow], peers: Sequence[PeerRow], encoder: Sequence[EncodeRow]
) -> tuple[Bar, ...]:
    """What was asked of one H200, held against what was measured."""

    def of(entries: int, batch: int) -> list[SearchRow]:
        return [
            row
            for row in searches
            if (row.entries, row.batch, row.kind) == (entries, batch, "radius")
        ]

    out = []
    for batch in (1, 4):
        shares = [row.read_share for row in of(100_000_000, batch)]
        out.append(
            _bar(f"100M codes, batch {batch}, radius search", "read share", ">=", 0.8, shares, min)
        )
    times = [row.ms for row in of(1_000_000_000, 16)]
    out.append(_bar("1B codes, batch 16", "ms", "<=", 20, times, max))
    largest = max((row.entries for row in searches), default=0)
    shares = [row.floor_share for row in of(largest, 4096)]
    out.append(_bar("batch 4096", "share of the faster floor", ">=", 0.6, shares, min))
    for low, asked in ((256, 3.0), (1, 1.0)):
        ratios = [row.ratio for row in peers if (row.batch >= low if low > 1 else row.batch == low)]
        name = f"FAISS, batch {low}{' and above' if low > 1 else ''}"
        out.append(_bar(name, "times as fast", ">=", asked, ratios, min))
    for precision in ("bfloat16", "float16"):
        chosen = [row for row in encoder if row.precision == precision]
        rates = [row.images_per_second for row in chosen]
        near = [row.within_four for row in chosen]
        name = f"encoder, {precision}"
        out.append(_bar(name, "images a second", ">=", 15_000, rates, max))
        out.append(_bar(name, "of codes within 4 bits", ">=", 0.99, near, min))
    return tuple(out)


def _bar(
    what: str,
    unit: str,
    sign: str,
    asked: float,
    found: Sequence[float],
    worst: Callable[[Sequence[float]], float],
) -> Bar:
    """The ``worst`` of what was ``found`` decides."""
    wanted = f"{sign} {asked:g} {unit}"
    if not found:
        return Bar(what, wanted, "", "not measured")
    value = worst(found)
    reached = value >= asked if sign == ">=" else value <= asked
    return Bar(what, wanted, f"{value:.3g}", "pass" if reached else "fail")


def _row(
    index: GpuIndex,
    entries: int,
    batch: int,
    kind: str,
    value: int,
    floors: Floors,
    rng: np.random.Generator,
) -> SearchRow:
    runs = 5 if batch * entries > 1 << 36 or entries < 1 << 17 else 15
    times, checked, planted = timed(index, batch, kind, value, runs, rng)
    median = float(np.median(times))
    pairs = batch * entries / median
    # Several devices have as many times the floor of one.
    devices = len(index.shards)
    return SearchRow(
        entries,
        batch,
        kind,
        value,
        median * 1000,
        float(times.max()) * 1000,
        pairs,
        32 * entries / median / floors.read_bytes / devices,
        pairs / floors.pairs / devices,
        checked,
        planted,
    )


def _calibrated(
    index: GpuIndex, batches: Sequence[int], device: torch.device, rng: np.random.Generator
) -> Calibration:
    """The batch size from which products are quicker, and their best tile."""

    def taken(batch: int, **changes: int) -> float:
        index.use(replace(DEFAULT, **changes))  # type: ignore[arg-type]  # each field is an int
        return float(np.median(timed(index, batch, "radius", RADII[0], 5, rng)[0]))

    largest = max(batches)
    tiles = range(len(TILES)) if device.type == "cuda" else (0,)
    tile = min(tiles, key=lambda number: taken(largest, matrix_from=1, tile=number))
    matrix_from = _NEVER
    # From above: the smallest size from which on products win throughout.
    for batch in sorted((size for size in CALIBRATED if size <= largest), reverse=True):
        if taken(batch, matrix_from=1, tile=tile) > taken(batch, matrix_from=_NEVER):
            break
        matrix_from = batch
    name = "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)
    return replace(DEFAULT, device=name, matrix_from=matrix_from, tile=tile)


def _check_host(entries: int) -> None:
    """Ids and tags stay in host memory: see that there is room. Raises ``DeviceMemoryError``."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
            free = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}
    except OSError:
        return
    if 2 * _HOST_ROW_BYTES * entries > free["MemAvailable"]:
        raise DeviceMemoryError(f"their ids need {2 * _HOST_ROW_BYTES * entries} bytes of memory")


def _versions() -> str:
    try:
        import triton

        kernels = f"Triton {triton.__version__}"
    except ImportError:
        kernels = "no Triton"
    return f"torch {torch.__version__}, {kernels}, CUDA {torch.version.cuda}"


if __name__ == "__main__":
    from evaluation.speed.gpu.table import main

    main()
