"""The charts of the index: ``lookalike-eval index-charts SWEEP.json FOLDER``.

Draws what ``speed.index.sweep`` wrote: time of a query against the number of entries, and against
the radius, with the floor that reading every code once sets. It knows rows; not how they were
measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from embeddings.codes import CODE_BYTES

_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "lookalike": ("#0b6e4f", "o"),
    "faiss flat": ("#444444", "s"),
    "faiss multihash": ("#c05621", "^"),
    "faiss ivf": ("#6b46c1", "v"),
    "faiss hnsw": ("#b83280", "D"),
    "usearch": ("#2b6cb0", "P"),
}

_LABELS: Final[Mapping[str, str]] = {"entries": "entries", "radius": "radius, bits"}

_Row = Mapping[str, Any]


def draw(sweep: Mapping[str, Any], folder: Path, radius: int, entries: int) -> list[Path]:
    """Write both charts as SVG; returns their paths."""
    rows: Sequence[_Row] = sweep["rows"]
    per_code = CODE_BYTES / float(sweep["bytes_read_per_second"]) * 1000
    return [
        _chart(
            folder / "index-by-entries.svg",
            [row for row in rows if row["radius"] == radius],
            "entries",
            f"radius {radius}, one query at a time, one thread",
            lambda count: per_code * count,
            "log",
        ),
        _chart(
            folder / "index-by-radius.svg",
            [row for row in rows if row["entries"] == entries],
            "radius",
            f"{entries:,} entries, one query at a time, one thread",
            lambda _: per_code * entries,
            "linear",
        ),
    ]


def _chart(
    path: Path,
    rows: Sequence[_Row],
    along: str,
    title: str,
    floor: Callable[[float], float],
    scale: str,
) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "lookalike"  # the same rows give the same file
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for panel, data in zip(axes, ("random", "clustered"), strict=True):
        here = [row for row in rows if row["data"] == data]
        for engine, (colour, marker) in _STYLES.items():
            mine = sorted({row[along]: row for row in here if row["engine"] == engine}.items())
            if not mine:
                continue
            exact = all(row["recall"] == 1.0 for _, row in mine)
            recall = min(row["recall"] for _, row in mine)
            panel.plot(
                [at for at, _ in mine],
                [row["p50_ms"] for _, row in mine],
                color=colour,
                marker=marker,
                markersize=5,
                linewidth=2.4 if engine == "lookalike" else 1.3,
                linestyle="-" if exact else "--",
                label=engine if exact else f"{engine} (recall from {recall:.2f})",
            )
        places = sorted({row[along] for row in here})
        panel.plot(
            places,
            [floor(at) for at in places],
            color="#999999",
            linestyle=":",
            linewidth=1.3,
            label="reading every code once",
        )
        panel.set(xscale=scale, yscale="log", xlabel=_LABELS[along], title=f"{data} codes")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("")
        panel.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        # Below the axes: lines cross wherever a legend could stand inside.
        panel.legend(
            fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16)
        )
    axes[0].set_ylabel("milliseconds a query, median")
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    return path
