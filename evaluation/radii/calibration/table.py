"""A calibration for a terminal of 100 columns."""

from __future__ import annotations

import math
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embeddings.codes import MAX_SCORE
from evaluation.base.policies import IMAGERY
from evaluation.base.results import Estimate
from evaluation.base.terminal import NONE, estimate_text, printable, rate_text, share_text
from evaluation.radii.calibration.choice import FAST_RADIUS, MIN_GAIN
from evaluation.radii.calibration.measuring import LIST_SIZES, STRATA, CalibrationResult
from evaluation.radii.calibration.rates import FalseRate
from evaluation.statistics.summary import RADII

_RADII: Final = (16, 24, 31, 36, 40, 43, 46, 48, 52, 56, 60, 64, 72, 80, 96)
_CLOSEST: Final = 8

_HEADS: Final = {
    "photographic": "photographs",
    "non_photographic": "non-photographs",
    "any": "all",
    "low_structure": "low structure",
}


def tables(result: CalibrationResult) -> RenderableType:
    """The whole report."""
    origin = result.provenance
    heading = Text(
        f"{printable(origin.data)}: {result.references} references, {result.unrelated} unrelated "
        f"queries, {result.copies} copies; {origin.spaces[0]}\n"
    )
    parts: list[RenderableType] = [heading, _rates(result), _recall(result), _points(result)]
    refused = [f"{imagery}: {why}" for imagery, why in result.refused.items()]
    if refused:
        parts.append(Text("\nNo recommendation. " + "\n".join(refused)))
    parts += [_stages(result), *_scores(result)]
    parts += [_closest(result), _notes(result)]
    return Group(*parts)


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=f"\n{title}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
        column.no_wrap = True
    return table


def _rate(point: FalseRate) -> str:
    if math.isnan(point.rate):
        return NONE
    # One figure each, or four columns would not fit; the JSON file has them in full.
    low, high = (rate_text(end) for end in (point.low, point.high))
    return f"{_short(point.rate)} [dim]{low}-{high}[/dim]"


def _short(rate: float) -> str:
    """Two figures and a power of ten, as ``1.2e-6``."""
    return "0" if rate == 0 else f"{rate:.1e}".replace("e-0", "e-")


def _count(number: float) -> str:
    return (
        f"{number:,.0f}"
        if number < 100_000
        else f"{number:.1e}".replace("e+0", "e").replace("+", "")
    )


def _rates(result: CalibrationResult) -> Table:
    table = _table(
        "False matches per pair of unrelated images", "bits", *(_HEADS[name] for name in STRATA)
    )
    table.add_row("pairs", *(f"{result.curves[name][0].pairs:,}" for name in STRATA))
    for radius in _RADII:
        table.add_row(str(radius), *(_rate(result.curves[name][radius]) for name in STRATA))
    return table


def _recall(result: CalibrationResult) -> Table:
    table = _table("Copies found", "bits", *(_HEADS[name] for name in IMAGERY))
    for radius in RADII:
        table.add_row(
            str(radius), *(estimate_text(result.recall[name][radius]) for name in IMAGERY)
        )
    return table


def _points(result: CalibrationResult) -> Table:
    table = _table(
        f"Recommended, for at most {rate_text(result.target)} false matches per pair",
        "",
        "bits",
        "copies found",
        "per pair ≤",
        *(f"list {size:.0e}".replace("e+0", "e") for size in LIST_SIZES),
    )
    for imagery, one in result.recommended.items():
        point = one.point
        recall = Estimate(point.recall, point.recall_low, point.recall_high)
        table.add_row(
            _HEADS[imagery],
            str(point.radius),
            estimate_text(recall),
            _short(point.high),
            *(_count(one.expected[size]) for size in LIST_SIZES),
        )
    return table


def _stages(result: CalibrationResult) -> Table:
    table = _table(
        "Copies found where at most so many unrelated pairs match",
        "per pair",
        "bits",
        "found by distance",
        "score",
        "found by score",
    )
    for row in result.at_rates:
        table.add_row(
            _short(row.rate),
            NONE if row.radius < 0 else str(row.radius),
            share_text(row.recall),
            str(row.threshold),
            share_text(row.scored),
        )
    return table


def _scores(result: CalibrationResult) -> list[RenderableType]:
    if not result.scores:
        return []
    table = _table("Recommended for the score", "", "score ≥", "copies found", "per pair ≤")
    for imagery, one in result.scores.items():
        point = one.point
        recall = Estimate(point.recall, point.recall_low, point.recall_high)
        least = str(MAX_SCORE - point.radius)
        table.add_row(_HEADS[imagery], least, estimate_text(recall), _short(point.high))
    lost = ", ".join(f"{row.copies} beyond {row.radius}" for row in result.beyond)
    return [table, Text(f"Of the {result.beyond[0].of} copies that score so, by bits: {lost}.")]


def _closest(result: CalibrationResult) -> Text:
    lines = [
        "\nThe closest pairs that pass for unrelated (copies among them would spoil the rates):"
    ]
    for pair in result.closest[:_CLOSEST]:
        lines += [
            f"{pair.distance:3d} bits  {printable(pair.query)}",
            f"          {printable(pair.reference)}",
        ]
    return Text("\n".join(lines))


def _notes(result: CalibrationResult) -> Text:
    origin = result.provenance
    unmatchable = ", ".join(f"{count} {name}" for name, count in result.unmatchable.items())
    skipped = ", ".join(f"{count} {code}" for code, count in sorted(result.skipped.items()))
    return Text(
        "\nRanges hold the rate with 95% confidence, for recall 95% of a bootstrap over source "
        "images. A\nradius is the largest whose range keeps to the target; beyond "
        f"{FAST_RADIUS} bits only if it finds {MIN_GAIN:.0%} more.\nThe columns of lists: false "
        "matches expected among a million unrelated uploads, at the upper end.\n"
        f"Too little structure to be matched: {unmatchable}."
        + (f" Not decoded: {skipped}." if skipped else "")
        + (f" Left out as listed: {result.related} pairs of one work." if result.related else "")
        + f"\n{origin.machine}; {origin.software}; {origin.date}; {origin.seconds:.0f} s"
        + f"\ncommand: {printable(origin.command)}"
    )
