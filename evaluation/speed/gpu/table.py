"""The figures of a device for a terminal of 100 columns, and the program beside the command line

It knows a report; not how it was measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluation.base.errors import EvaluationError
from evaluation.speed.gpu.bench import SIZES, GpuReport, Keep, run
from index.gpu.calibration import save

MINIATURE = (
    "A miniature on a CPU: it shows that the benchmark runs and its answers are right.\n"
    "Its figures mean nothing."
)


def tables(report: GpuReport) -> Iterator[tuple[str, Table]]:
    """Headings and tables, in the order to read them."""
    floors = report.floors
    rates = _table("GB/s read", "G popcounts/s", "int8 T/s", "bf16 T/s", "faster floor, G pairs/s")
    rates.add_row(
        f"{floors.read_bytes / 1e9:.0f}",
        f"{floors.popcounts / 1e9:.0f}",
        f"{floors.int8_operations / 1e12:.1f}",
        f"{floors.bf16_operations / 1e12:.1f}",
        f"{floors.pairs / 1e9:.1f}",
    )
    where = f"{', '.join(report.devices)}; {report.versions}; {report.date}"
    yield f"floors: {where}", rates
    headings = "codes,batch,search,ms,worst ms,G pairs/s,of reading,of floor,checked"
    searches = _table(*headings.split(","))
    for row in report.searches:
        searches.add_row(
            f"{row.entries:,}",
            str(row.batch),
            f"{'r' if row.kind == 'radius' else 'k'} = {row.value}",
            f"{row.ms:.3f}",
            f"{row.worst_ms:.3f}",
            f"{row.pairs_per_second / 1e9:.2f}",
            f"{row.read_share:.2f}",
            f"{row.floor_share:.2f}",
            f"{row.checked}+{row.planted}",
        )
    used = report.calibration.matrix_from
    products = f"from batch {used} on" if used < 1 << 20 else "never quicker"
    yield (
        f"searches, from host to host; products {products}; checked: in full + planted",
        searches,
    )
    if report.peers:
        peers = _table("codes", "batch", "k", "ms", "FAISS ms", "times as fast")
        for peer in report.peers:
            peers.add_row(
                f"{peer.entries:,}", str(peer.batch), str(peer.k),
                f"{peer.ms:.3f}", f"{peer.faiss_ms:.3f}", f"{peer.ratio:.1f}",
            )  # fmt: skip
        yield "beside FAISS GpuIndexBinaryFlat", peers
    encoder = _table(
        "model", "pixels", "precision", "batch", "images/s", "within 4 bits", "most bits"
    )
    for image in report.encoder:
        encoder.add_row(
            image.model,
            str(image.side),
            image.precision,
            str(image.batch),
            f"{image.images_per_second:.0f}",
            f"{image.within_four:.2f}",
            str(image.most_bits),
        )
    yield "encoder, without decoding; bits against float32 on the same device", encoder
    if report.bars:
        bars = _table("on one H200", "asked", "found", "")
        for bar in report.bars:
            bars.add_row(bar.what, bar.asked, bar.found, bar.verdict)
        yield "bars", bars


def _table(*headings: str) -> Table:
    table = Table()
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def keeper(report: Path | None, calibration: Path | None) -> Keep:
    """Writes what was measured so far to these files, where they are given."""

    def keep(so_far: GpuReport) -> None:
        if report is not None:
            document = json.dumps(so_far.to_json(), indent=1) + "\n"
            partial = report.with_name(f"{report.name}.partial")
            partial.write_text(document, encoding="utf-8")
            partial.replace(report)  # stopped halfway, the last whole report is still there
        if calibration is not None:
            save(so_far.calibration, calibration)

    return keep


def main(arguments: list[str] | None = None) -> None:
    """The command line's ``bench gpu`` where the command line cannot be installed."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.speed.gpu.bench")
    parser.add_argument("--json", type=Path, help="write every figure to this file as well")
    parser.add_argument("--calibration", type=Path, help="write what open_gpu_index can read")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="codes at most")
    parser.add_argument("--cpu", action="store_true", help="a miniature without a device")
    asked = parser.parse_args(arguments)
    notes = Console(stderr=True, highlight=False)
    for file in (asked.json, asked.calibration):
        if file is not None:
            # An hour of measuring must not end in a folder that is not there.
            file.open("a").close()
    try:
        report = run(asked.cpu, asked.most, notes.print, keeper(asked.json, asked.calibration))
    except EvaluationError as error:
        notes.print(f"error: {error}", soft_wrap=True)
        sys.exit(1)
    out = Console(width=100, highlight=False)
    if report.miniature:
        out.print(MINIATURE)
    for heading, table in tables(report):
        out.print(heading)
        out.print(table)
    for note in report.notes:
        out.print(f"note: {note}")
