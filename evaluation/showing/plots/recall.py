"""Recall: by part of the copies with intervals, and by edit and strength as a heat map.

It takes frames as ``evaluation.showing.frames`` and ``evaluation.copies.strengths`` make them, and
knows nothing
of how they came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from evaluation.showing.plots.chart import HEAT, MARKERS, Chart, colour_of, new, shown, styled

_KINDS: Final = {
    "all": "all copies",
    "photo": "photographs",
    "nonphoto": "non-photographs",
    "unknown": "unlabelled",
}
_FAMILIES: Final = ("mild", "heavy", "chains", "all")


def recall_by_part(frame: pd.DataFrame, metric: str, title: str) -> Chart:
    """One panel a kind of imagery, one row a family of edits: recall with its 95% interval."""
    here = frame[frame["metric"] == metric]
    kinds = [kind for kind in _KINDS if (here["kind"] == kind).any()]
    families = [name for name in _FAMILIES if (here["family"] == name).any()]
    names = list(dict.fromkeys(here["flagged_by"]))
    colours = colour_of(names)
    figure = new(3.4 * len(kinds) + 0.9, 0.78 * len(families) + 1.75)
    axes = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, kind in zip(axes, kinds, strict=True):
        for turn, name in enumerate(names):
            rows = here[(here["kind"] == kind) & (here["flagged_by"] == name)]
            rows = rows.set_index("family").reindex(families)
            heights = np.arange(len(families)) + 0.2 * (turn - (len(names) - 1) / 2)
            _dots(panel, rows, heights, colours[name], MARKERS[turn % len(MARKERS)], shown(name))
        styled(panel, "x").set(xlim=(-0.03, 1.03), xlabel="recall, share of copies found")
        panel.set_title(_KINDS[kind], fontsize=10)
        panel.set_yticks(range(len(families)), families)
        panel.invert_yaxis()
    axes[0].set_ylabel("family of edits")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return Chart(figure, f"{title}: recall with 95% intervals by kind of imagery and family.")


def _dots(
    panel: Axes,
    rows: pd.DataFrame,
    heights: NDArray[np.floating],
    colour: str,
    marker: str,
    label: str,
) -> None:
    value = rows["value"].to_numpy(float)
    # A bootstrap's interval need not hold the value itself where that is at its end.
    ends = [value - rows["low"].to_numpy(float), rows["high"].to_numpy(float) - value]
    panel.errorbar(
        value, heights, xerr=np.maximum(ends, 0), fmt=marker, color=colour, markersize=6,
        elinewidth=1.6, capsize=2.5, label=label,
    )  # fmt: skip


def heat_map(frame: pd.DataFrame, units: Mapping[str, str]) -> Chart:
    """Recall by edit and strength, a panel for each choice of signals, weak to strong.

    ``frame``: of ``strengths.recall``. ``units``: of each ladder's strengths, by its name: these
    are the rows, in that order.
    """
    names = list(dict.fromkeys(frame["flagged_by"]))
    steps = int(frame[frame["ladder"].isin(list(units))]["rung"].max())
    figure = new(3.25 * len(names) + 2.7, 0.34 * len(units) + 1.9)
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    image = None
    for panel, name in zip(axes, names, strict=True):
        here = frame[frame["flagged_by"] == name]
        grid = np.full((len(units), steps), np.nan)
        for row, ladder in enumerate(units):
            for one in here[here["ladder"] == ladder].itertuples():
                grid[row, int(str(one.rung)) - 1] = one.value
                light = float(str(one.value)) > 0.55
                panel.text(
                    int(str(one.rung)) - 1, row, str(one.strength), ha="center", va="center",
                    fontsize=7.5, color="black" if light else "white",
                )  # fmt: skip
        image = panel.imshow(grid, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
        panel.set_title(shown(name), fontsize=10)
        panel.set_xticks(range(steps), [str(step + 1) for step in range(steps)])
        panel.set_xlabel("strength, step (weak to strong)")
        panel.set_yticks(range(len(units)), [f"{name}, {unit}" for name, unit in units.items()])
        panel.tick_params(length=0)
    axes[0].set_ylabel("edit, and what the numbers in the cells are")
    assert image is not None
    bar = figure.colorbar(image, ax=list(axes), shrink=0.6, pad=0.01)
    bar.set_label("recall, share of copies found")
    return Chart(figure, "Heat map of recall by edit and strength, a panel for each signal.")


def one_off_edits(frame: pd.DataFrame, ladder: str, order: Sequence[str]) -> Chart:
    """Recall of edits without a strength, with 95% intervals."""
    here = frame[frame["ladder"] == ladder]
    names = list(dict.fromkeys(here["flagged_by"]))
    colours = colour_of(names)
    figure = new(8, 0.52 * len(order) + 1.5)
    panel = styled(figure.subplots(), "x")
    for turn, name in enumerate(names):
        rows = here[here["flagged_by"] == name].set_index("strength").reindex(list(order))
        heights = np.arange(len(order)) + 0.22 * (turn - (len(names) - 1) / 2)
        _dots(panel, rows, heights, colours[name], MARKERS[turn % len(MARKERS)], shown(name))
    panel.set_yticks(range(len(order)), list(order))
    panel.invert_yaxis()
    panel.set(xlim=(-0.03, 1.03), xlabel="recall, share of copies found", ylabel="edit")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return Chart(figure, "Recall of edits without a strength, with 95% intervals, by signal.")
