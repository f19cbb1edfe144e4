"""The figures of the photographic probability for a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from evaluation.base.terminal import estimate_text, printable
from evaluation.imagery.measuring import MIN_GROUP, Group, ImageryResult

_KINDS = {"photo": "photographs", "nonphoto": "non-photographs", "unknown": "unlabelled"}
_NAME = 58


def tables(result: ImageryResult) -> RenderableType:
    """The whole report."""
    origin = result.provenance
    heading = Text(
        f"{printable(origin.data)}: {result.images} images, each at a random size and quality; "
        f"{origin.spaces[0]}\n"
    )
    main = Table(
        "", "AUROC", "calibration error", title="Photographic or not", title_justify="left"
    )
    main.add_row("all", estimate_text(result.auroc), estimate_text(result.calibration_error))
    low, high = result.bounds
    labels = Table(
        "kind",
        "images",
        f"photographic ≥ {high:.2f}",
        "uncertain",
        f"non-photographic ≤ {low:.2f}",
        title="\nLabels at the two bounds",
        title_justify="left",
    )
    for row in result.labels:
        shares = (row.photographic, row.uncertain, row.non_photographic)
        labels.add_row(_KINDS[row.kind], str(row.images), *map(estimate_text, shares))
    notes = Text(
        f"\nBrackets hold 95% of a bootstrap over images. Groups under {MIN_GROUP} images are "
        f"never the worst.\n{origin.machine}; {origin.software}; {origin.date}\n"
        f"command: {printable(origin.command)}"
    )
    return Lines(
        heading,
        main,
        labels,
        _groups("\nAUROC by style, against all photographs", result.styles),
        _groups("\nAUROC by source, against all of the other kind", result.sources),
        notes,
    )


def _groups(title: str, groups: Sequence[Group]) -> Table:
    table = Table("", "kind", "images", "AUROC", title=title, title_justify="left")
    for group in groups:
        name = printable(group.name)
        shown = name if len(name) <= _NAME else f"{name[: _NAME - 3]}..."
        table.add_row(Text(shown), group.kind, str(group.images), estimate_text(group.auroc))
    return table
