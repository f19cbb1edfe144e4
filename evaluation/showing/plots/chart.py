"""The look all figures share, and ``Chart``: a figure that shows itself in a notebook.

Colours are Okabe and Ito's, which people tell apart whatever their colour vision; what differs in
colour differs in marker or line too. Nothing here touches pyplot, so no figure outlives its use. It
knows nothing of what is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLACK: Final = "#000000"
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
OKABE_ITO: Final = (BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE)
GREY: Final = "#767676"
"""For what is not data: grid, notes, floors."""

HEAT: Final = "cividis"
"""For values from low to high: even in lightness, and the same to all colour vision."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "h")
DPI: Final = 96


class Chart:
    """A figure with the words for those who cannot see it."""

    def __init__(self, figure: Figure, says: str) -> None:
        """``says``: what the figure shows, in a sentence."""
        # The first time ticks find their places, the second all else finds room. Then it is left:
        # laid out at each drawing again, parts would creep from one to the next.
        for _ in range(2):
            figure.draw_without_rendering()
        figure.set_layout_engine("none")
        self.figure = figure
        self.says = says

    def png(self, dpi: int = DPI) -> bytes:
        """The figure as a PNG file, without a date: the same figure gives the same bytes."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()

    def save(self, path: Path) -> None:
        """Write it in the format that the path's suffix names: png, svg, pdf."""
        with mpl.rc_context({"svg.hashsalt": "lookalike"}):
            self.figure.savefig(path, dpi=2 * DPI)

    def _repr_png_(self) -> bytes:
        return self.png()

    def __repr__(self) -> str:
        """What the figure shows: a notebook keeps it beside the picture."""
        return self.says


def new(width: float, height: float) -> Figure:
    """An empty figure, inches; its parts make room for each other."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def styled(axes: Axes, grid: str = "both") -> Axes:
    """``axes`` with a light grid behind the data and no frame on the right and above."""
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, which="major", axis=grid, color="#dddddd", linewidth=0.6)  # type: ignore[arg-type]
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def colour_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each signal or choice of signals: PDQ blue, a code vermilion, a choice black.

    What comes after takes the next colours.
    """
    spare = iter((GREEN, PURPLE, ORANGE, SKY, GREY))
    colours: dict[str, str] = {}
    for name in names:
        if name == "pdq":
            colours[name] = BLUE
        elif " or " in name and BLACK not in colours.values():
            colours[name] = BLACK
        elif " or " not in name and VERMILION not in colours.values():
            colours[name] = VERMILION
        else:
            colours[name] = next(spare, GREY)
    return colours


def shown(name: str) -> str:
    """A signal or choice of signals as a legend shows it."""
    return " or ".join("PDQ" if part == "pdq" else part for part in name.split(" or "))
