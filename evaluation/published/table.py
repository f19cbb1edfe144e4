"""The figures of a published benchmark for a terminal of 100 columns."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evaluation.base.terminal import NONE, printable, share_text
from evaluation.published.running import SIGNALS, PublishedResult


def tables(result: PublishedResult) -> RenderableType:
    """The figures for a terminal."""
    origin = result.provenance
    heading = f"{origin.data}: {result.references} references, {result.queries} queries; "
    notes = f"{origin.machine}; {origin.software}; {origin.date}\ncommand: "
    if result.skipped:
        skipped = ", ".join(f"{count} {code}" for code, count in sorted(result.skipped.items()))
        notes = f"Not decoded, and so not found: {skipped}.\n{notes}"
    return Group(
        Text(heading + origin.spaces[0]),
        _disc21(result) if result.disc21 else _copydays(result),
        Text(notes + printable(origin.command)),
    )


def _disc21(result: PublishedResult) -> Table:
    table = Table("", "score normalisation", "µAP", "recall at precision .9", "recall at 1")
    for row in result.disc21:
        for name, one in (("no", row.raw), ("yes", row.normalised)):
            if one is None:
                table.add_row(row.signal, "no training images", *(NONE,) * 3)
            else:
                shares = (one.average_precision, one.recall_at_90, one.first)
                table.add_row(row.signal, name, *map(share_text, shares))
    return table


def _copydays(result: PublishedResult) -> Table:
    table = Table("copies", "queries", *(f"mAP, {signal}" for signal in SIGNALS))
    for row in result.copydays:
        shares = (row.average_precision[signal] for signal in SIGNALS)
        table.add_row(row.block, str(row.queries), *map(share_text, shares))
    return table
