"""Operating points: distances, ROC and DET, false alerts a day, and the tail against a known truth.

It takes frames as ``evaluation.radii.operating`` makes them. Solid lines are measured, dashed ones
extrapolated, dotted ones only bounded; shades are 95% intervals. It knows nothing of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from evaluation.base.terminal import rate_text
from evaluation.radii.operating.gathering import Pairs
from evaluation.radii.operating.tails import Tail
from evaluation.showing.plots.chart import (
    BLACK,
    BLUE,
    GREY,
    MARKERS,
    VERMILION,
    Chart,
    colour_of,
    new,
    shown,
    styled,
)

RATE_FLOOR: Final = 1e-9
"""Rates below are not drawn."""

_LINES: Final[dict[str, Literal["-", "--", ":"]]] = {
    "measured": "-",
    "extrapolated": "--",
    "bounded": ":",
}


def distances(pairs: Sequence[Pairs], radii: Mapping[str, int]) -> Chart:
    """Histograms of true and untrue pairs, a panel for each space; counts on a log axis."""
    figure = new(5.2 * len(pairs), 3.9)
    axes = figure.subplots(1, len(pairs), squeeze=False, sharey=True)[0]
    for panel, one in zip(axes, pairs, strict=True):
        false = one.grouped("any").sum(axis=(0, 1))
        levels = len(false)
        true = np.bincount(one.true, minlength=levels + 1)[:levels]
        edges = np.arange(0, levels + 3, 4)
        for counts, colour, label, fill in (
            (false, BLUE, f"unrelated pairs ({int(false.sum()):,})", True),
            (true, VERMILION, f"copies ({int(true.sum()):,})", False),
        ):
            heights, _ = np.histogram(np.arange(levels), edges, weights=counts)
            panel.stairs(
                heights, edges, color=colour, fill=fill, alpha=0.45 if fill else 1,
                linewidth=1.8, label=label,
            )  # fmt: skip
        name = one.space.name
        if name in radii:
            panel.axvline(
                radii[name] + 0.5, color=BLACK, linestyle="--", linewidth=1.2,
                label=f"radius as shipped, {radii[name]} bits",
            )  # fmt: skip
        styled(panel).set(yscale="log", xlim=(0, 200), xlabel="distance, bits")
        panel.set_ylim(bottom=0.7)
        panel.set_title(shown(name), fontsize=10)
        panel.legend(fontsize=8, frameon=False, loc="upper right")
    axes[0].set_ylabel("pairs, per 4 bits")
    axes[0].set_ylim(top=axes[0].get_ylim()[1] * 60)  # room for the legends
    return Chart(figure, "Histograms of distances, by signal: copies near, unrelated pairs far.")


def roc_and_det(
    curves: Sequence[pd.DataFrame], radii: Mapping[str, int], target: float | None = None
) -> Chart:
    """Recall, and misses, against the false rate per pair, for each space of ``curves``.

    ``radii``: marked on each curve. ``target``: a rate to mark.
    """
    names = [str(one.iloc[0]["space"]) for one in curves]
    colours = colour_of(names)
    figure = new(10.4, 4.5)
    left, right = figure.subplots(1, 2)
    for turn, (one, name) in enumerate(zip(curves, names, strict=True)):
        for panel, miss in ((left, False), (right, True)):
            _line(panel, one, colours[name], miss)
            here = one[one["radius"] == radii.get(name, -1)]
            panel.plot(
                np.maximum(here["false_rate"], RATE_FLOOR),
                _misses(here["recall"]) if miss else here["recall"],
                MARKERS[turn], color=colours[name], markersize=8, markeredgecolor="white",
            )  # fmt: skip
    for panel in (left, right):
        styled(panel).set(xscale="log", xlim=(RATE_FLOOR / 2, 1.5))
        panel.set_xlabel(f"false rate, per pair (left end: {rate_text(RATE_FLOOR)} or less)")
        if target:
            panel.axvline(target, color=GREY, linewidth=1)
    left.set(ylim=(-0.02, 1.02), ylabel="recall, share of copies found")
    left.set_title("ROC", fontsize=10)
    right.set(yscale="log", ylim=(0.009, 1.1), ylabel="miss rate, share of copies not found")
    right.set_title("DET", fontsize=10)
    handles: list[Line2D] = []
    for turn, name in enumerate(names):
        at = f"; mark: radius {radii[name]}" if name in radii else ""
        handles.append(
            Line2D([], [], color=colours[name], marker=MARKERS[turn], label=f"{shown(name)}{at}")
        )
    handles += [Line2D([], [], color=GREY, linestyle=_LINES[b], label=b) for b in _LINES]
    if target:
        handles.append(Line2D([], [], color=GREY, linewidth=1, label=f"target {rate_text(target)}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=8.5)
    return Chart(figure, "ROC and DET at low false rates per pair, measured and extrapolated.")


def _misses(recall: pd.Series) -> pd.Series:
    # A log axis has no place for none.
    return (1 - recall).clip(lower=0.01)


def _line(panel: Axes, curve: pd.DataFrame, colour: str, miss: bool) -> None:
    """The line by basis, and the shade between both ends of the false rate."""
    share = _misses(curve["recall"]) if miss else curve["recall"]
    for basis, style in _LINES.items():
        rate = _of_basis(curve, basis, "false_rate", "false_high")
        panel.plot(rate.clip(lower=RATE_FLOOR), share, style, color=colour, linewidth=1.8)
    panel.fill_betweenx(
        share.to_numpy(float),
        curve["false_low"].clip(lower=RATE_FLOOR).to_numpy(float),
        curve["false_high"].clip(lower=RATE_FLOOR).to_numpy(float),
        color=colour,
        alpha=0.16,
        linewidth=0,
    )


def _of_basis(frame: pd.DataFrame, basis: str, estimate: str, bound: str) -> pd.Series:
    """What is drawn of one basis, nan elsewhere: estimates, or bounds where that is all there is.

    It goes on to the next radius, where another basis begins, or there would be a gap.
    """
    here = frame["basis"] == basis
    column = frame[bound if basis == "bounded" else estimate]
    return column.where(here | (here.shift(1) == 1))


def alerts_a_day(
    expected: Mapping[str, pd.DataFrame], budget: float, title: str, widest: int = 96
) -> Chart:
    """False alerts a day against the radius, a panel for each name; ``budget`` is marked.

    ``expected``: of ``curves.alerts``.
    """
    figure = new(5.2 * len(expected), 3.9)
    axes = figure.subplots(1, len(expected), squeeze=False, sharey=True)[0]
    colours = colour_of(expected)
    for panel, (name, frame) in zip(axes, expected.items(), strict=True):
        here = frame[frame["radius"] <= widest]
        for basis, style in _LINES.items():
            shown_part = _of_basis(here, basis, "alerts", "high")
            panel.plot(
                here["radius"], shown_part.clip(lower=1e-3), style, color=colours[name],
                linewidth=1.8, label=basis if shown_part.notna().any() else None,
            )  # fmt: skip
        panel.fill_between(
            here["radius"], here["low"].clip(lower=1e-3), here["high"].clip(lower=1e-3),
            color=colours[name], alpha=0.16, linewidth=0, label="95% interval",
        )  # fmt: skip
        panel.axhline(budget, color=GREY, linewidth=1.2, label=f"allowed: {budget:g} a day")
        styled(panel).set(yscale="log", xlabel="radius, bits, inclusive", xlim=(0, widest))
        panel.set_title(shown(name), fontsize=10)
        panel.legend(fontsize=8, frameon=False, loc="upper left")
    axes[0].set_ylabel("false alerts a day")
    axes[0].set_ylim(bottom=1e-3)
    figure.suptitle(title, fontsize=11)
    return Chart(figure, f"False alerts a day by radius: {title}.")


def extrapolation_check(
    tail: Tail, seen: NDArray[np.integer], truth: NDArray[np.float64], title: str
) -> Chart:
    """A fitted tail beside the counts it was fitted to, float (L,) pairs, and the true rates."""
    figure = new(7.5, 4)
    panel = styled(figure.subplots())
    radius = np.arange(len(truth))
    within = np.cumsum(seen)
    known = (within > 0) & (radius <= tail.threshold + 6)
    drawn = (tail.rate > 0) & (radius <= tail.threshold)
    panel.fill_between(
        radius[drawn], np.maximum(tail.low[drawn], 1e-12), tail.high[drawn], color=VERMILION,
        alpha=0.16, linewidth=0, label="95% interval of the fit",
    )  # fmt: skip
    panel.plot(
        radius[drawn], tail.rate[drawn], "--", color=VERMILION, linewidth=1.8,
        label=f"fit, below {tail.threshold} bits",
    )  # fmt: skip
    panel.plot(radius, truth, "-", color=BLACK, linewidth=1.4, label="truth")
    panel.plot(
        radius[known], within[known] / within[-1], "o", color=BLUE, markersize=4,
        label=f"counted in {int(within[-1]):,} pairs",
    )  # fmt: skip
    low = int(np.searchsorted(truth, 1e-10))
    panel.set(
        yscale="log", ylim=(1e-11, 0.1), xlim=(low, tail.threshold + 6),
        xlabel="radius, bits, inclusive", ylabel="false rate, per pair",
    )  # fmt: skip
    panel.legend(fontsize=8.5, frameon=False, loc="upper left")
    panel.set_title(title, fontsize=10)
    return Chart(figure, f"{title}: the fitted tail, the counts and the true rates.")
