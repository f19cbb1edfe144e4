"""The speed of an index: latency against entries and radius with the floor, and memory.

It takes the rows of a sweep as ``evaluation.speed.index.index_speed`` reads them; how they were
measured is not its matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter

from embeddings.codes import CODE_BYTES
from evaluation.showing.plots.chart import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Chart,
    new,
    styled,
)

_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "lookalike": (VERMILION, "o"),
    "faiss flat": (BLACK, "s"),
    "faiss multihash": (BLUE, "^"),
    "faiss ivf": (GREEN, "v"),
    "faiss hnsw": (PURPLE, "D"),
    "usearch": (ORANGE, "P"),
}


def latency_by_entries(rows: pd.DataFrame, radius: int, bytes_per_second: float) -> Chart:
    """Time of a query against the number of entries, at one radius; log axes."""
    here = rows[rows["radius"] == radius]
    per_code = CODE_BYTES / bytes_per_second * 1000
    return _latency(
        here, "entries", "entries, codes", f"radius {radius} bits", lambda n: per_code * n, "log"
    )


def latency_by_radius(rows: pd.DataFrame, entries: int, bytes_per_second: float) -> Chart:
    """Time of a query against the radius, at one number of entries; log axis of times."""
    here = rows[rows["entries"] == entries]
    floor = CODE_BYTES / bytes_per_second * 1000 * entries
    return _latency(
        here, "radius", "radius, bits, inclusive", f"{entries:,} entries", lambda _: floor, "linear"
    )


def _latency(
    rows: pd.DataFrame,
    along: str,
    label: str,
    title: str,
    floor: Callable[[float], float],
    scale: str,
) -> Chart:
    kinds = list(dict.fromkeys(rows["data"]))
    figure = new(5.2 * len(kinds), 4.6)
    axes = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, kind in zip(axes, kinds, strict=True):
        here = rows[rows["data"] == kind].sort_values(along)
        for engine, (colour, marker) in _STYLES.items():
            mine = here[here["engine"] == engine].drop_duplicates(along, keep="last")
            if mine.empty:
                continue
            exact = bool((rows.loc[rows["engine"] == engine, "recall"] == 1.0).all())
            ours = engine == "lookalike"
            panel.plot(
                mine[along], mine["p50_ms"], color=colour, marker=marker, markersize=5,
                linewidth=2.4 if ours else 1.2, linestyle="-" if exact else "--",
                label=engine if exact else f"{engine} (not exact)", zorder=3 if ours else 2,
            )  # fmt: skip
            if ours:
                panel.fill_between(
                    mine[along], mine["p50_ms"], mine["p99_ms"], color=SKY, alpha=0.4, linewidth=0,
                    label="lookalike, median to 99th percentile",
                )  # fmt: skip
        places = np.array(sorted(set(here[along])), float)
        panel.plot(
            places, [floor(at) for at in places], color=GREY, linestyle=":", linewidth=1.6,
            label="floor: reading every code once",
        )  # fmt: skip
        styled(panel).set(xscale=scale, yscale="log", xlabel=label)
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.set_title(f"{kind} codes", fontsize=10)
    axes[0].set_ylabel("milliseconds a query, median")
    known = dict(
        pair
        for panel in axes
        for pair in zip(*reversed(panel.get_legend_handles_labels()), strict=True)
    )
    figure.legend(
        known.values(),
        known.keys(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8.5,
    )
    figure.suptitle(f"{title}, one query at a time, one thread", fontsize=11)
    return Chart(figure, f"Milliseconds a query against {along}, {title}, by engine.")


def memory_by_entries(rows: pd.DataFrame) -> Chart:
    """Memory of each engine against the number of entries; log axes."""
    figure = new(7.5, 4.25)
    panel = styled(figure.subplots())
    for engine, (colour, marker) in _STYLES.items():
        mine = rows[rows["engine"] == engine].sort_values("entries").drop_duplicates("entries")
        if mine.empty:
            continue
        panel.plot(
            mine["entries"], mine["bytes_per_code"] * mine["entries"] / 2**20, color=colour,
            marker=marker, markersize=5, linewidth=2.4 if engine == "lookalike" else 1.2,
            label=engine,
        )  # fmt: skip
    places = np.array(sorted(set(rows["entries"])), float)
    panel.plot(
        places, places * CODE_BYTES / 2**20, color=GREY, linestyle=":", linewidth=1.6,
        label=f"the codes themselves, {CODE_BYTES} bytes each",
    )  # fmt: skip
    panel.set(xscale="log", yscale="log", xlabel="entries, codes", ylabel="memory, MiB")
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.legend(fontsize=8.5, frameon=False, loc="upper left")
    return Chart(figure, "Memory of each engine against the number of entries.")
