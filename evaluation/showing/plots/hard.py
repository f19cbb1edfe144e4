"""Hard cases: how much structure each family has, and how near its images lie to each other.

It takes frames as ``evaluation.copies.hard_cases`` makes them; how images are made is not its
matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from embeddings.figures import MIN_STRUCTURE
from evaluation.base.hashers import Space
from evaluation.copies.hard_cases import matrix
from evaluation.showing.plots.chart import BLUE, GREY, HEAT, ORANGE, Chart, new, shown, styled


def quality_strip(frame: pd.DataFrame) -> Chart:
    """Structure by family, one mark an image; columns ``family`` and ``quality``."""
    families = list(dict.fromkeys(frame["family"]))
    figure = new(8.5, 0.42 * len(families) + 1.5)
    panel = styled(figure.subplots(), "x")
    for row, family in enumerate(families):
        values = frame[frame["family"] == family]["quality"].to_numpy(float)
        # Marks of one family stand a little apart, in an order that does not depend on chance.
        lift = 0.22 * np.sin(np.arange(len(values)) * 2.4)
        bare = values < MIN_STRUCTURE
        for chosen, colour, marker in ((~bare, BLUE, "o"), (bare, ORANGE, "X")):
            panel.plot(values[chosen], row + lift[chosen], marker, color=colour, alpha=0.8)
    panel.axvline(MIN_STRUCTURE, color=GREY, linestyle="--", linewidth=1.2)
    panel.text(
        MIN_STRUCTURE + 0.008, -0.62, f"below {MIN_STRUCTURE:g}: matched by digest only",
        color=GREY, fontsize=8.5, va="center",
    )  # fmt: skip
    panel.set_yticks(range(len(families)), families)
    panel.set_ylim(len(families) - 0.5, -0.9)
    panel.set(xlim=(-0.02, 1.02), xlabel="quality: structure of the image, 0 to 1", ylabel="images")
    return Chart(figure, "Quality of each image by family, with the bound below which none match.")


def collision_matrices(
    pairs: pd.DataFrame, families: Sequence[str], spaces: Sequence[Space]
) -> Chart:
    """Distances within each family, a row of panels for each space; collisions are marked."""
    figure = new(2.15 * len(families) + 0.9, 2.35 * len(spaces) + 0.6)
    axes = figure.subplots(len(spaces), len(families), squeeze=False)
    image = None
    for number, (line, space) in enumerate(zip(axes, spaces, strict=True)):
        # Where unrelated images lie: half of all bits, or no score at all.
        strangers = (space.levels - 1) / (1 if space.signal == "score" else 2)
        for panel, family in zip(line, families, strict=True):
            here = pairs[(pairs["left_family"] == family) & (pairs["right_family"] == family)]
            labels = list(dict.fromkeys([*here["left"], *here["right"]]))
            grid = matrix(here, labels, space.name) / strangers
            image = panel.imshow(grid, cmap=f"{HEAT}_r", vmin=0, vmax=1)
            hits = here[(here["space"] == space.name) & here["collides"]]
            place = {label: number for number, label in enumerate(labels)}
            across = [place[label] for label in (*hits["left"], *hits["right"])]
            down = [place[label] for label in (*hits["right"], *hits["left"])]
            panel.plot(across, down, "o", color="white", markeredgecolor="black", markersize=5)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.set_title("" if number else family, fontsize=9)
            total = int((here["space"] == space.name).sum())
            panel.set_xlabel(f"{len(hits)} of {total} pairs", fontsize=8.5)
        rule = "" if space.radius is None else f" {space.within(space.radius)}"
        line[0].set_ylabel(f"{shown(space.name)}{rule}", fontsize=9)
    assert image is not None
    bar = figure.colorbar(image, ax=axes.ravel().tolist(), shrink=0.7, pad=0.01)
    bar.set_label("distance: 0 equal, 1 as strangers")
    figure.suptitle("each square a pair of images; a white dot: a match", fontsize=9.5)
    return Chart(figure, "Distances of all pairs within each hard family, collisions marked.")
